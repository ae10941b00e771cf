// The page: what agent and guardian tell each other without a system call.
//
// A file in the run directory that both map, with three values, each in a Cell with a writer of its own, so that nobody
// can hold up anybody: the *lease* (the keeper's thread), the *posture* (the agent's main thread) and the
// *acknowledgement* (the guardian). They outlive their writers: a restarted agent finds its lease here, a restarted or
// replaced guardian finds what it had armed.
//
// This is the only header of the guardian that the agent's side needs. Everything in it is a value or wait-free.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "guardian/cell.hpp"
#include "system/error.hpp"
#include "system/memory.hpp"

namespace matriarch::guardian {

// CLOCK_BOOTTIME: counts suspend, is set by nobody, is one for all processes. Has no now(): who needs the time gets it
// handed in (system/clock.hpp reads it, the simulator invents it).
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using Instant = BootClock::time_point;
using Duration = BootClock::duration;

// Names one process for ever: a pid alone may come back.
struct ProcessRef {
  std::int64_t pid = 0;           // 0: none
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  explicit operator bool() const { return pid > 0; }
  bool operator==(const ProcessRef&) const = default;
};

// Written by the keeper after each renewal. Times are nanoseconds of BootClock.
struct Lease {
  std::uint64_t term = 0;        // which of this member's leases; never goes back
  std::uint64_t armed_term = 0;  // the guardian is asked to acknowledge that it watches the end of this one; 0: none
  std::int64_t token = 0;        // the store's own name of it (session, lease id): a restarted agent resumes it
  std::int64_t valid_until = 0;  // send time of the last renewal known to have succeeded + ttl granted - clock margin
  std::int64_t wall_offset = 0;  // CLOCK_REALTIME - CLOCK_BOOTTIME, not later than that send time
  std::int64_t written_at = 0;   // when the keeper wrote this
  std::uint64_t writes = 0;      // a keeper that hangs stands still
  bool operator==(const Lease&) const = default;
};

// Written by the agent's main thread: on what ground PostgreSQL runs.
struct Posture {
  std::uint32_t may_write = 0;    // 1: PostgreSQL is a primary, or was told to become one. 0: in recovery, not running,
                                  // or the first primary of a cluster that nobody can know of yet (S2)
  std::uint32_t paused = 0;       // 1: maintenance mode, PostgreSQL is nobody's business but the operator's
  std::int64_t max_ttl = 0;       // no lease may last longer from the moment it was written, whatever it says
  ProcessRef agent;
  ProcessRef postmaster;          // as the agent knows it; the guardian's own knowledge goes before
  std::array<char, 64> member{};  // in whose name the lease is held; zero-padded

