// Values of settings as people write them, compared with what the server shows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace matriarch::postgres {

// on/off, true/false, yes/no, 1/0, and the unambiguous beginnings of the words that PostgreSQL takes; case does not matter.
std::optional<bool> parse_bool(std::string_view text);

// The number with the largest unit that loses nothing: (16384, "8kB") is "128MB", (300, "s") is "5min". Zero, text that
// is no number, and units without a family are returned unchanged.
std::string to_human(std::string_view number, std::string_view base_unit);

// Whether a configured text means what pg_settings shows, by pg_settings.vartype. Both must be readable to be equal.
bool same_setting(std::string_view vartype, std::string_view unit, std::string_view shown, std::string_view configured);

}  // namespace matriarch::postgres
