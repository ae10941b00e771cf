#pragma once
#include "model/settings.hpp"
#include "model/time.hpp"

namespace matriarch::ports {

class Watchdog {
 public:
  virtual ~Watchdog() = default;
  virtual void apply_settings(const model::WatchdogSettings& settings, const model::Timing& timing) = 0;
  // True when leadership may go on: a device is open with a safe timeout, or the mode does not require one.
  virtual bool activate() = 0;
  // Pings only if lease_until - now exceeds the device's timeout, so that the reset never comes after the lease's end.
  virtual void keep_alive(model::Instant now, model::Instant lease_until) = 0;
  virtual void disable() = 0;
  virtual bool is_active() const = 0;
  virtual bool is_healthy() const = 0;
};

}  // namespace matriarch::ports
