// How a change of the dynamic configuration is applied, and when two configurations are the same.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace matriarch::model {

// Patroni's text of a value, by which configurations are compared: `30` equals "30", `true` does not equal "true".
std::string comparison_text(const boost::json::value& value);

// Applies `patch` to `config`, key by key: null removes; two objects recurse; anything else replaces when the texts differ.
// Existing keys keep their place, new ones are appended. Says whether anything changed.
// Nulls nested in a mapping that is new are dropped, except in local files, where they hide a value of the dynamic
// configuration.
enum class NestedNulls { kDrop, kKeep };
bool merge_patch(boost::json::object& config, const boost::json::object& patch, NestedNulls nulls = NestedNulls::kDrop);

// Same key sets, compared recursively; other values by their text; null differs from absent.
bool same_configuration(const boost::json::value& a, const boost::json::value& b);

}  // namespace matriarch::model
