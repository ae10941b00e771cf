// The checks of `--validate-config`: what a value must be, and the words for what it is not (docs/configuration.md).
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "settings/complaint.hpp"
#include "settings/validate.hpp"

namespace matriarch::settings {

// What a check may look at beside the value.
struct CheckContext {
  const boost::json::object& root;
  const Probes& probes;
  const ValidateRules& rules;
  Complaints& complaints;

  void fail(const std::string& path, const boost::json::value& value, std::string wrong) const;
  // "didn't pass validation: <reason>"
  void fail_validation(const std::string& path, const boost::json::value& value, std::string_view reason) const;
};

using Check = std::function<void(const CheckContext&, const std::string& path, const boost::json::value&)>;

Check is_string();
Check is_boolean();
Check is_integer();
Check is_mapping();
Check is_non_empty_list_of_strings();
Check is_non_empty_list_of_options();  // strings and mappings; a mapping in place of the list is accepted too
Check strict_integer(std::int64_t least, std::int64_t most);
// As text as well; with a unit when there is a base unit.
Check integer(std::int64_t least, std::int64_t most, std::string_view base_unit = {});
Check real_above_zero(bool zero_allowed = false);
Check one_of(std::vector<std::string_view> words, bool any_case = false);
Check address_to_connect();
Check address_to_reach();
Check address_to_listen();
Check addresses_to_listen();
Check list_of(const Check& item, bool comma_text);
Check ip_address();

}  // namespace matriarch::settings
