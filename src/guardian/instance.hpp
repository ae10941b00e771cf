// PostgreSQL as processes: one postmaster and everything below it, ours or adopted. Knows how to signal, kill and count
// them; decides nothing.
//
// A postmaster of our own leaves its orphans to us (we are a child subreaper). An adopted one leaves them to somebody
// else, and they are found by directory, program and title instead (marks.hpp).
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guardian/fence.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"
#include "system/process_tree.hpp"

namespace matriarch::guardian {

class Instance {
 public:
  // `data_directory` as /proc spells it (resolved()); that of an adopted postmaster goes before. Reserves all memory that
  // a fence will need.
  explicit Instance(std::string data_directory);

  // A child that has just been started.
  void take_child(system::Child child);
  // A running postmaster, whoever started it; ESRCH when it is not alive any more.
  system::SystemResult<void> adopt(const ProcessRef& postmaster);
  // A postmaster that ended while nobody looked: its backends may be left. Also without any: `postmaster` 0.
  void assume_ended(const ProcessRef& postmaster, Instant now);

  // The child with that pid was reaped: true when it was the postmaster.
  bool note_reaped(pid_t pid, const system::ExitStatus& status, Instant now);
  // To be called when pidfd() is readable: notices the end of an adopted postmaster.
  void note_pidfd(Instant now);

  // SIGQUIT to the postmaster alone. It ends its backends and itself; it does not wait for a checkpoint.
  void quit() noexcept;
  // SIGKILL to all, the postmaster first (nothing else forks backends); an adopted one is stopped, its children are
  // killed, then it. Neither allocates (for a child) nor waits. `spare`: subtrees of our own children that are not
  // PostgreSQL's.
  void kill(std::span<const pid_t> spare) noexcept;
  // Brings view() up to date: counts what is left of a postmaster that has ended, and with `killing` how many of them the
  // kernel holds on to.
  void look(std::span<const pid_t> spare, bool killing) noexcept;

  const PostgresView& view() const noexcept { return view_; }
  const ProcessRef& postmaster() const noexcept { return postmaster_; }  // the last one, also when it has ended
  bool is_child() const noexcept { return is_child_; }
  // Readable when an adopted postmaster has ended; -1 when there is none to watch.
  int pidfd() const noexcept { return is_child_ || !view_.postmaster_alive ? -1 : pidfd_.get(); }
  int last_status() const noexcept { return last_status_; }  // as of waitpid(2), -1 unknown

  // Nothing is left of any postmaster, as far as is known.
  bool is_settled() const noexcept { return !view_.postmaster_alive && !has_unsettled_end_; }
  // True once for each postmaster: it has ended and nothing of it is left.
  bool take_end() noexcept;

  void set_data_directory(std::string resolved) { data_directory_ = std::move(resolved); }
  void set_known_standby(bool known) noexcept { view_.known_standby = known; }
  void set_foreign(bool foreign) noexcept { view_.foreign = foreign; }
  // "1" written there kills every process of PostgreSQL at once, forks in flight included.
  void set_kill_switch(system::Fd cgroup_kill) noexcept { kill_switch_ = std::move(cgroup_kill); }

 private:
  void kill_child(std::span<const pid_t> spare) noexcept;
  void kill_adopted() noexcept;
  void kill_below(pid_t root, std::span<const pid_t> spare) noexcept;
  bool kill_once(const system::ProcessStat& process) noexcept;
  void count(const system::ProcessStat& process, bool killing) noexcept;
  void signal_postmaster(int signal) noexcept;
  void end(int status, Instant now) noexcept;
  void forget_evidence() noexcept;

  std::string data_directory_;
  system::ProcessTree tree_;
  std::vector<ProcessRef> killed_;  // by us: once is enough. Reserved
  PostgresView view_;
  ProcessRef postmaster_;
  system::Fd pidfd_;
  system::Fd kill_switch_;
  bool is_child_ = false;
  bool has_unsettled_end_ = false;  // processes of an ended postmaster may be left
  int last_status_ = -1;
};

}  // namespace matriarch::guardian