  bool operator==(const Posture&) const = default;
  // What runs under this posture must end when the lease ends.
  bool needs_lease() const { return paused == 0 && may_write != 0; }
  std::string_view member_name() const;
};

void set_member(Posture& posture, std::string_view name) noexcept;  // longer names are cut: 63 bytes tell enough

// How much later than CLOCK_BOOTTIME it has become since the lease was renewed: a paused virtual machine stops both of
// the guest's clocks, and only the correction of CLOCK_REALTIME shows it. Zero within the margin: NTP slews.
// A wall clock that was set back says nothing and takes nothing.
inline constexpr Duration kWallJumpMargin = std::chrono::milliseconds(500);
Duration lost_time(const Lease& lease, Duration wall_offset_now) noexcept;

// The last instant at which a primary may still serve under this lease: `valid_until`, cut by `max_ttl` from the moment
// it was written, and by the time that was lost. Everybody who asks "is the lease valid?" compares with this (keeper,
// REST, guardian). A lease that cannot be true (written in the future, no ceiling) has ended long ago; a reader's `now`
// may be a moment older than the lease it read.
inline constexpr Duration kReadingSlack = std::chrono::seconds(1);
Instant lease_end(const Lease& lease, Duration max_ttl, Instant now, Duration wall_offset_now) noexcept;

enum class FencePhase : std::uint32_t {
  kWatching = 0,
  kQuitting = 1,  // SIGQUIT was sent to the postmaster
  kKilling = 2,   // SIGKILL to the postmaster and everything below it, until nothing is left
};

enum class FenceReason : std::uint32_t {
  kNone = 0,
  kLeaseEnded = 1,        // nobody renewed in time
  kNoLease = 2,           // a primary runs and no lease was ever written
  kPageGarbage = 3,       // the page cannot be read: counts as an expired lease
  kPostmasterDied = 4,    // its backends outlive it and would go on acknowledging commits
  kStopLimit = 5,         // an orderly stop took longer than allowed
  kAgentGone = 6,         // stopping, and the agent ended before PostgreSQL did
  kAsked = 7,             // the agent asked for it
};

std::string_view name(FenceReason reason);

// Written by the guardian.
struct Acknowledgement {
  ProcessRef guardian;
  ProcessRef agent;
  ProcessRef store;
  ProcessRef postmaster;
  std::uint32_t postmaster_is_child = 0;  // 0: adopted, its parent is another
  FencePhase phase = FencePhase::kWatching;
  FenceReason reason = FenceReason::kNone;  // of the fence that is going on, else of the last one
  std::uint32_t stopping = 0;               // 1: the guardian was told to end
  std::uint32_t postmaster_is_foreign = 0;  // 1: adopted, and no lease covered it so far
  std::uint32_t reserved = 0;
  std::uint64_t armed_term = 0;   // the guardian watches the end of this lease; 0: none. What promotion waits for
  std::uint64_t fences = 0;       // finished ones
  std::uint64_t fenced_term = 0;  // of the last fence
  std::int64_t fence_began = 0;   // BootClock nanoseconds, of the last fence
  std::int64_t fence_killed = 0;  // SIGKILL was sent to every process: from here on none returns to user space; 0: SIGQUIT
                                  // did it
  std::int64_t fence_ended = 0;   // every process gone; 0 while it lasts
  std::int64_t fence_due = 0;     // the end of the lease it had to keep
  std::int64_t fence_budget = 0;  // the fence begins this long before the end of the lease; follows what was measured
  std::uint64_t left_behind = 0;        // processes of a postmaster that has ended, itself not counted
  std::uint64_t pending_kills = 0;      // processes that have SIGKILL pending but are held in the kernel
  std::uint64_t last_exit_pid = 0;      // of the last postmaster that ended
  std::int64_t last_exit_status = 0;    // as of waitpid(2); -1: unknown, it was not our child
  std::uint64_t heartbeats = 0;         // looks of the guardian: one that hangs stands still
  std::int64_t looked_at = 0;           // time of the last one
  std::int64_t wake_latency_max = 0;    // nanoseconds between a timer's due time and our running, last two minutes
  std::int64_t wake_latency_p99 = 0;
  std::uint32_t realtime = 0;           // 1: runs under SCHED_FIFO
  std::uint32_t memory_locked = 0;      // 1: mlockall succeeded
  std::uint64_t agent_starts = 0;
  std::uint64_t store_starts = 0;
  std::uint64_t replacements = 0;       // times the guardian replaced itself in place
  std::uint64_t log_lines_dropped = 0;

  bool operator==(const Acknowledgement&) const = default;
};

// The mapped file (run_directory.hpp: where it is). Belongs to one boot of one machine: a page of an earlier boot is as good as none, because BootClock
// began anew.
class Page {
 public:
  static constexpr std::size_t kSize = 4096;
  static constexpr std::uint32_t kVersion = 1;

  // For the guardian, which alone makes it: opens the file, keeps its content if it is a page of this version and boot,
  // otherwise starts an empty one. EWOULDBLOCK when a living guardian owns it (the lock goes with the descriptor,
  // also through execve).
  static system::SystemResult<Page> open_as_guardian(const std::string& path);
  // The same, of a descriptor that is open and locked already: a guardian that replaced itself inherits it.
  static system::SystemResult<Page> take_over(system::Fd fd);
  // For everybody else. ENODATA when the file is no page of this version and boot.
  static system::SystemResult<Page> open(const std::string& path);
  // For tests and the simulator: a page that no other process sees.
  static system::SystemResult<Page> anonymous();

  Cell<Lease>& lease() const noexcept;
  Cell<Posture>& posture() const noexcept;
  Cell<Acknowledgement>& acknowledgement() const noexcept;

  // Takes the file's name away; those who have it open keep it. For the guardian that ends with nothing left to guard.
  void remove() noexcept;

  // True when the content was found, not made, by open_as_guardian.
  bool was_kept() const noexcept { return was_kept_; }
  int fd() const noexcept { return fd_.get(); }

 private:
  Page(system::Fd fd, system::SharedMapping mapping, bool was_kept) noexcept
      : fd_(std::move(fd)), mapping_(std::move(mapping)), was_kept_(was_kept) {}
  static system::SystemResult<Page> map(system::Fd fd);

  system::Fd fd_;
  system::SharedMapping mapping_;
  bool was_kept_ = false;
};

}  // namespace matriarch::guardian
