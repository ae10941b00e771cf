// Control groups (v2): a box that can be killed as a whole, forks in flight included.
#pragma once

#include <optional>
#include <string>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

class Cgroup {
 public:
  // The group this process is in, if the kernel has version 2 mounted and we may make groups below it and kill them
  // (systemd: Delegate=yes). Nothing otherwise: that is an ordinary situation, not an error.
  static std::optional<Cgroup> own_delegated();

  // Makes the group `name` below this one, or takes it if it is there.
  SystemResult<Cgroup> child(const std::string& name) const;
  // For SpawnOptions::cgroup_procs.
  SystemResult<Fd> open_procs() const;
  SystemResult<void> add(pid_t pid) const;
  // SIGKILL to every process in it and below it; none can escape by forking.
  SystemResult<void> kill() const;
  // True when a process that has not ended is in it or below it.
  SystemResult<bool> populated() const;
  // Only an empty group can be removed.
  SystemResult<void> remove() const;

  const std::string& path() const { return path_; }

 private:
  explicit Cgroup(std::string path) : path_(std::move(path)) {}
  std::string path_;  // absolute, below the mount point
};

}  // namespace matriarch::system
