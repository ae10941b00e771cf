#include "system/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "system/fd.hpp"

namespace matriarch::system {
namespace {

constexpr std::size_t kMostProcesses = 65536;  // of the whole system, when all of /proc must be read

// Calls `each` with the name of every entry. getdents64() itself: opendir() allocates.
template <typename Each>
void for_each_entry(const char* path, Each each) noexcept {
  const Fd directory(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return;  // has ended
  alignas(dirent64) std::array<char, 4096> entries{};
  while (true) {
    const auto size = ::getdents64(directory.get(), entries.data(), entries.size());
    if (size <= 0) return;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') each(&entry->d_name[0]);
      at += entry->d_reclen;
    }
  }
}

int open_pidfd_quietly(const ProcessStat& seen) noexcept {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, seen.pid, 0u));
  if (fd < 0) return -1;
  const auto now = process_stat(seen.pid);
  if (now && now->start_ticks == seen.start_ticks) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

SystemResult<void> become_child_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return failed("become a child subreaper");
  return {};
}

ProcessTree::ProcessTree(std::size_t capacity) {
  found_.reserve(capacity);
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/children", static_cast<int>(::gettid()));
  if (::access(path.data(), R_OK) != 0) use_full_scan();
}

void ProcessTree::use_full_scan() {
  has_children_files_ = false;
  all_.reserve(kMostProcesses);
}

std::span<const ProcessStat> ProcessTree::children(pid_t parent) noexcept {
  look_again();
  append_children(parent, {});
  return found_;
}

std::span<const ProcessStat> ProcessTree::descendants(pid_t root, std::span<const pid_t> spare) noexcept {
  look_again();
  append_children(root, spare);
  // found_ grows while we walk it: breadth first.
  for (std::size_t i = 0; i < found_.size(); ++i) append_children(found_[i].pid, spare);
  return found_;
}

ProcessTree::Swept ProcessTree::signal_descendants(pid_t root, int signal, std::span<const pid_t> spare) noexcept {
  Swept swept;
  for (const ProcessStat& process : descendants(root, spare)) {
    if (process.has_ended()) continue;
    const Fd pidfd(open_pidfd_quietly(process));
    if (!pidfd) continue;  // ended since we looked
    const bool was_dying = signal == SIGKILL && has_pending_kill(process.pid);
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0u) == 0) {
      ++swept.signalled;
      if (was_dying) ++swept.dying;
    } else if (errno != ESRCH) {
      ++swept.refused;
    }
  }
  return swept;
}

void ProcessTree::signal_children_blindly(pid_t parent, int signal, std::span<const pid_t> spare) noexcept {
  const auto send = [&](pid_t child) {
    if (std::find(spare.begin(), spare.end(), child) == spare.end()) ::kill(child, signal);
  };
  if (!has_children_files_) {
    for (const ProcessStat& child : children(parent)) send(child.pid);
    return;
  }
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/task", static_cast<int>(parent));
  for_each_entry(path.data(), [&](const char* thread) { for_each_child_of_thread(parent, thread, send); });
}

void ProcessTree::look_again() noexcept {
  found_.clear();
  overflowed_ = false;
  if (!has_children_files_) scan_all_processes();
}

void ProcessTree::scan_all_processes() noexcept {
  all_.clear();
  for_each_entry("/proc", [this](const char* name) {
    const auto stat = process_stat(static_cast<pid_t>(std::atoi(name)));
    if (!stat) return;
    if (all_.size() == all_.capacity()) {
      overflowed_ = true;
    } else {
      all_.push_back(*stat);
    }
  });
}

void ProcessTree::append_children(pid_t parent, std::span<const pid_t> spare) noexcept {
  if (!has_children_files_) {
    for (const ProcessStat& process : all_) {
      if (process.parent == parent) append(process, spare);
    }
    return;
  }
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/task", static_cast<int>(parent));
  for_each_entry(path.data(), [&](const char* thread) {
    for_each_child_of_thread(parent, thread, [&](pid_t child) { append(child, spare); });
  });
}

template <typename Each>
void ProcessTree::for_each_child_of_thread(pid_t parent, const char* thread, Each each) noexcept {
  std::array<char, 320> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/task/%s/children", static_cast<int>(parent), thread);
  const Fd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!fd) return;
  std::array<char, 4096> text{};
  pid_t pid = 0;  // carried over the border of two reads
  while (true) {
    const ssize_t size = ::read(fd.get(), text.data(), text.size());
    if (size <= 0) return;
    for (ssize_t i = 0; i < size; ++i) {
      const char c = text[static_cast<std::size_t>(i)];
      if (c >= '0' && c <= '9') {
        pid = pid * 10 + (c - '0');
      } else if (pid != 0) {  // the file ends every pid, the last one too, with a blank
        each(pid);
        pid = 0;
      }
    }
  }
}

void ProcessTree::append(pid_t pid, std::span<const pid_t> spare) noexcept {
  if (const auto stat = process_stat(pid)) append(*stat, spare);
}

void ProcessTree::append(const ProcessStat& process, std::span<const pid_t> spare) noexcept {
  if (std::find(spare.begin(), spare.end(), process.pid) != spare.end()) return;
  // Reparented while we read: it may show under its old and its new parent.
  const auto seen = [&](const ProcessStat& other) { return other.pid == process.pid; };
  if (std::any_of(found_.begin(), found_.end(), seen)) return;
  if (found_.size() == found_.capacity()) {
    overflowed_ = true;
  } else {
    found_.push_back(process);
  }
}

}  // namespace matriarch::system
