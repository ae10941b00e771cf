#include "postgres/waiting.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

namespace matriarch::postgres {

void throw_cancelled() {
  throw boost::system::system_error(asio::error::operation_aborted);
}

model::Milliseconds left_until(Deadline deadline) {
  const auto left = std::chrono::ceil<model::Milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, model::Milliseconds(0));
}

asio::awaitable<bool> wait_ready(asio::posix::stream_descriptor& descriptor, asio::posix::stream_descriptor::wait_type what, Deadline deadline) {
  asio::steady_timer timer(descriptor.get_executor(), deadline);
  auto both = asio::experimental::make_parallel_group(descriptor.async_wait(what, asio::deferred), timer.async_wait(asio::deferred));
  const auto [order, ready, expired] = co_await both.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] == 0 && !ready) co_return true;
  if (order[0] == 1 && !expired) co_return false;
  if (order[0] == 0 && ready != asio::error::operation_aborted) throw boost::system::system_error(ready);
  throw_cancelled();
}

asio::awaitable<void> sleep_until(Deadline when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(asio::use_awaitable);
}

// Stands in the frame of the coroutine that waits, so that it leaves the list however the frame ends.
class Event::Waiter {
 public:
  Waiter(Event& event, asio::any_io_executor executor, Deadline deadline)
      : timer(std::move(executor), deadline), event_(event), position_(event.waiters_.insert(event.waiters_.end(), this)) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { event_.waiters_.erase(position_); }

  asio::steady_timer timer;
  bool notified = false;

 private:
  Event& event_;
  std::list<Waiter*>::iterator position_;
};

void Event::notify_all() {
  ++count_;
  for (Waiter* waiter : waiters_) {
    waiter->notified = true;
    waiter->timer.cancel();
  }
}

asio::awaitable<bool> Event::wait_beyond(std::uint64_t seen, Deadline deadline) {
  if (count_ > seen) co_return true;
  Waiter waiter(*this, co_await asio::this_coro::executor, deadline);
  boost::system::error_code error;
  co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (error && !waiter.notified) throw_cancelled();
  co_return waiter.notified;
}

asio::awaitable<std::optional<Turn::Held>> Turn::take(Deadline deadline) {
  while (taken_) {
    const bool released = co_await released_.wait_beyond(released_.count(), deadline);
    if (!released && taken_) co_return std::nullopt;
  }
  taken_ = true;
  co_return Held(*this);
}

void Turn::release() {
  taken_ = false;
  released_.notify_all();
}

}  // namespace matriarch::postgres
