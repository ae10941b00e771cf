#include "system/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstring>
#include <string_view>

#ifndef P_PIDFD
#define P_PIDFD static_cast<idtype_t>(3)
#endif

namespace matriarch::system {
namespace {

enum class Step : int { kSession, kCgroup, kDirectory, kDescriptors, kExec };

struct ChildFailure {
  int code = 0;
  Step step = Step::kExec;
};

std::string describe(Step step, const SpawnOptions& options) {
  switch (step) {
    case Step::kSession:
      return "start a session for " + options.argv[0];
    case Step::kCgroup:
      return "enter the control group of " + options.argv[0];
    case Step::kDirectory:
      return "change to the directory " + options.working_directory;
    case Step::kDescriptors:
      return "set up the descriptors of " + options.argv[0];
    case Step::kExec:
      return "exec " + options.argv[0];
  }
  return {};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// Everything the child needs, made before fork(): the child may not allocate, another thread may hold malloc's lock.
struct Plan {
  std::vector<char*> argv;
  std::vector<char*> environment;  // empty: ours
  const char* directory = nullptr;
  std::vector<Redirection> redirections;
  int first_free = 3;  // above every target of a redirection
  bool new_session = false;
  int cgroup_procs = -1;
  int report = -1;         // where a failure is told; -1: stderr, to people
};

// SIG_DFL for all, so that neither a handler of ours can run in the child nor an ignored signal survive exec.
void forget_signal_handlers() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
}

bool close_others_on_exec(int first) {
  const auto from = static_cast<unsigned>(first);
  if (::syscall(SYS_close_range, from, ~0u, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC)) == 0) return true;
  rlimit limit{};  // kernels before 5.11
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, INT_MAX));
  for (int fd = first; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return true;
}

bool redirect(Plan& plan) {
  // First out of the way of every target, so that no dup2() overwrites the source of a later one.
  for (Redirection& redirection : plan.redirections) {
    redirection.source = ::fcntl(redirection.source, F_DUPFD_CLOEXEC, plan.first_free);
    if (redirection.source < 0) return false;
  }
  if (!close_others_on_exec(3)) return false;
  return std::all_of(plan.redirections.begin(), plan.redirections.end(), [](const Redirection& redirection) {
    return ::dup2(redirection.source, redirection.target) == redirection.target;
  });
}

// Only what may be called between fork and exec.
void complain(const char* program, int code) {
  for (const char* part : {"cannot start ", program, ": ", ::strerrordesc_np(code), "\n"}) {
    if (part != nullptr && ::write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
  }
}

[[noreturn]] void give_up(const Plan& plan, Step step) {
  const ChildFailure failure{.code = errno, .step = step};
  if (plan.report < 0) {
    complain(plan.argv[0], failure.code);
    ::_exit(127);
  }
  [[maybe_unused]] const ssize_t written = ::write(plan.report, &failure, sizeof failure);
  ::_exit(127);
}

[[noreturn]] void become(Plan& plan) {
  forget_signal_handlers();
  if (plan.new_session && ::setsid() < 0) give_up(plan, Step::kSession);
  if (plan.cgroup_procs >= 0 && ::write(plan.cgroup_procs, "0", 1) != 1) give_up(plan, Step::kCgroup);
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up(plan, Step::kDirectory);
  if (!redirect(plan)) give_up(plan, Step::kDescriptors);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(plan.argv[0], plan.argv.data(), plan.environment.empty() ? environ : plan.environment.data());
  give_up(plan, Step::kExec);
}

// While this lives no signal is delivered to the calling thread: the child starts with handlers it must not run.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Blocks until the child's exec closed the pipe (nothing) or the child reported why it could not.
std::optional<ChildFailure> read_report(const Fd& pipe) {
  ChildFailure failure;
  ssize_t size = -1;
  do {
    size = ::read(pipe.get(), &failure, sizeof failure);
  } while (size < 0 && errno == EINTR);
  if (size == static_cast<ssize_t>(sizeof failure)) return failure;
  return std::nullopt;
}

void reap_now(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

ExitStatus to_status(const siginfo_t& info) {
  return {.by_signal = info.si_code != CLD_EXITED, .value = info.si_status};
}

}  // namespace

SystemResult<Child> spawn(const SpawnOptions& options) {
  if (options.argv.empty() || options.argv[0].empty()) return failed_with(EINVAL, "start a program without a name");
  Plan plan{.argv = pointers(options.argv),
            .redirections = options.redirections,
            .new_session = options.new_session,
            .cgroup_procs = options.cgroup_procs};
  if (options.environment) plan.environment = pointers(*options.environment);
  if (!options.working_directory.empty()) plan.directory = options.working_directory.c_str();
  for (const Redirection& each : plan.redirections) plan.first_free = std::max(plan.first_free, each.target + 1);

  int pipe[2] = {-1, -1};
  if (::pipe2(pipe, O_CLOEXEC) != 0) return failed("make a pipe");
  const Fd from_child(pipe[0]);
  Fd to_parent(pipe[1]);
  Fd report(::fcntl(to_parent.get(), F_DUPFD_CLOEXEC, plan.first_free));
  to_parent.reset();
  if (!report) return failed("make a pipe");
  if (options.await_exec) plan.report = report.get();

  pid_t pid = -1;
  {
    const SignalsBlocked blocked;
    pid = ::fork();
    if (pid == 0) become(plan);
  }
  if (pid < 0) return failed("fork for", options.argv[0]);
  report.reset();

  auto pidfd = open_pidfd(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    reap_now(pid);
    return tl::unexpected(pidfd.error());
  }
  if (!options.await_exec) return Child{.pid = pid, .pidfd = std::move(*pidfd)};
  if (const auto failure = read_report(from_child)) {
    reap_now(pid);
    return failed_with(failure->code, describe(failure->step, options));
  }
  return Child{.pid = pid, .pidfd = std::move(*pidfd)};
}

std::string describe(ExitStatus status) {
  if (!status.by_signal) return "exited with code " + std::to_string(status.value);
  const char* name = ::sigdescr_np(status.value);
  return "killed by signal " + std::to_string(status.value) + (name != nullptr ? " (" + std::string(name) + ")" : "");
}

SystemResult<std::optional<ExitStatus>> try_reap(const Fd& pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0) return failed("reap a child");
  if (info.si_pid == 0) return std::optional<ExitStatus>();
  return std::optional(to_status(info));
}

std::optional<Reaped> reap_any() noexcept {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return std::nullopt;
  return Reaped{.pid = info.si_pid, .status = to_status(info)};
}

SystemResult<bool> wait_for_end(const Fd& pidfd, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::clamp<long long>(left.count(), 0, INT_MAX)));
    if (ready < 0 && errno != EINTR) return failed("wait for a process");
    if (ready >= 0) return ready > 0;
  }
}

SystemResult<void> send_signal(const Fd& pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0u) != 0) {
    return failed("send signal", std::to_string(signal));
  }
  return {};
}

SystemResult<Fd> open_pidfd(pid_t pid) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u)));
  if (!fd) return failed("open a pidfd of process", std::to_string(pid));
  return fd;
}

}  // namespace matriarch::system
