#include "system/watchdog_device.hpp"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>

#include <cstring>

namespace matriarch::system {
namespace {

// Any byte but 'V' keeps the device alive; writing, unlike the ioctl, works with every driver.
constexpr char kAlive = '1';
constexpr char kMagicClose = 'V';

}  // namespace

SystemResult<WatchdogDevice> WatchdogDevice::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  return WatchdogDevice(std::move(fd), path);
}

SystemResult<WatchdogDevice::Info> WatchdogDevice::info() const {
  watchdog_info raw{};
  if (::ioctl(fd_.get(), WDIOC_GETSUPPORT, &raw) != 0) return failed("read the abilities of", path_);
  const char* name = reinterpret_cast<const char*>(raw.identity);
  return Info{.identity = std::string(name, ::strnlen(name, sizeof raw.identity)),
              .can_set_timeout = (raw.options & WDIOF_SETTIMEOUT) != 0,
              .can_be_disarmed = (raw.options & WDIOF_MAGICCLOSE) != 0};
}

SystemResult<std::chrono::seconds> WatchdogDevice::set_timeout(std::chrono::seconds timeout) {
  int seconds = static_cast<int>(timeout.count());
  if (::ioctl(fd_.get(), WDIOC_SETTIMEOUT, &seconds) != 0) return failed("set the timeout of", path_);
  return std::chrono::seconds(seconds);
}

SystemResult<std::chrono::seconds> WatchdogDevice::timeout() const {
  int seconds = 0;
  if (::ioctl(fd_.get(), WDIOC_GETTIMEOUT, &seconds) != 0) return failed("read the timeout of", path_);
  return std::chrono::seconds(seconds);
}

SystemResult<void> WatchdogDevice::keep_alive() {
  if (::write(fd_.get(), &kAlive, 1) != 1) return failed("keep alive", path_);
  return {};
}

SystemResult<void> WatchdogDevice::disarm() {
  if (::write(fd_.get(), &kMagicClose, 1) != 1) return failed("disarm", path_);
  fd_.reset();
  return {};
}

}  // namespace matriarch::system
