#include "rules/schedule.hpp"

#include <chrono>
#include <fmt/chrono.h>

#include "rules/facts.hpp"

namespace matriarch::rules {

using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::seconds;

Schedule judge_schedule(const Situation& s, model::WallTime at) {
  if (paused(s) || at > s.seen.wall_now) return Schedule::kLater;
  const auto tolerated = floor<seconds>(loop_wait(s) * 3 / 2);
  return s.seen.wall_now - at > tolerated ? Schedule::kStale : Schedule::kDue;
}

// A schedule may lie centuries ahead; the timer is bounded so that no arithmetic overflows.
model::Instant instant_of(const Situation& s, model::WallTime at) {
  const microseconds ahead = std::clamp<microseconds>(at - s.seen.wall_now, microseconds(0), std::chrono::hours(24));
  return s.seen.now + ahead;
}

std::string iso8601(model::WallTime at) {
  const auto whole = floor<seconds>(at);
  const auto fraction = (at - whole).count();
  const std::time_t since_epoch = std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::system_clock::duration>(whole));
  const std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(since_epoch));
  return fraction ? fmt::format("{}.{:06}+00:00", text, fraction) : text + "+00:00";
}

}  // namespace matriarch::rules
