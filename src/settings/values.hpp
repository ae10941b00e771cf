// JSON values read as Patroni reads them (docs/configuration.md, "Values"). "Nothing" means that a value does not parse.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::settings {

// Null, false, 0, "" and empty lists and mappings are not truthy.
bool is_truthy(const boost::json::value& value);

// on/true/yes/1 and off/false/no/0, in any case.
std::optional<bool> parse_bool(const boost::json::value& value);

// An integer, a real that is rounded half to even, or text of either, with a unit when `base_unit` is given:
// ("1GB", "8kB") is 131072. Booleans are no numbers.
std::optional<std::int64_t> parse_int(const boost::json::value& value, std::string_view base_unit = {});
std::optional<double> parse_real(const boost::json::value& value, std::string_view base_unit = {});

// The largest number that PostgreSQL and Patroni take for a whole one.
inline constexpr std::int64_t kMostInt = 2147483647;

std::string lower_case(std::string_view text);    // ASCII only
std::string_view trimmed(std::string_view text);  // without blanks, tabs and line breaks at its ends

}  // namespace matriarch::settings
