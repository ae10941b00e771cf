// Moments as text: ISO 8601 with an offset, as schedules and the history have them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/time.hpp"

namespace matriarch::model {

// "2026-07-30T12:00:00+00:00", "2026-07-30 14:00:00.5+02:00", "...Z". Nothing without an offset: whose midnight it is
// must not depend on the machine that reads it.
std::optional<WallTime> parse_timestamp(std::string_view text);

// In UTC: "2026-07-30T12:00:00+00:00"; six digits of fraction only when there is one.
std::string format_timestamp(WallTime time);

}  // namespace matriarch::model
