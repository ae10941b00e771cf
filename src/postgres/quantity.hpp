// Values of settings as PostgreSQL and Patroni write them: "on", "0x10", "128MB", "1.5h".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::postgres {

// on/off, true/false, yes/no, 1/0, and PostgreSQL's unambiguous beginnings of the words; case does not matter.
std::optional<bool> parse_bool(std::string_view text);

// A whole number, with a unit if `base_unit` ("kB", "8kB", "ms", "min", ...) knows its family; the result counts base
// units, half-way cases rounded to even. Hexadecimal (0x) and octal (0...) are understood, as PostgreSQL does.
std::optional<std::int64_t> parse_integer(std::string_view text, std::string_view base_unit = {});
std::optional<double> parse_real(std::string_view text, std::string_view base_unit = {});

// The number with the largest unit that loses nothing: (16384, "8kB") is "128MB", (300, "s") is "5min". Zero, text that
// is no number, and units without a family are returned unchanged.
std::string to_human(std::string_view number, std::string_view base_unit);

// Whether a configured text means what pg_settings shows, by pg_settings.vartype. Both must be readable to be equal.
bool same_setting(std::string_view vartype, std::string_view unit, std::string_view shown, std::string_view configured);

}  // namespace matriarch::postgres
