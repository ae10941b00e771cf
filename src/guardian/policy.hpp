// All the guardian decides, in one pure step: who is started, what is fenced, when to look again.
//
// The guardian's process gathers an Input, calls step(), obeys the Orders, and sleeps until `look_at` or an event. The
// simulator does the same with invented processes and time. No clock, no system call, no allocation.
#pragma once

#include "guardian/fence.hpp"
#include "guardian/supervision.hpp"

namespace matriarch::guardian {

struct Input {
  Instant now{};
  Duration wall_offset{};
  Duration budget{};    // of the fence, from what was measured: see measured_budget()
  Duration max_ttl{};
  Duration stop_limit{};
  CellRead<Lease> lease;
  CellRead<Posture> posture;
  PostgresView postgres;
  ChildView agent;
  ChildView store;
  std::uint32_t strays = 0;
  bool stop_asked = false;
  std::optional<int> agent_said_goodbye;
  bool fence_asked = false;  // by the agent: now, whatever the lease says
};

struct State {
  FenceState fence;
  SupervisionState supervision;
  bool operator==(const State&) const = default;
};

struct Orders {
  FenceOrders fence;
  SupervisionOrders supervision;
  std::optional<Instant> look_at;  // the earlier one of both
};

struct Step {
  State state;
  Orders orders;
};

// The orders of the fence are to be carried out before those of the supervision.
Step step(const State& state, const Input& input);

bool may_start_postmaster(const State& state, const Input& input);

// The fence begins early enough for the worst wake-up seen lately to be late again, and for PostgreSQL to end by
// SIGQUIT in the common case (measured: 10 to 40 ms).
Duration measured_budget(Duration worst_wake_up);

}  // namespace matriarch::guardian
