#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "ports/watchdog.hpp"
#include "system/watchdog_device.hpp"

namespace matriarch::runtime {

// /dev/watchdog. Activated and disabled by the agent, pinged by the keeper: the two are serialised here.
class Watchdog : public ports::Watchdog {
 public:
  explicit Watchdog(std::function<void(std::string)> warn) : warn_(std::move(warn)) {}

  void apply_settings(const model::WatchdogSettings& settings, const model::Timing& timing) override;
  bool activate() override;
  void keep_alive(model::Instant now, model::Instant lease_until) override;
  void disable() override;
  bool is_active() const override;
  bool is_healthy() const override;

 private:
  std::chrono::seconds wanted_timeout() const;
  bool slack_is_negative() const;
  bool fail(const std::string& why);
  void drop_device();

  mutable std::mutex mutex_;
  std::function<void(std::string)> warn_;
  model::WatchdogSettings settings_;
  model::Timing timing_;
  std::optional<system::WatchdogDevice> device_;
  std::chrono::seconds actual_timeout_{0};
  bool said_unsupported_ = false;  // once for these settings, not at every look
  bool is_unsafe_ = false;         // with these settings the device would reset after the lease's end
};

}  // namespace matriarch::runtime
