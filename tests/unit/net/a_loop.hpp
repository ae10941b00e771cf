// Runs a test's coroutine on an io_context of its own, within a deadline.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <stdexcept>

#include "net/http.hpp"

namespace matriarch::net {

class ALoop {
 public:
  boost::asio::io_context& context() { return context_; }
  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  // Runs until `body` has ended; its exceptions (failed checks of a test's own) come out here.
  void run(std::function<boost::asio::awaitable<void>()> body) {
    bool done = false;
    std::exception_ptr failure;
    boost::asio::co_spawn(context_, body, [&](std::exception_ptr thrown) {
      done = true;
      failure = thrown;
    });
    run_until([&] { return done; });
    if (failure) std::rethrow_exception(failure);
  }

  // Runs beside whatever run() or run_until() run; an exception fails the test.
  void beside(std::function<boost::asio::awaitable<void>()> body) {
    boost::asio::co_spawn(context_, body, [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  }

  void run_until(const std::function<bool()>& reached) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!reached()) {
      context_.restart();
      context_.run_one_until(deadline);
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the test's deadline passed");
    }
  }

 private:
  boost::asio::io_context context_;
};

// Something that happens once, and coroutines that wait for it.
class AnEvent {
 public:
  explicit AnEvent(boost::asio::any_io_executor executor)
      : timer_(executor, std::chrono::steady_clock::time_point::max()) {}
  void happen() {
    happened_ = true;
    timer_.cancel();
  }
  bool happened() const { return happened_; }
  boost::asio::awaitable<void> wait() {
    if (happened_) co_return;
    try {
      co_await timer_.async_wait(boost::asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      if (!happened_) throw;  // the waiting coroutine was cancelled
    }
  }

 private:
  bool happened_ = false;
  boost::asio::steady_timer timer_;
};

// The value, or the failure as an exception: for steps that a test takes for granted.
template <typename T>
T must(NetResult<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace matriarch::net
