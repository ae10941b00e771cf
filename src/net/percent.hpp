// A request's target taken apart, and text made safe to stand in one (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::net {

struct QueryParameter {
  std::string name;
  std::string value;  // empty for "?name=" and for "?name"
  bool operator==(const QueryParameter&) const = default;
};

struct Target {
  std::string path;                        // decoded; always begins with '/', or is "*"
  std::vector<QueryParameter> query = {};  // decoded, in order, blank values and repetitions kept

  // The first value of that name, or nothing.
  std::optional<std::string_view> parameter(std::string_view name) const;
};

// Accepts "/path?query" and the absolute form that proxies send; a '+' in the query is a blank. Nothing when it is
// not a valid target, a bad escape ("%zz") or one of NUL included.
std::optional<Target> parse_target(std::string_view target);

// Everything but letters, digits and "-._~" becomes %XX: fit for one path segment, a query name or a query value.
std::string percent_encode(std::string_view text);

}  // namespace matriarch::net
