// A request's target, taken apart the way load balancers' configurations rely on: the path byte for byte, the query decoded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace matriarch::rest {

struct Target {
  std::string path;     // without query; leading slashes collapsed to one; never percent-decoded
  std::string segment;  // the path's first segment
  std::map<std::string, std::string, std::less<>> query;  // first value of each key; empty values are dropped
  std::set<std::string, std::less<>> flags;               // keys that came without a value
  std::optional<std::string_view> parameter(std::string_view name) const;
};

Target parse_target(std::string_view target);

}  // namespace matriarch::rest
