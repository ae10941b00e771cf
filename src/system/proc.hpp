// What /proc tells of a process. Everything may be outdated when it is read: pair a pid with its start time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

struct ProcessStat {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';               // as in proc(5): R, S, D, Z, T, ...
  std::uint64_t start_ticks = 0;  // since boot, in sysconf(_SC_CLK_TCK): with the pid, names a process for ever
  // A zombie has ended: it holds no memory, file or socket and executes nothing.
  bool has_ended() const { return state == 'Z' || state == 'X'; }
};

// Nothing when there is no such process. Neither allocates nor throws.
std::optional<ProcessStat> process_stat(pid_t pid) noexcept;

// Arguments; empty for a zombie or a kernel thread.
SystemResult<std::vector<std::string>> process_arguments(pid_t pid);
// Working directory and executable, as the kernel resolves them (" (deleted)" may follow). Other users' need
// privileges.
SystemResult<std::string> process_directory(pid_t pid);
SystemResult<std::string> process_executable(pid_t pid);
// SIGKILL has been sent but the process has not died yet (uninterruptible sleep): it will not return to user space.
bool has_pending_kill(pid_t pid) noexcept;

// A pidfd for exactly the process that `stat` describes; ESRCH when its pid belongs to another by now.
SystemResult<Fd> open_pidfd_of(const ProcessStat& stat);

}  // namespace matriarch::system
