// One thing that is wrong with a configuration, said so that an operator can mend it: which key, which value, what is
// wrong, what would be right, and where it stands.
//
// A complaint never shows a secret: `value` is made by shown_value().
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::settings {

// An error makes the configuration unusable; a warning says what is done instead.
enum class Severity { kWarning, kError };

struct Complaint {
  Severity severity = Severity::kError;
  std::string path;   // "postgresql.parameters.max_connections"; list elements by index
  std::string value;  // as shown, secrets masked; empty when there is none
  std::string wrong;  // "is not an integer"
  std::string right;  // "expected a number of seconds, at least 20"; may be empty
  std::string where;  // "pg1.yml:12", "PATRONI_NAME", "dynamic configuration"; empty when not known
  bool operator==(const Complaint&) const = default;
};
using Complaints = std::vector<Complaint>;

bool has_errors(const Complaints& complaints);

// "error: pg1.yml:12: restapi.listen 8008 is not an address; expected HOST:PORT". One line, without a line feed.
std::string to_text(const Complaint& complaint);

// The same without "error: " or "warning: ": for who says that in its own way.
std::string to_sentence(const Complaint& complaint);

// "restapi.listen 8008 didn't pass validation: ...": the format of `--validate-config` (docs/configuration.md).
std::string to_validation_line(const Complaint& complaint);

// "postgresql.parameters.max_connections" -> "max_connections"
std::string_view last_part(std::string_view path);

// Whether values under this path are secrets (passwords, tokens, keys of the transport).
bool is_secret(std::string_view path);

// The value in its string form, at most 120 characters, one line; "***" in place of every secret.
std::string shown_value(std::string_view path, const boost::json::value& value);

}  // namespace matriarch::settings
