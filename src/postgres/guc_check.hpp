// Whether a configured setting may be written into postgresql.conf, and as what.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::postgres {

struct CheckedSettings {
  std::map<std::string, std::string> accepted;  // name -> text to write
  std::vector<std::string> complaints;          // one line each, for the journal
  std::set<std::string> unknown;                // held back: not in the table, and `known_by_server` does not have them
};

// Numbers out of range become the bound; text that cannot be read is left out; names with a dot belong to extensions
// and are written as they are. `known_by_server` is what `postgres --describe-config` lists (lower case), null while
// it was not asked: then names missing in the table are reported as `unknown`, without complaint.
CheckedSettings check_settings(const std::map<std::string, std::string>& settings, int version, const std::set<std::string>* known_by_server);

// The same for the settings of a standby.
CheckedSettings check_recovery_settings(const std::map<std::string, std::string>& settings, int version);

}  // namespace matriarch::postgres
