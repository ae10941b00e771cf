#include "guardian/policy.hpp"

namespace matriarch::guardian {
namespace {

constexpr Duration kQuitTakes = std::chrono::milliseconds(100);

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

FenceInput fence_input(const Input& input, const SupervisionState& supervision) {
  FenceInput fence = input.fence;
  fence.asked = input.fence_asked ? FenceReason::kAsked : supervision.fence;
  return fence;
}

SupervisionInput supervision_input(const Input& input) {
  const auto& posture = input.fence.posture;
  return {.now = input.fence.now,
          .agent = input.agent,
          .store = input.store,
          .postgres_gone = input.fence.postgres.all_gone(),
          .paused = posture.status == ReadStatus::kGood && posture.value.paused != 0,
          .may_write = posture.status != ReadStatus::kGood || posture.value.may_write != 0,
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

Duration measured_budget(Duration worst_wake_up) {
  return kKillMargin + kQuitTakes + std::clamp(worst_wake_up, Duration::zero(), kWorstCounted);
}

}  // namespace matriarch::guardian
