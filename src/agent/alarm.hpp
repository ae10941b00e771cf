// A sleep that ends at its time or when somebody rings, whichever comes first.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "model/time.hpp"
#include "ports/clock.hpp"

namespace matriarch::agent {

// Used on one executor; one sleeper at a time. A ring while nobody sleeps is remembered for the next sleep.
class Alarm {
 public:
  Alarm(boost::asio::any_io_executor executor, ports::Clock& clock) : executor_(std::move(executor)), clock_(clock) {}
  boost::asio::awaitable<void> sleep_until(model::Instant when);
  void ring();

 private:
  boost::asio::any_io_executor executor_;
  ports::Clock& clock_;
  boost::asio::cancellation_signal signal_;
  bool rung_ = false;
  bool asleep_ = false;
};

}  // namespace matriarch::agent
