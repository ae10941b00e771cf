// The two clocks of the system, in nanoseconds since their own beginnings.
#pragma once

#include <time.h>

#include <chrono>

namespace matriarch::system {

inline std::chrono::nanoseconds read_clock(clockid_t id) noexcept {
  timespec now{};
  ::clock_gettime(id, &now);  // cannot fail for the clocks below: they exist on every Linux we run on
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Since boot, counting suspend, never set by anybody: the clock of leases and fences.
inline std::chrono::nanoseconds boot_time() noexcept {
  return read_clock(CLOCK_BOOTTIME);
}

// Since 1970 in UTC: what operators read. May jump.
inline std::chrono::nanoseconds realtime() noexcept {
  return read_clock(CLOCK_REALTIME);
}

}  // namespace matriarch::system
