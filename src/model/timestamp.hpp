// Moments as text: ISO 8601, as schedules, the history and clients have them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "model/time.hpp"

namespace matriarch::model {

// "2026-07-30T12:00:00+00:00", "2026-07-30 14:00:00.5+02:00", "...Z". Nothing without an offset: whose midnight it is
// must not depend on the machine that reads it.
std::optional<WallTime> parse_timestamp(std::string_view text);

// A moment as somebody wrote it. Without an offset, `at` is the text read as UTC and means nothing until a zone is chosen.
struct WrittenTime {
  WallTime at{};
  std::optional<std::chrono::minutes> offset;  // of the zone that was given
  bool operator==(const WrittenTime&) const = default;
};

// "2030-03-04", "20300304", then "T" or blanks, then "HH:MM[:SS[.f]]" or "HHMM[SS]", then "Z", "UTC", "GMT", "+HH",
// "+HHMM" or "+HH:MM". Digits beyond microseconds are cut off. Anything else, and dates that do not exist, are nothing.
std::optional<WrittenTime> parse_written_time(std::string_view text);

// "2026-07-30T12:00:00+00:00"; six digits of fraction only when there is one.
std::string format_timestamp(WallTime time, std::chrono::minutes offset = std::chrono::minutes{0}, char separator = 'T');

}  // namespace matriarch::model
