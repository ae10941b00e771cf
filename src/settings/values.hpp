// How scalar values are read and compared (docs/configuration.md, "Values"). Pure functions; "nothing" means that the
// value does not parse.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::settings {

// The string form that Patroni compares and prints: True, None, 10, 1.5, text as it is, ['a', 1], {'k': 1}.
std::string string_form(const boost::json::value& value);

// Null, false, 0, "" and empty lists and mappings are not truthy.
bool is_truthy(const boost::json::value& value);

// on/true/yes/1 and off/false/no/0, in any case.
std::optional<bool> parse_bool(const boost::json::value& value);

// An integer (hex, octal, decimal, or a real that is rounded half to even), with a unit when `base_unit` is given:
// ("1GB", "8kB") is 131072. Booleans are no numbers; what does not fit 64 bits does not parse.
std::optional<std::int64_t> parse_int(const boost::json::value& value, std::string_view base_unit = {});
std::optional<double> parse_real(const boost::json::value& value, std::string_view base_unit = {});

// Seconds with an optional fraction and an optional unit of time: 1, 0.5, "500ms", "2s", "1min".
std::optional<double> parse_seconds(const boost::json::value& value);

// 16384 of "8kB" is "128MB": the largest unit without loss.
std::string with_unit(std::int64_t value, std::string_view base_unit);

}  // namespace matriarch::settings
