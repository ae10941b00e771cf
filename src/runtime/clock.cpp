#include "runtime/clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "system/clock.hpp"

namespace matriarch::runtime {

namespace asio = boost::asio;

namespace {

// What Asio asks of a clock.
struct SystemBootClock {
  using duration = model::BootClock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SystemBootClock, duration>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return time_point(system::boot_time()); }
};
using BootTimer = asio::basic_waitable_timer<SystemBootClock>;

}  // namespace

model::Instant Clock::now() const { return model::Instant(system::boot_time()); }

model::WallTime Clock::wall_now() const {
  return model::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(system::realtime()));
}

asio::awaitable<bool> Clock::sleep_until(model::Instant when) {
  BootTimer timer(executor_);
  timer.expires_at(SystemBootClock::time_point(when.time_since_epoch()));
  auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

}  // namespace matriarch::runtime
