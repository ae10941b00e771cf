// When something is to happen, as an operator writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "model/timestamp.hpp"

namespace matriarch::ctl {

// Nothing: at once ("", "now"). ISO 8601 with or without a zone, and "2030/05/29 04:32", "29.05.2030 04:32",
// "29 May 2030 04:32", "May 29 2030 4:32 PM", "04:32", "4:32pm", "10am" (today), "Wed 10:00" (the next one, today included),
// "tomorrow 03:00", "+30m", "+2h", "+1d", "@EPOCH". Without a zone it is the local time of `now`'s machine.
//
// Refused, with the reason: what is ambiguous (05/06/2030, a bare number), zones other than offsets, UTC, GMT, Z and the
// local one, and local times that do not exist or exist twice.
tl::expected<std::optional<model::WrittenTime>, std::string> parse_schedule(std::string_view text, model::WallTime now);

// "2030-03-04T04:30:00+01:00, in 3 h 12 min" and the same in UTC: what was understood, for the operator to check.
std::string explain_schedule(const model::WrittenTime& time, model::WallTime now);

// "2030-03-04T12:52": an hour ahead, as an example in prompts.
std::string example_time(model::WallTime now);

}  // namespace matriarch::ctl
