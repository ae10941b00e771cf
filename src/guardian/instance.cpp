#include "guardian/instance.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "guardian/marks.hpp"

namespace matriarch::guardian {
namespace {

constexpr int kMostRounds = 16;          // of one sweep
constexpr std::size_t kMostProcesses = 8192;  // processes below PostgreSQL; more are found by the next sweep

// A child of ours, or of a postmaster that can reap no more, keeps its number until we reap it, which we do not do
// meanwhile.
void kill_exactly(const system::ProcessStat& process, pid_t postmaster) noexcept {
  if (process.parent == ::getpid() || process.parent == postmaster) {
    ::kill(process.pid, SIGKILL);
  } else if (const auto pidfd = system::open_pidfd_of(process)) {
    (void)system::send_signal(*pidfd, SIGKILL);  // fails only when it has ended
  }
}

int wait_status(const system::ExitStatus& status) {
  return status.by_signal ? status.value : status.value << 8;
}

}  // namespace

Instance::Instance(std::string data_directory) : data_directory_(std::move(data_directory)), tree_(kMostProcesses) {
  killed_.reserve(kMostProcesses);
}

void Instance::take_child(system::Child child) {
  const auto ref = identify(child.pid);
  postmaster_ = ref.value_or(ProcessRef{.pid = child.pid});
  pidfd_ = std::move(child.pidfd);
  is_child_ = true;
  forget_evidence();
  view_.postmaster_alive = true;
}

system::SystemResult<void> Instance::adopt(const ProcessRef& postmaster) {
  const auto stat = system::process_stat(static_cast<pid_t>(postmaster.pid));
  if (!stat || stat->has_ended() || stat->start_ticks != postmaster.start_ticks) {
    return system::failed_with(ESRCH, "adopt the postmaster " + std::to_string(postmaster.pid));
  }
  auto pidfd = system::open_pidfd_of(*stat);
  if (!pidfd) return tl::unexpected(pidfd.error());
  postmaster_ = postmaster;
  pidfd_ = std::move(*pidfd);
  is_child_ = stat->parent == ::getpid();
  forget_evidence();
  view_.postmaster_alive = true;
  if (const auto directory = system::process_directory(stat->pid)) data_directory_ = *directory;
  return {};
}

void Instance::assume_ended(const ProcessRef& postmaster, Instant now) {
  postmaster_ = postmaster;
  is_child_ = false;
  forget_evidence();
  end(-1, now);
}

bool Instance::note_reaped(pid_t pid, const system::ExitStatus& status, Instant now) {
  if (!view_.postmaster_alive || pid != postmaster_.pid) return false;
  end(wait_status(status), now);
  return true;
}

void Instance::note_pidfd(Instant now) {
  if (is_child_ || !view_.postmaster_alive || is_alive(postmaster_)) return;
  end(-1, now);
}

void Instance::quit() noexcept {
  signal_postmaster(SIGQUIT);
}

void Instance::kill(std::span<const pid_t> spare) noexcept {
  if (kill_switch_) {
    // Best effort on top of the sweep below, which finds whatever is left.
    [[maybe_unused]] const ssize_t written = ::pwrite(kill_switch_.get(), "1", 1, 0);
  }
  if (is_child_) {
    kill_child(spare);
  } else {
    kill_adopted();
  }
}

// With its parent killed first no backend can be born, and each that is found keeps its number: nobody but us could
// reap it.
void Instance::kill_child(std::span<const pid_t> spare) noexcept {
  if (view_.postmaster_alive) {
    signal_postmaster(SIGKILL);
    tree_.signal_children_blindly(static_cast<pid_t>(postmaster_.pid), SIGKILL);
  }
  tree_.signal_children_blindly(::getpid(), SIGKILL, spare);
  kill_below(::getpid(), spare);
}

void Instance::kill_adopted() noexcept {
  if (view_.postmaster_alive) {
    const auto postmaster = static_cast<pid_t>(postmaster_.pid);
    signal_postmaster(SIGSTOP);
    tree_.signal_children_blindly(postmaster, SIGKILL);
    kill_below(postmaster, {});
    signal_postmaster(SIGKILL);
    tree_.signal_children_blindly(postmaster, SIGKILL);  // a fork that SIGSTOP was too late for
    return;
  }
  for (const system::ProcessStat& backend : find_orphaned_backends(data_directory_)) {
    kill_below(backend.pid, {});
    kill_once(backend);
  }
}

void Instance::look(std::span<const pid_t> spare, bool killing) noexcept {
  view_.others = 0;
  view_.pending_kills = 0;
  if (view_.postmaster_alive) {
    if (killing && system::has_pending_kill(static_cast<pid_t>(postmaster_.pid))) ++view_.pending_kills;
    return;
  }
  if (!has_unsettled_end_) return;
  if (is_child_) {
    for (const system::ProcessStat& process : tree_.descendants(::getpid(), spare)) count(process, killing);
  } else {
    for (const system::ProcessStat& backend : find_orphaned_backends(data_directory_)) count(backend, killing);
  }
}

bool Instance::take_end() noexcept {
  if (!has_unsettled_end_ || !view_.all_gone()) return false;
  has_unsettled_end_ = false;
  return postmaster_.pid != 0;
}

// Several rounds without waiting: each finds at most what was born, or changed its parent, while the one before looked.
void Instance::kill_below(pid_t root, std::span<const pid_t> spare) noexcept {
  for (int round = 0; round < kMostRounds; ++round) {
    bool found_any = false;
    for (const system::ProcessStat& process : tree_.descendants(root, spare)) {
      if (!process.has_ended() && kill_once(process)) found_any = true;
    }
    if (!found_any) return;
  }
}

// False when it was killed before: SIGKILL needs no repetition, and a long list of the dying is not worth the time.
bool Instance::kill_once(const system::ProcessStat& process) noexcept {
  const ProcessRef ref{.pid = process.pid, .start_ticks = process.start_ticks};
  if (std::find(killed_.begin(), killed_.end(), ref) != killed_.end()) return false;
  if (killed_.size() < killed_.capacity()) killed_.push_back(ref);
  kill_exactly(process, static_cast<pid_t>(postmaster_.pid));
  return true;
}

void Instance::count(const system::ProcessStat& process, bool killing) noexcept {
  if (process.has_ended()) return;
  ++view_.others;
  if (killing && system::has_pending_kill(process.pid)) ++view_.pending_kills;
}

void Instance::signal_postmaster(int signal) noexcept {
  if (!view_.postmaster_alive) return;
  // The only error a postmaster of our user can give is that it has ended, which is noticed elsewhere.
  (void)system::send_signal(pidfd_, signal);
}

void Instance::end(int status, Instant now) noexcept {
  pidfd_.reset();
  view_.postmaster_alive = false;
  view_.postmaster_exited = status != -1 && WIFEXITED(status);
  view_.postmaster_ended = now;
  last_status_ = status;
  has_unsettled_end_ = true;
}

void Instance::forget_evidence() noexcept {
  view_ = PostgresView{};
  killed_.clear();
  has_unsettled_end_ = false;
  last_status_ = -1;
}

}  // namespace matriarch::guardian
