// Starts a program, signals it and learns of its end, through a pidfd: never mistaken for a later process of its
// number.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

struct Redirection {
  int target = 0;   // the child's descriptor: 0, 1, 2 or any other small number
  int source = -1;  // ours; stays open here
};

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is the program, looked up in our PATH when it has no slash
  std::optional<std::vector<std::string>> environment = {};  // "NAME=value" each; absent: ours
  std::string working_directory = {};                        // empty: ours
  std::vector<Redirection> redirections = {};                // 0, 1 and 2 are inherited unless named here
  bool new_session = false;                                  // setsid(): no terminal, own process group
  int cgroup_procs = -1;  // descriptor of a cgroup.procs file that the child enters before the program starts
  // False: spawn() returns after the fork, whatever a slow disk makes of the exec. A step that fails then shows as a child
  // that says so on its stderr and exits with code 127.
  bool await_exec = true;
};

struct Child {
  pid_t pid = -1;
  Fd pidfd;  // readable (poll) once the child has ended; close-on-exec
};

// Starts the program with our user, no blocked or ignored signal, and no descriptor but 0, 1, 2 and the redirections.
// The error is that of the step that failed, exec included ("exec /no/such: No such file or directory"); then no
// child is left behind. Safe in a program with threads. Nobody may reap the child before this returns: keep
// reap_any() on the thread that spawns, and never ignore SIGCHLD.
SystemResult<Child> spawn(const SpawnOptions& options);

struct ExitStatus {
  bool by_signal = false;
  int value = 0;  // the exit code, or the signal's number
  bool success() const { return !by_signal && value == 0; }
  bool operator==(const ExitStatus&) const = default;
};
// "exited with code 1", "killed by signal 9 (Killed)"
std::string describe(ExitStatus status);

// Reaps an own child that has ended; nothing while it runs. Never blocks.
SystemResult<std::optional<ExitStatus>> try_reap(const Fd& pidfd);
// Any own child that has ended, adopted orphans included; nothing when there is none. Never blocks.
struct Reaped {
  pid_t pid = -1;
  ExitStatus status;
};
std::optional<Reaped> reap_any() noexcept;
// Waits until the process has ended (it need not be our child); false when the time passed first.
SystemResult<bool> wait_for_end(const Fd& pidfd, std::chrono::milliseconds timeout);

// A process that has already ended (ESRCH) is an error of the caller's choice to ignore.
SystemResult<void> send_signal(const Fd& pidfd, int signal);
SystemResult<Fd> open_pidfd(pid_t pid);

}  // namespace matriarch::system
