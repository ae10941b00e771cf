#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "ports/clock.hpp"

namespace matriarch::runtime {

// CLOCK_BOOTTIME for leases and waits, CLOCK_REALTIME for people. One for each executor.
class Clock : public ports::Clock {
 public:
  explicit Clock(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  model::Instant now() const override;
  model::WallTime wall_now() const override;
  boost::asio::awaitable<bool> sleep_until(model::Instant when) override;

 private:
  boost::asio::any_io_executor executor_;
};

}  // namespace matriarch::runtime
