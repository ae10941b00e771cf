#include "guardian/supervision.hpp"

#include <algorithm>

#include "guardian/fence.hpp"

namespace matriarch::guardian {
namespace {

void look_by(SupervisionOrders& orders, Instant when) {
  orders.look_at = std::min(orders.look_at.value_or(when), when);
}

void enter(SupervisionState& state, StopPhase phase, Instant deadline = {}) {
  state.phase = phase;
  state.deadline = deadline;
}

bool deadline_passed(const SupervisionState& state, Instant now) {
  return state.deadline != Instant{} && now >= state.deadline;
}

// Nothing of a dead agent may still write to the data directory when the next one starts.
void start_agent_when_due(SupervisionState& state, SupervisionOrders& orders, const SupervisionInput& input) {
  if (input.agent.running) return;
  if (input.strays > 0) {
    orders.kill_strays = true;
    look_by(orders, input.now + kSweepSoon);
  } else if (input.now < state.agent.next_start) {
    look_by(orders, state.agent.next_start);
  } else {
    orders.start_agent = true;
    state.agent = note_start(state.agent, input.now);
  }
}

void start_store_when_due(SupervisionState& state, SupervisionOrders& orders, const SupervisionInput& input) {
  if (!input.store.wanted || input.store.running || input.strays > 0) return;  // one of them may be the last store
  if (input.now < state.store.next_start) {
    look_by(orders, state.store.next_start);
  } else {
    orders.start_store = true;
    state.store = note_start(state.store, input.now);
  }
}

void begin_stop(SupervisionState& state, SupervisionOrders& orders, const SupervisionInput& input, int exit_code) {
  state.exit_code = exit_code;
  enter(state, StopPhase::kAgentStopping, input.stop_limit > Duration::zero() ? input.now + input.stop_limit : Instant{});
  orders.terminate_agent = input.agent.running;
}

bool is_hopeless(const ChildView& child, const SupervisionInput& input) {
  return child.ended && child.exit_code == kHopeless && input.postgres_gone;
}

void serve(SupervisionState& state, SupervisionOrders& orders, const SupervisionInput& input) {
  if (input.stop_asked) {
    begin_stop(state, orders, input, 0);
  } else if (input.agent_said_goodbye) {
    state.leaves_postgres = input.agent_said_goodbye->leaves_postgres;
    begin_stop(state, orders, input, input.agent_said_goodbye->code);
    orders.terminate_agent = false;  // it knows
  } else if (is_hopeless(input.agent, input) || is_hopeless(input.store, input)) {
    begin_stop(state, orders, input, kHopeless);
  } else {
    start_agent_when_due(state, orders, input);
    start_store_when_due(state, orders, input);
  }
}

void fence_or_leave(SupervisionState& state, const SupervisionInput& input, FenceReason reason) {
  const bool leave = input.paused || input.postgres_gone || (state.leaves_postgres && !input.may_write);
  if (!leave) state.fence = reason;
  enter(state, leave ? StopPhase::kStoreStopping : StopPhase::kPostgresStopping);
}

void wait_for_agent(SupervisionState& state, SupervisionOrders& orders, const SupervisionInput& input) {
  start_store_when_due(state, orders, input);  // the agent gives the lease back through it
  if (!input.agent.running) {
    // A goodbye followed by a crash is no orderly end.
    if (input.agent.ended && state.exit_code == 0) state.exit_code = input.agent.exit_code;
    fence_or_leave(state, input, FenceReason::kAgentGone);
  } else if (deadline_passed(state, input.now)) {
    state.exit_code = state.exit_code == 0 ? 1 : state.exit_code;
    orders.kill_agent = true;
    fence_or_leave(state, input, FenceReason::kStopLimit);
  } else if (state.deadline != Instant{}) {
    look_by(orders, state.deadline);
  }
}

void wait_for_postgres(SupervisionState& state, const SupervisionInput& input) {
  if (!input.postgres_gone) return;  // the fence says when to look
  state.fence.reset();
  enter(state, StopPhase::kStoreStopping);
}

void wait_for_store(SupervisionState& state, SupervisionOrders& orders, const SupervisionInput& input) {
  if (input.agent.running || input.strays > 0) {  // the stop limit has passed, and the end must not leave them behind
    orders.kill_agent = input.agent.running;
    orders.kill_strays = input.strays > 0;
    look_by(orders, input.now + kSweepSoon);
    return;
  }
  if (!input.store.running) {
    enter(state, StopPhase::kDone);
  } else if (state.deadline == Instant{}) {
    state.deadline = input.now + kStoreStopLimit;
    orders.terminate_store = true;
    look_by(orders, state.deadline);
  } else if (deadline_passed(state, input.now)) {
    orders.kill_store = true;
    look_by(orders, input.now + kSweepSeldom);
  } else {
    look_by(orders, state.deadline);
  }
}

}  // namespace

Respawn note_start(Respawn respawn, Instant now) {
  respawn.started = now;
  return respawn;
}

Respawn note_end(Respawn respawn, Instant now) {
  constexpr std::uint32_t kMostDoublings = 6;  // 100 ms << 6 is beyond the longest pause
  if (now - respawn.started >= kSteadyAfter) respawn.quick_ends = 0;
  const std::uint32_t doublings = std::min(respawn.quick_ends, kMostDoublings + 1);
  const Duration pause = doublings == 0 ? Duration::zero() : kFirstPause * (1u << (doublings - 1));
  respawn.next_start = now + std::min(pause, kLongestPause);
  respawn.quick_ends = std::min(respawn.quick_ends + 1, kMostDoublings + 1);
  return respawn;
}

SupervisionStep step_supervision(SupervisionState state, const SupervisionInput& input) {
  SupervisionOrders orders;
  if (input.agent.ended) state.agent = note_end(state.agent, input.now);
  if (input.store.ended) state.store = note_end(state.store, input.now);

  // A phase that is over hands on to the next within the same look: nothing would wake us for it.
  if (state.phase == StopPhase::kServing) serve(state, orders, input);
  if (state.phase == StopPhase::kAgentStopping) wait_for_agent(state, orders, input);
  if (state.phase == StopPhase::kPostgresStopping) wait_for_postgres(state, input);
  if (state.phase == StopPhase::kStoreStopping) wait_for_store(state, orders, input);
  if (state.phase == StopPhase::kDone) orders.exit = state.exit_code;
  return {.state = state, .orders = orders};
}

}  // namespace matriarch::guardian
