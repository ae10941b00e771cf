// The processes below a process: how the guardian finds every backend, whatever session it moved to.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "system/error.hpp"
#include "system/proc.hpp"

namespace matriarch::system {

// Orphans among our descendants become our children instead of init's, so that none can leave the tree. Inherited by
// exec, not by children.
SystemResult<void> become_child_subreaper();

// Looks at /proc with memory reserved once: looking again neither allocates nor throws, as a fence needs it.
// The tree may change while it is read (a fork under way, a child reparented): repeat until it is empty and nothing
// is left that could fork.
class ProcessTree {
 public:
  explicit ProcessTree(std::size_t capacity = 8192);
  // For kernels built without CONFIG_PROC_CHILDREN (found by itself): every look reads all of /proc.
  void use_full_scan();

  // The children of a process, zombies included, by all of its threads. Valid until the next call.
  std::span<const ProcessStat> children(pid_t parent) noexcept;
  // All processes below `root`, without the subtrees that begin at a pid in `spare`; parents before their children,
  // zombies included. Valid until the next call.
  std::span<const ProcessStat> descendants(pid_t root, std::span<const pid_t> spare = {}) noexcept;
  // True when the last look found more processes than it has room for.
  bool overflowed() const noexcept { return overflowed_; }

  struct Swept {
    std::size_t signalled = 0;  // were alive and got the signal
    std::size_t dying = 0;      // of these: SIGKILL was pending already, an uninterruptible sleep holds them
    std::size_t refused = 0;    // alive, and the kernel did not let us signal it
  };
  // Sends the signal to every descendant that has not ended; each through a pidfd of exactly the process that was seen.
  Swept signal_descendants(pid_t root, int signal, std::span<const pid_t> spare = {}) noexcept;
  // Sends it to the children of a process by number alone, without looking at each: some microseconds a child. Only for
  // a parent that cannot reap any more (stopped, killed, or the caller), so that no number can change hands.
  void signal_children_blindly(pid_t parent, int signal, std::span<const pid_t> spare = {}) noexcept;

 private:
  void look_again() noexcept;
  void scan_all_processes() noexcept;
  void append_children(pid_t parent, std::span<const pid_t> spare) noexcept;
  template <typename Each>
  static void for_each_child_of_thread(pid_t parent, const char* thread, Each each) noexcept;
  void append(pid_t pid, std::span<const pid_t> spare) noexcept;
  void append(const ProcessStat& process, std::span<const pid_t> spare) noexcept;

  std::vector<ProcessStat> found_;
  std::vector<ProcessStat> all_;  // used only where the kernel has no /proc/PID/task/TID/children
  bool has_children_files_ = true;
  bool overflowed_ = false;
};

}  // namespace matriarch::system
