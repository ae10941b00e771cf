// The kernel's watchdog (/dev/watchdog): resets the machine unless it is kept alive.
//
// Linux: Documentation/watchdog/watchdog-api.rst. Opening the device arms it; closing disarms only after a 'V' was
// written, and only if the driver knows this "magic close" and was not built with "nowayout".
#pragma once

#include <chrono>
#include <string>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

class WatchdogDevice {
 public:
  // Arms it. EBUSY when another process has it open.
  static SystemResult<WatchdogDevice> open(const std::string& path);
  // Leaves it armed unless disarm() succeeded before: then the machine resets after timeout().
  ~WatchdogDevice() = default;
  WatchdogDevice(WatchdogDevice&&) noexcept = default;
  WatchdogDevice& operator=(WatchdogDevice&&) noexcept = default;

  struct Info {
    std::string identity;          // the driver's name
    bool can_set_timeout = false;  // WDIOF_SETTIMEOUT
    bool can_be_disarmed = false;  // WDIOF_MAGICCLOSE
  };
  SystemResult<Info> info() const;
  // Returns what the driver made of it: it may round or refuse.
  SystemResult<std::chrono::seconds> set_timeout(std::chrono::seconds timeout);
  SystemResult<std::chrono::seconds> timeout() const;
  // Starts the timeout anew.
  SystemResult<void> keep_alive();
  // Magic close. After failure the device is still open and armed.
  SystemResult<void> disarm();
  bool is_open() const noexcept { return static_cast<bool>(fd_); }

 private:
  WatchdogDevice(Fd fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

}  // namespace matriarch::system
