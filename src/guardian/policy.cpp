#include "guardian/policy.hpp"

namespace matriarch::guardian {
namespace {

constexpr Duration kQuitTakes = std::chrono::milliseconds(100);
constexpr Duration kLargestBudget = std::chrono::seconds(2);

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

FenceInput fence_input(const Input& input, const SupervisionState& supervision) {
  FenceInput fence{.now = input.now,
                   .wall_offset = input.wall_offset,
                   .budget = input.budget,
                   .max_ttl = input.max_ttl,
                   .lease = input.lease,
                   .posture = input.posture,
                   .postgres = input.postgres,
                   .asked = supervision.fence};
  if (input.fence_asked) fence.asked = FenceReason::kAsked;
  return fence;
}

SupervisionInput supervision_input(const Input& input) {
  return {.now = input.now,
          .agent = input.agent,
          .store = input.store,
          .postgres_gone = input.postgres.all_gone(),
          .paused = input.posture.status == ReadStatus::kGood && input.posture.value.paused != 0,
          .strays = input.strays,
          .stop_asked = input.stop_asked,
          .agent_said_goodbye = input.agent_said_goodbye,
          .stop_limit = input.stop_limit};
}

}  // namespace

Step step(const State& state, const Input& input) {
  const SupervisionStep supervision = step_supervision(state.supervision, supervision_input(input));
  const FenceStep fence = step_fence(state.fence, fence_input(input, supervision.state));
  return {.state = {.fence = fence.state, .supervision = supervision.state},
          .orders = {.fence = fence.orders,
                     .supervision = supervision.orders,
                     .look_at = earlier(fence.orders.look_at, supervision.orders.look_at)}};
}

bool may_start_postmaster(const State& state, const Input& input) {
  if (state.supervision.phase != StopPhase::kServing) return false;  // what is stopping starts nothing new
  return may_start_postmaster(state.fence, fence_input(input, state.supervision));
}

Duration measured_budget(Duration worst_wake_up) {
  const Duration worst = std::max(worst_wake_up, Duration::zero());
  return std::clamp(kKillMargin + kQuitTakes + worst, kLeastFenceBudget, kLargestBudget);
}

}  // namespace matriarch::guardian
