#include "runtime/watchdog.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace matriarch::runtime {

using std::chrono::duration_cast;
using std::chrono::seconds;

void Watchdog::apply_settings(const model::WatchdogSettings& settings, const model::Timing& timing) {
  bool switch_off = false;
  {
    const std::lock_guard lock(mutex_);
    if (settings != settings_ || timing != timing_) said_unsupported_ = is_unsafe_ = false;
    switch_off = device_ && settings.mode == model::WatchdogMode::kOff;
    // A running device takes a new timeout with its next ping, together with a fresh lease.
    settings_ = settings;
    timing_ = timing;
  }
  if (switch_off) disable();
}

seconds Watchdog::wanted_timeout() const {
  if (settings_.safety_margin.count() < 0) return duration_cast<seconds>(timing_.ttl / 2);
  return duration_cast<seconds>(timing_.ttl - settings_.safety_margin);
}

bool Watchdog::slack_is_negative() const { return wanted_timeout() < timing_.loop_wait; }

bool Watchdog::fail(const std::string& why) {
  if (settings_.mode == model::WatchdogMode::kRequired) warn_(why);
  return settings_.mode != model::WatchdogMode::kRequired;
}

bool Watchdog::activate() {
  const std::lock_guard lock(mutex_);
  if (settings_.mode == model::WatchdogMode::kOff) return true;
  if (is_unsafe_) return settings_.mode != model::WatchdogMode::kRequired;
  if (device_) return true;
  if (slack_is_negative()) {
    if (!std::exchange(said_unsupported_, true)) {
      warn_(fmt::format("Watchdog not supported because leader TTL {} s is less than 2x loop_wait {} s, or too short for safety_margin: the device would have to bite "
                        "after {} s, sooner than the next loop. watchdog.safety_margin: -1 takes half of the ttl",
                        duration_cast<seconds>(timing_.ttl).count(), duration_cast<seconds>(timing_.loop_wait).count(), std::max<std::int64_t>(wanted_timeout().count(), 0)));
    }
    return settings_.mode != model::WatchdogMode::kRequired;
  }
  auto opened = system::WatchdogDevice::open(settings_.device);
  if (!opened) return fail(fmt::format("Could not open watchdog device {}: {}", settings_.device, opened.error().message()));
  device_.emplace(std::move(*opened));
  auto timeout = device_->set_timeout(wanted_timeout());
  if (!timeout) timeout = device_->timeout();
  actual_timeout_ = timeout ? *timeout : wanted_timeout();
  const auto info = device_->info();
  if (info && !info->can_be_disarmed) warn_(fmt::format("Watchdog {} can't be disabled", settings_.device));
  if (actual_timeout_ <= wanted_timeout()) return true;
  // It would reset the machine after the lease's end, or, since it is not pinged then, although all is well.
  const std::string why = fmt::format("Watchdog timeout {} seconds does not ensure safe termination within {} seconds", actual_timeout_.count(), wanted_timeout().count());
  if (settings_.mode == model::WatchdogMode::kRequired || !std::exchange(said_unsupported_, true)) warn_(why);
  is_unsafe_ = true;
  // One that cannot be disarmed any more is kept alive for as long as we live: no protection, but no harm either.
  if (!info || info->can_be_disarmed) drop_device();
  return settings_.mode != model::WatchdogMode::kRequired;
}

// Conditional, so that the reset can never come after the lease's end (docs/invariants.md S21). The keeper waits for nobody: a
// ping is left out while the other thread opens or closes the device.
void Watchdog::keep_alive(model::Instant now, model::Instant lease_until) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || !device_) return;
  // A shorter timeout is safe at any time, and with the longer one there might never be another ping.
  if (actual_timeout_ > wanted_timeout() || (actual_timeout_ < wanted_timeout() && lease_until - now > wanted_timeout())) {
    if (auto changed = device_->set_timeout(wanted_timeout())) actual_timeout_ = *changed;
  }
  if (lease_until - now <= actual_timeout_ && !is_unsafe_) return;
  if (auto pinged = device_->keep_alive(); !pinged) warn_("watchdog: " + pinged.error().message());
}

void Watchdog::disable() {
  const std::lock_guard lock(mutex_);
  drop_device();
}

void Watchdog::drop_device() {
  if (!device_) return;
  if (auto disarmed = device_->disarm(); !disarmed) warn_("watchdog stays armed, the machine will reset: " + disarmed.error().message());
  device_.reset();
}

bool Watchdog::is_active() const {
  const std::lock_guard lock(mutex_);
  return device_ && !is_unsafe_;
}

bool Watchdog::is_healthy() const {
  std::string device;
  {
    const std::lock_guard lock(mutex_);
    if (settings_.mode != model::WatchdogMode::kRequired) return true;
    if (slack_is_negative() || is_unsafe_) return false;
    if (device_) return true;
    device = settings_.device;
  }
  return ::access(device.c_str(), W_OK) == 0;
}

}  // namespace matriarch::runtime
