#include "guardian/supervision.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "guardian/policy.hpp"
#include "unit/guardian/a_moment.hpp"

namespace matriarch::guardian {
namespace {

using namespace std::chrono_literals;


SupervisionInput all_running() {
  return {.now = kNow, .agent = {.running = true}, .store = {.running = true}, .postgres_gone = false, .stop_limit = 60s};
}

SupervisionInput agent_ended(int code) {
  auto input = all_running();
  input.agent = {.running = false, .ended = true, .exit_code = code};
  return input;
}

TEST(Supervision, StartsBothAtFirst) {
  const auto step = step_supervision({}, {.now = kNow});
  EXPECT_TRUE(step.orders.start_agent);
  EXPECT_TRUE(step.orders.start_store);
}

TEST(Supervision, StartsNoStoreWhereNoneIsWanted) {
  const auto step = step_supervision({}, {.now = kNow, .store = {.wanted = false}});
  EXPECT_FALSE(step.orders.start_store);
}

TEST(Supervision, RestartsACrashedAgentAtOnceThenWithPauses) {
  SupervisionState state{.agent = {.started = kNow - 1h}};
  auto step = step_supervision(state, agent_ended(137));
  EXPECT_TRUE(step.orders.start_agent);

  Instant now = kNow;
  for (const Duration pause : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    now += 1ms;
    auto input = agent_ended(137);
    input.now = now;
    step = step_supervision(step.state, input);
    EXPECT_FALSE(step.orders.start_agent);
    ASSERT_EQ(step.orders.look_at, now + pause);
    now += pause;
    input = all_running();
    input.now = now;
    input.agent.running = false;
    step = step_supervision(step.state, input);
    EXPECT_TRUE(step.orders.start_agent);
  }
  auto input = agent_ended(1);
  input.now = now + kSteadyAfter;
  EXPECT_TRUE(step_supervision(step.state, input).orders.start_agent) << "it had proven that it can run";
}

TEST(Supervision, KillsStraysBeforeItStartsTheNextAgent) {
  auto input = agent_ended(137);
  input.strays = 2;
  auto step = step_supervision({}, input);
  EXPECT_FALSE(step.orders.start_agent);
  EXPECT_TRUE(step.orders.kill_strays);
  input.agent.ended = false;
  input.strays = 0;
  EXPECT_TRUE(step_supervision(step.state, input).orders.start_agent);
}

TEST(Supervision, ACleanExitWithoutAGoodbyeIsACrash) {
  EXPECT_TRUE(step_supervision({}, agent_ended(0)).orders.start_agent);
}

TEST(Supervision, AHopelessProgramEndsTheGuardianOnlyWithoutPostgres) {
  EXPECT_TRUE(step_supervision({}, agent_ended(kHopeless)).orders.start_agent);
  auto input = agent_ended(kHopeless);
  input.postgres_gone = true;
  input.store = {.wanted = false};
  const auto step = step_supervision({}, input);
  EXPECT_FALSE(step.orders.start_agent);
  EXPECT_EQ(step.orders.exit, kHopeless);
}

TEST(Supervision, AHopelessStoreTakesTheAgentAlong) {
  auto input = all_running();
  input.postgres_gone = true;
  input.store = {.running = false, .ended = true, .exit_code = kHopeless};
  EXPECT_TRUE(step_supervision({}, input).orders.terminate_agent);
}

TEST(Stop, RunsFromTheAgentOverPostgresToTheStore) {
  auto input = all_running();
  input.stop_asked = true;
  auto step = step_supervision({}, input);
  EXPECT_TRUE(step.orders.terminate_agent);
  EXPECT_FALSE(step.orders.terminate_store);
  EXPECT_EQ(step.orders.look_at, kNow + 60s);

  input = all_running();
  step = step_supervision(step.state, input);
  EXPECT_EQ(step.orders, SupervisionOrders{.look_at = kNow + 60s});

  input = agent_ended(0);
  input.postgres_gone = true;
  step = step_supervision(step.state, input);
  EXPECT_TRUE(step.orders.terminate_store);
  EXPECT_FALSE(step.orders.start_agent);

  input.agent.ended = false;
  input.store = {.running = false, .ended = true};
  EXPECT_EQ(step_supervision(step.state, input).orders.exit, 0);
}

TEST(Stop, TheStoreIsRestartedWhileTheAgentNeedsIt) {
  auto input = all_running();
  input.store = {.running = false, .ended = true, .exit_code = 139};
  EXPECT_TRUE(step_supervision({.phase = StopPhase::kAgentStopping}, input).orders.start_store);
}

TEST(Stop, InPausePostgresIsLeftAlone) {
  auto input = agent_ended(0);
  input.paused = true;
  input.store = {.wanted = false};
  const auto step = step_supervision({.phase = StopPhase::kAgentStopping}, input);
  EXPECT_FALSE(step.state.fence);
  EXPECT_EQ(step.orders.exit, 0);
}

TEST(Stop, AnAgentThatDiesWhileStoppingLeavesPostgresToTheFence) {
  auto input = agent_ended(139);
  auto step = step_supervision({.phase = StopPhase::kAgentStopping}, input);
  EXPECT_EQ(step.state.fence, FenceReason::kAgentGone);
  EXPECT_FALSE(step.orders.exit);
  input.agent.ended = false;
  input.postgres_gone = true;
  input.store = {.wanted = false};
  step = step_supervision(step.state, input);
  EXPECT_FALSE(step.state.fence);
  EXPECT_EQ(step.orders.exit, 139);
}

TEST(Stop, IsBoundedByItsLimit) {
  auto input = all_running();
  input.stop_asked = true;
  auto step = step_supervision({}, input);
  input = all_running();
  input.now = kNow + 60s;
  step = step_supervision(step.state, input);
  EXPECT_TRUE(step.orders.kill_agent);
  EXPECT_EQ(step.state.fence, FenceReason::kStopLimit);
  input = agent_ended(137);
  input.postgres_gone = true;
  input.store = {.wanted = false};
  EXPECT_EQ(step_supervision(step.state, input).orders.exit, 1);
}

TEST(Stop, AStoreThatDoesNotEndIsKilled) {
  auto input = all_running();
  input.agent.running = false;
  input.postgres_gone = true;
  auto step = step_supervision({.phase = StopPhase::kStoreStopping}, input);
  EXPECT_TRUE(step.orders.terminate_store);
  input.now = kNow + kStoreStopLimit;
  step = step_supervision(step.state, input);
  EXPECT_TRUE(step.orders.kill_store);
}

TEST(Stop, AGoodbyeEndsTheGuardianWithItsCode) {
  auto input = all_running();
  input.agent_said_goodbye = Goodbye{.code = 3};
  auto step = step_supervision({}, input);
  EXPECT_FALSE(step.orders.terminate_agent) << "it knows";
  input = agent_ended(0);
  input.postgres_gone = true;
  input.store = {.wanted = false};
  EXPECT_EQ(step_supervision(step.state, input).orders.exit, 3);
}

// What runs is not the agent's to stop; but nobody may go on writing without a guardian.
TEST(Stop, PostgresIsLeftToOthersOnlyIfItMayNotWrite) {
  for (const bool may_write : {false, true}) {
    auto input = all_running();
    input.may_write = may_write;
    input.agent_said_goodbye = Goodbye{.code = 1, .leaves_postgres = true};
    auto step = step_supervision({}, input);
    input = agent_ended(1);
    input.may_write = may_write;
    input.postgres_gone = false;
    input.store = {.wanted = false};
    step = step_supervision(step.state, input);
    EXPECT_EQ(step.orders.exit.has_value(), !may_write);
    EXPECT_EQ(step.state.fence.has_value(), may_write);
  }
}

// Whatever happens to the two programs, a stop comes to its end: no deadlock of the phases.
RC_GTEST_PROP(StopProperty, AlwaysEndsWithinItsLimits, ()) {
  State state;
  Input input{.fence = {.now = kNow, .max_ttl = 60s}, .stop_limit = 10s};
  input.agent.running = true;
  input.store = {.wanted = *rc::gen::arbitrary<bool>()};
  input.store.running = input.store.wanted;
  input.fence.postgres.postmaster_alive = *rc::gen::arbitrary<bool>();
  input.fence.posture = {.status = ReadStatus::kGood, .value = {.paused = *rc::gen::inRange(0u, 2u)}};
  const bool paused = input.fence.posture.value.paused != 0;
  const bool agent_obeys = *rc::gen::arbitrary<bool>();
  const bool agent_stops_postgres = *rc::gen::arbitrary<bool>();
  const bool store_obeys = *rc::gen::arbitrary<bool>();
  const bool postgres_heeds_quit = *rc::gen::arbitrary<bool>();
  const bool ran = input.fence.postgres.postmaster_alive;

  input.stop_asked = true;
  for (int looks = 0; looks < 1000; ++looks) {
    const Step taken = step(state, input);
    state = taken.state;
    const auto& orders = taken.orders.supervision;
    if (orders.exit) {
      RC_ASSERT(input.fence.now <= kNow + 10s + kQuitPatience + kStoreStopLimit + 1s);
      RC_ASSERT(input.fence.postgres.postmaster_alive == (ran && paused));
      return;
    }
    input.stop_asked = false;
    input.agent.ended = input.store.ended = false;
    bool event = false;
    const auto end = [&event](ChildView& child) {
      if (!child.running) return;
      child.running = false;
      child.ended = event = true;
    };
    if ((orders.terminate_agent && agent_obeys) || orders.kill_agent) end(input.agent);
    if (orders.terminate_agent && agent_obeys && agent_stops_postgres && !paused) input.fence.postgres = {};
    if ((orders.terminate_store && store_obeys) || orders.kill_store) end(input.store);
    const bool dies = taken.orders.fence.kill_postgres || (taken.orders.fence.quit_postmaster && postgres_heeds_quit);
    if (dies && !input.fence.postgres.all_gone()) {
      input.fence.postgres = {};
      event = true;
    }
    if (!event) {
      RC_ASSERT(taken.orders.look_at.has_value());
      input.fence.now = std::max(*taken.orders.look_at, input.fence.now + 1us);
    }
  }
  RC_FAIL("it never ended");
}

TEST(Budget, FollowsTheWorstWakeUp) {
  EXPECT_EQ(measured_budget(0ms), kLeastFenceBudget);
  EXPECT_EQ(measured_budget(80ms), 230ms);
  EXPECT_EQ(measured_budget(-5ms), kLeastFenceBudget);
  EXPECT_EQ(measured_budget(1h), 400ms);
}

}  // namespace
}  // namespace matriarch::guardian
