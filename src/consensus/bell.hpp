// Waiting for something to happen, on one thread: a bell that wakes all who wait, and a value that comes later.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace matriarch::consensus {

using Moment = std::chrono::steady_clock::time_point;

class Bell {
 public:
  explicit Bell(boost::asio::any_io_executor executor)
      : executor_(std::move(executor)), waiting_(std::make_shared<Waiting>()) {}

  void ring() {
    for (auto* timer : *waiting_) timer->cancel();
  }

  // Until the next ring, or the moment. Rings before the call are not heard: check first, then wait without
  // suspending in between.
  boost::asio::awaitable<void> wait_until(Moment moment) {
    const auto waiting = waiting_;  // the bell may go before its listeners
    boost::asio::steady_timer timer(executor_, moment);
    const Listener listener(*waiting, timer);
    boost::system::error_code rung;
    co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, rung));
  }

 private:
  using Waiting = std::vector<boost::asio::steady_timer*>;
  struct Listener {
    Listener(Waiting& its_waiting, boost::asio::steady_timer& its_timer) : waiting(its_waiting), timer(&its_timer) {
      waiting.push_back(timer);
    }
    ~Listener() { std::erase(waiting, timer); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    Waiting& waiting;
    boost::asio::steady_timer* timer;
  };

  boost::asio::any_io_executor executor_;
  std::shared_ptr<Waiting> waiting_;
};

// Set once, by whoever finds out; awaited by one. Held by both through a shared_ptr.
template <typename T>
class Pending {
 public:
  explicit Pending(boost::asio::any_io_executor executor) : bell_(std::move(executor)) {}

  void finish(T value) {
    if (!value_) value_ = std::move(value);
    bell_.ring();
  }
  // The value, or nothing when the moment came first.
  boost::asio::awaitable<std::optional<T>> wait_until(Moment moment) {
    if (!value_) co_await bell_.wait_until(moment);
    co_return std::move(value_);
  }

 private:
  Bell bell_;
  std::optional<T> value_;
};

}  // namespace matriarch::consensus
