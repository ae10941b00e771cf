#include "system/signals.hpp"

#include <csignal>

namespace matriarch::system {

SystemResult<Fd> receive_signals(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int code = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); code != 0)
    return failed_with(code, "block signals");
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return failed("create a signalfd");
  return fd;
}

std::optional<signalfd_siginfo> next_signal(const Fd& signals) noexcept {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return info;
}

void ignore_sigpipe() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace matriarch::system
