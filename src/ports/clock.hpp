#pragma once
#include <boost/asio/awaitable.hpp>

#include "model/time.hpp"

namespace matriarch::ports {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual model::Instant now() const = 0;
  virtual model::WallTime wall_now() const = 0;
  // Returns true at (or just after) `when`, false when the coroutine was cancelled before.
  virtual boost::asio::awaitable<bool> sleep_until(model::Instant when) = 0;
};

}  // namespace matriarch::ports
