// A one-shot alarm on CLOCK_BOOTTIME that poll() can wait for.
#pragma once

#include <chrono>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

class BootTimer {
 public:
  static SystemResult<BootTimer> create();

  // Fires at that boot_time(); at once if it has passed. Replaces what was set, and takes back an expiry not yet
  // drained.
  SystemResult<void> set_at(std::chrono::nanoseconds boot_time);
  SystemResult<void> disarm();
  // True if it has fired since it was set; makes fd() unreadable again. Never blocks.
  bool drain() noexcept;

  int fd() const noexcept { return fd_.get(); }

 private:
  explicit BootTimer(Fd fd) noexcept : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace matriarch::system
