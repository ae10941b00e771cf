// The settings of a standby: what they should be for an upstream, and whether what is in effect differs.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "model/postgres.hpp"
#include "model/settings.hpp"
#include "ports/postgres.hpp"
#include "postgres/conninfo.hpp"

namespace matriarch::postgres {

// What primary_conninfo has to say for this upstream, the password included (it goes to the password file).
Conninfo upstream_conninfo(const model::Settings& settings, const model::Upstream& upstream, int major_version);

// name -> value, without the password. No upstream: a standby that only reads its archive, or waits to be promoted.
std::map<std::string, std::string> wanted_recovery_settings(const model::Settings& settings, const std::optional<model::Upstream>& upstream,
                                                            int major_version);

// What the running server says.
struct RecoveryInEffect {
  bool has_standby_signal = false;
  std::map<std::string, std::string> settings;        // of pg_settings
  std::map<std::string, std::string> set_elsewhere;   // the ones that another included file sets
  bool receiver_runs = false;
  std::string receiver_conninfo, receiver_slot;       // the password is masked
};
ports::FollowChange compare_recovery(const RecoveryInEffect& in_effect, const std::map<std::string, std::string>& wanted, int major_version);

// Whether a change of this setting needs a restart in that version (its context is "postmaster").
bool needs_restart(std::string_view recovery_setting, int major_version);

}  // namespace matriarch::postgres
