#include "system/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "system/fd.hpp"

namespace matriarch::system {
namespace {

std::optional<std::int64_t> number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

SystemResult<bool> notify_service_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if ((path[0] != '/' && path[0] != '@') || length >= sizeof address.sun_path) {
    return failed_with(EAFNOSUPPORT, std::string("use NOTIFY_SOCKET ") + path);
  }
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace

  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return failed("make a socket for", path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const auto sent =
      ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
  if (sent != static_cast<ssize_t>(state.size())) return failed("notify", path);
  return true;
}

std::optional<std::chrono::microseconds> service_watchdog_interval() {
  const auto interval = number_in_environment("WATCHDOG_USEC");
  if (!interval || *interval <= 0) return std::nullopt;
  const auto pid = number_in_environment("WATCHDOG_PID");
  if (pid && *pid != ::getpid()) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

}  // namespace matriarch::system
