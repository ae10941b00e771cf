// Numbers with units, read the way PostgreSQL and Patroni read them: "10MB", "1.5kB", "1min", "0x10", "010".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::model {

// A whole number of `base_unit`: "B", "kB", "MB" (1024-based), "ms", "s" or "min", optionally with a multiplier ("16384kB");
// empty: no unit is allowed. Rounded to a multiple of the next smaller unit, then half to even. Nothing: not such a number.
std::optional<std::int64_t> parse_integer(std::string_view text, std::string_view base_unit = {});

// The same, not rounded to a whole number.
std::optional<double> parse_real(std::string_view text, std::string_view base_unit = {});

// "on", "true", "yes", "1" and "off", "false", "no", "0", in any case; else nothing.
std::optional<bool> parse_boolean(std::string_view text);

}  // namespace matriarch::model
