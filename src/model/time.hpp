// Instants and durations. The model has no clock: an Instant comes from ports::Clock.
#pragma once

#include <chrono>

namespace matriarch::model {

// Time since boot, suspend included (CLOCK_BOOTTIME). Never compared between machines.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using Instant = BootClock::time_point;
using Milliseconds = std::chrono::milliseconds;

// Wall-clock time, for operators and schedules only; never for leases.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

}  // namespace matriarch::model
