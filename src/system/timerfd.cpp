#include "system/timerfd.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cstdint>

namespace matriarch::system {

SystemResult<BootTimer> BootTimer::create() {
  Fd fd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) return failed("create a timer on CLOCK_BOOTTIME");
  return BootTimer(std::move(fd));
}

SystemResult<void> BootTimer::set_at(std::chrono::nanoseconds boot_time) {
  // An all-zero time would disarm the timer: the earliest moment that still means "at once" is 1 ns.
  const auto at = std::max(boot_time, std::chrono::nanoseconds(1));
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(at);
  itimerspec spec{};
  spec.it_value.tv_sec = whole.count();
  spec.it_value.tv_nsec = (at - whole).count();
  if (::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0) return failed("set a timer");
  return {};
}

SystemResult<void> BootTimer::disarm() {
  const itimerspec never{};
  if (::timerfd_settime(fd_.get(), 0, &never, nullptr) != 0) return failed("disarm a timer");
  return {};
}

bool BootTimer::drain() noexcept {
  std::uint64_t expirations = 0;
  return ::read(fd_.get(), &expirations, sizeof expirations) == sizeof expirations;
}

}  // namespace matriarch::system
