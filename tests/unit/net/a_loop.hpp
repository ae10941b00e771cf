// Runs a test's coroutine on an io_context of its own, within a deadline.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <stdexcept>

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

}  // namespace matriarch::net
