// How values are read: booleans, numbers with units, addresses, command-line options (docs/configuration.md, "Values").
// Pure functions; "nothing" means the value does not parse.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "model/settings.hpp"

namespace matriarch::settings {

// The string form that Patroni compares and prints: True, None, 10, 1.5, text as it is.
std::string string_form(const boost::json::value& value);

// on/true/yes/1 and off/false/no/0, in any case.
std::optional<bool> parse_bool(const boost::json::value& value);

// An integer (hex, octal, decimal, or a real that is rounded half to even), with a unit when `base_unit` is given:
// ("1GB", "8kB") is 131072. Booleans are no numbers.
std::optional<std::int64_t> parse_int(const boost::json::value& value, std::string_view base_unit = {});
std::optional<double> parse_real(const boost::json::value& value, std::string_view base_unit = {});

// 16384 of "8kB" is "128MB": the largest unit without loss.
std::string with_unit(std::int64_t value, std::string_view base_unit);

// "h:5432", "[::1]:5432", "a,b:5432"; without a port the default; default 0 makes the port mandatory.
std::optional<model::HostPort> parse_host_port(std::string_view text, std::uint16_t default_port);

// User options for a program: a mapping, or a list of words and single-key mappings; forbidden names are left out.
struct ParsedOptions {
  model::Options options;
  std::vector<std::string> errors;
};
ParsedOptions parse_options(const boost::json::value& value, std::string_view tool,
                            const std::vector<std::string_view>& forbidden);

}  // namespace matriarch::settings
