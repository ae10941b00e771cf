// When a scheduled switchover or restart is due. Wall time, because that is what an operator schedules by.
#pragma once

#include "rules/rule.hpp"

namespace matriarch::rules {

enum class Schedule {
  kLater,  // not yet, or the cluster is paused: the request is kept
  kDue,
  kStale,  // missed by more than one and a half loop_wait: it is dropped
};
Schedule judge_schedule(const Situation& s, model::WallTime at);
// The instant at which `at` will be there by the wall clock as it goes now.
model::Instant instant_of(const Situation& s, model::WallTime at);
std::string iso8601(model::WallTime at);  // "2026-08-01T03:00:00+00:00", microseconds only if there are any

}  // namespace matriarch::rules
