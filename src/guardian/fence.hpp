// When PostgreSQL must be stopped because its ground to serve is gone, and how.
//
// Pure: values in, values out, no clock, no system call, no allocation. The simulator links this very code.
// The safety argument stands in README.md; docs/invariants.md S2, S3, S21.
#pragma once

#include <algorithm>
#include <optional>

#include "guardian/page.hpp"

namespace matriarch::guardian {

// SIGKILL goes out this long before the lease ends, SIGQUIT a fence budget before (at least kLeastFenceBudget).
inline constexpr Duration kKillMargin = std::chrono::milliseconds(50);
inline constexpr Duration kLeastFenceBudget = std::chrono::milliseconds(150);
// How long PostgreSQL may take over SIGQUIT when there is no lease to keep (the guardian itself is to end).
inline constexpr Duration kQuitPatience = std::chrono::seconds(1);
// A postmaster that exits by itself has seen all its children go, except the logger, which reads on to the end of
// its pipe. What is left after this long is killed.
inline constexpr Duration kLoggerGrace = std::chrono::milliseconds(200);
// Between two sweeps: soon while processes are dying, seldom when the kernel holds on to some of them.
inline constexpr Duration kSweepSoon = std::chrono::milliseconds(3);
inline constexpr Duration kSweepSeldom = std::chrono::milliseconds(20);

// PostgreSQL's processes as the guardian sees them. A zombie is gone: it executes nothing and holds nothing.
struct PostgresView {
  bool postmaster_alive = false;
  bool postmaster_exited = false;      // the last one ended by an exit of its own, not by a signal or unknown how
  Instant postmaster_ended{};          // when the last one ended
  std::uint32_t others = 0;            // backends and their children that outlived it; 0 while it lives
  std::uint32_t pending_kills = 0;     // of all these: SIGKILL is pending, the kernel holds them
  bool known_standby = false;          // evidence beside the page: a signal file of recovery lay in the data directory
                                       // when this postmaster was found
  bool foreign = false;                // adopted at the agent's request, and no lease was ever seen to cover it: somebody
                                       // started it before Matriarch came, and whether it may serve is the agent's
                                       // question until the first lease
  bool all_gone() const { return !postmaster_alive && others == 0; }
};

struct FenceInput {
  Instant now{};
  Duration wall_offset{};   // CLOCK_REALTIME - CLOCK_BOOTTIME now
  Duration budget{};        // wanted between SIGQUIT and the end of the lease
  Duration max_ttl{};       // the guardian's own ceiling, beside the posture's
  CellRead<Lease> lease;
  CellRead<Posture> posture;
  PostgresView postgres;
  std::optional<FenceReason> asked;  // fence whatever the lease says
};

struct FenceState {
  FencePhase phase = FencePhase::kWatching;
  FenceReason reason = FenceReason::kNone;
  std::uint64_t armed_term = 0;
  Instant kill_at{};     // while quitting
  Instant began{};
  Instant ended{};       // Instant{}: not yet, or never fenced
  Instant due{};         // the end of the lease that this fence had to keep
  std::uint64_t fenced_term = 0;
  std::uint64_t fences = 0;
  bool operator==(const FenceState&) const = default;
};

struct FenceOrders {
  bool quit_postmaster = false;  // SIGQUIT, to the postmaster alone
  bool kill_postgres = false;    // SIGKILL: the postmaster first, then every process below it
  std::optional<Instant> look_at;  // look again then at the latest
  bool operator==(const FenceOrders&) const = default;
};

struct FenceStep {
  FenceState state;
  FenceOrders orders;
};

// What PostgreSQL stands on.
enum class Ground {
  kNotNeeded,   // it writes nothing, or nobody watches it (pause)
  kHeld,        // a lease
  kNone,        // a lease is needed and none was ever written, or nobody said what runs
  kUnreadable,  // garbage on the page
};
struct Judgement {
  Ground ground = Ground::kNone;
  Instant ends{};  // kHeld: lease_end(), which may have passed
  std::uint64_t term = 0;
};
Judgement judge(const FenceInput& input);

// Not less than the least, and not more than a quarter of what the lease had to run when it was written: a budget that is
// larger than what renewals leave would fence a healthy primary.
Duration effective_budget(Duration wanted, const Lease& lease);

// One look. Call it at `look_at`, whenever the page may have changed in a way that matters (arm, stand down), and whenever a
// process ended; calling it more often changes nothing.
//
//   watching -> quitting   the lease is held but ends within the budget
//   watching -> killing    it ends within kKillMargin or has ended, there is none, the page is garbage,
//                          or the postmaster is gone and its backends are not
//   quitting -> killing    kill_at has come, or the postmaster is gone and its backends are not
//   either   -> watching   every process is gone; a lease renewed meanwhile does not stop a fence that has begun
FenceStep step_fence(FenceState state, const FenceInput& input);

// A postmaster may be started: nothing of the last one is left, and what is to run has ground to stand on.
bool may_start_postmaster(const FenceState& state, const FenceInput& input);

}  // namespace matriarch::guardian
