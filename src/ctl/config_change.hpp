// Changes of the dynamic configuration as `edit-config` takes them; pure.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace matriarch::ctl {

// "KEY=VALUE": the path split at dots (below postgresql.parameters the rest is one name), the value as YAML. Null or empty
// removes the key, and mappings that it leaves empty; missing levels are made.
tl::expected<void, std::string> set_value(boost::json::object& document, std::string_view assignment);

// A YAML text that must be a mapping. `name` is the file, for the error.
tl::expected<boost::json::object, std::string> parse_mapping(std::string_view text, std::string_view name);

// `wanted` with the keys that `before` has in their old order, new ones behind: edited text is sorted, the store's is not.
boost::json::object in_old_order(const boost::json::object& wanted, const boost::json::object& before);

// As it is shown and edited.
std::string config_text(const boost::json::object& document);

}  // namespace matriarch::ctl
