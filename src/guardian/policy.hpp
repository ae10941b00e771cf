// All the guardian decides, in one pure step: who is started, what is fenced, when to look again.
//
// The guardian's process gathers an Input, calls step(), obeys the Orders, and sleeps until `look_at` or an event. The
// simulator does the same with invented processes and time. No clock, no system call, no allocation.
#pragma once

#include "guardian/fence.hpp"
#include "guardian/supervision.hpp"

namespace matriarch::guardian {

struct Input {
  FenceInput fence;     // `asked` is filled in by step()
  Duration stop_limit{};
  ChildView agent;
  ChildView store;
  std::uint32_t strays = 0;
  bool stop_asked = false;
  std::optional<Goodbye> agent_said_goodbye;
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

// The fence begins early enough for the worst wake-up seen lately to be late again, and for PostgreSQL to end by
// SIGQUIT in the common case (measured: 10 to 40 ms). A machine that slept longer than kWorstCounted is not helped by any
// budget: then only the arithmetic on waking helps.
inline constexpr Duration kWorstCounted = std::chrono::milliseconds(250);
Duration measured_budget(Duration worst_wake_up);

}  // namespace matriarch::guardian
