#include "guardian/fence.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "unit/guardian/a_moment.hpp"

namespace matriarch::guardian {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBudget = 150ms;

CellRead<Lease> lease_until(Instant end, Instant written = kNow) {
  return {.status = ReadStatus::kGood,
          .sequence = 1,
          .value = {.term = 4,
                    .armed_term = 4,
                    .token = 9,
                    .valid_until = end.time_since_epoch().count(),
                    .written_at = written.time_since_epoch().count()}};
}

CellRead<Posture> posture_of(Posture posture) {
  posture.max_ttl = Duration(60s).count();
  return {.status = ReadStatus::kGood, .sequence = 1, .value = posture};
}

// A primary whose lease has two seconds to run.
FenceInput a_primary() {
  return {.now = kNow,
          .budget = kBudget,
          .max_ttl = 3600s,
          .lease = lease_until(kNow + 2s),
          .posture = posture_of({.may_write = 1}),
          .postgres = {.postmaster_alive = true}};
}

FenceInput at(FenceInput input, Instant now) {
  input.now = now;
  return input;
}

TEST(Fence, LeavesAPrimaryWithALeaseAlone) {
  const auto step = step_fence({}, a_primary());
  EXPECT_EQ(step.state.phase, FencePhase::kWatching);
  EXPECT_EQ(step.state.armed_term, 4u);
  EXPECT_EQ(step.orders, FenceOrders{.look_at = kNow + 2s - kBudget});
}

TEST(Fence, SendsQuitABudgetBeforeTheEnd) {
  const auto step = step_fence({}, at(a_primary(), kNow + 2s - kBudget));
  EXPECT_EQ(step.state.phase, FencePhase::kQuitting);
  EXPECT_EQ(step.state.reason, FenceReason::kLeaseEnded);
  EXPECT_EQ(step.state.armed_term, 0u);
  EXPECT_EQ(step.state.due, kNow + 2s);
  EXPECT_EQ(step.orders, (FenceOrders{.quit_postmaster = true, .look_at = kNow + 2s - kKillMargin}));
}

TEST(Fence, ABudgetIsNeverLessThanTheLeast) {
  auto input = at(a_primary(), kNow + 2s - kLeastFenceBudget);
  input.budget = 1ms;
  EXPECT_TRUE(step_fence({}, input).orders.quit_postmaster);
  input.budget = 500ms;
  EXPECT_TRUE(step_fence({}, at(input, kNow + 1500ms)).orders.quit_postmaster);
}

TEST(Fence, ABudgetLeavesRoomForRenewals) {
  auto input = a_primary();
  input.budget = 10s;
  EXPECT_EQ(step_fence({}, input).orders.look_at, kNow + 1500ms) << "a quarter of the lease as it was written";
  input.lease = lease_until(kNow + 400ms);
  EXPECT_EQ(step_fence({}, input).orders.look_at, kNow + 400ms - kLeastFenceBudget);
}

TEST(Fence, KillsWhenQuitWasNotEnough) {
  auto step = step_fence({}, at(a_primary(), kNow + 1850ms));
  step = step_fence(step.state, at(a_primary(), kNow + 1900ms));
  EXPECT_EQ(step.state.phase, FencePhase::kQuitting);
  EXPECT_FALSE(step.orders.quit_postmaster) << "once is enough";
  step = step_fence(step.state, at(a_primary(), kNow + 1950ms));
  EXPECT_EQ(step.state.phase, FencePhase::kKilling);
  EXPECT_TRUE(step.orders.kill_postgres);
  EXPECT_EQ(step.orders.look_at, kNow + 1950ms + kSweepSoon);
}

TEST(Fence, KillsAtOnceWhenItWokeTooLateForQuit) {
  for (const Duration late : {Duration(1950ms), Duration(1999ms), Duration(2s), Duration(3600s)}) {
    const auto step = step_fence({}, at(a_primary(), kNow + late));
    EXPECT_EQ(step.state.phase, FencePhase::kKilling);
    EXPECT_TRUE(step.orders.kill_postgres);
    EXPECT_FALSE(step.orders.quit_postmaster);
  }
}

TEST(Fence, KillsTheBackendsOfAPostmasterThatQuitLeftBehind) {
  auto step = step_fence({}, at(a_primary(), kNow + 1850ms));
  auto input = at(a_primary(), kNow + 1860ms);
  input.postgres = {.postmaster_exited = true, .postmaster_ended = kNow + 1859ms, .others = 1};
  step = step_fence(step.state, input);
  EXPECT_TRUE(step.orders.kill_postgres) << "no grace for the logger in a fence";
}

TEST(Fence, EndsOnlyWhenEveryProcessIsGone) {
  auto input = at(a_primary(), kNow + 2s);
  auto step = step_fence({}, input);
  input.postgres = {.others = 3, .pending_kills = 3};
  step = step_fence(step.state, input);
  EXPECT_EQ(step.state.phase, FencePhase::kKilling);
  EXPECT_TRUE(step.orders.kill_postgres);
  input.postgres = {};
  step = step_fence(step.state, at(input, kNow + 2001ms));
  EXPECT_EQ(step.state.phase, FencePhase::kWatching);
  EXPECT_EQ(step.state.fences, 1u);
  EXPECT_EQ(step.state.fenced_term, 4u);
  EXPECT_EQ(step.state.ended, kNow + 2001ms);
  EXPECT_FALSE(step.orders.kill_postgres);
}

TEST(Fence, ProcessesHeldByTheKernelAreSweptSeldom) {
  auto input = at(a_primary(), kNow + 2s);
  auto step = step_fence({}, input);
  input.postgres = {.others = 1, .pending_kills = 1};
  step = step_fence(step.state, at(input, kNow + 60s));
  EXPECT_TRUE(step.orders.kill_postgres);
  EXPECT_EQ(step.orders.look_at, kNow + 60s + kSweepSeldom);
}

TEST(Fence, ARenewalDoesNotStopAFenceThatHasBegun) {
  auto step = step_fence({}, at(a_primary(), kNow + 1850ms));
  auto renewed = at(a_primary(), kNow + 1949ms);
  renewed.lease = lease_until(kNow + 10s);
  step = step_fence(step.state, renewed);
  EXPECT_EQ(step.state.phase, FencePhase::kQuitting);
  EXPECT_EQ(step.state.armed_term, 0u);
  step = step_fence(step.state, at(renewed, kNow + 1950ms));
  EXPECT_TRUE(step.orders.kill_postgres);
}

TEST(Fence, ALeaseGivenUpWhileQuittingBringsTheKillNearer) {
  auto step = step_fence({}, at(a_primary(), kNow + 1850ms));
  auto given_up = at(a_primary(), kNow + 1860ms);
  given_up.lease = lease_until(Instant{});
  EXPECT_TRUE(step_fence(step.state, given_up).orders.kill_postgres);
}

TEST(Fence, NobodyIsFencedInRecoveryOrPause) {
  auto input = a_primary();
  input.lease = lease_until(kNow - 1s);
  for (const Posture& harmless : {Posture{}, Posture{.paused = 1}, Posture{.may_write = 1, .paused = 1}}) {
    input.posture = posture_of(harmless);
    const auto step = step_fence({}, input);
    EXPECT_EQ(step.state.phase, FencePhase::kWatching);
    EXPECT_EQ(step.orders, FenceOrders{});
  }
}

TEST(Fence, ATermIsAcknowledgedBeforePostgresMayWrite) {
  auto input = a_primary();
  input.posture = posture_of({.may_write = 0});
  EXPECT_EQ(step_fence({}, input).state.armed_term, 4u);
  input.postgres = {};
  EXPECT_EQ(step_fence({}, input).state.armed_term, 4u) << "nor need it run";
}

TEST(Fence, ATermIsAcknowledgedOnlyIfItsLeaseIsHeldLongEnough) {
  auto input = a_primary();
  input.lease.value.armed_term = 3;
  EXPECT_EQ(step_fence({}, input).state.armed_term, 0u) << "armed for a lease that is not the one on the page";
  input = a_primary();
  EXPECT_EQ(step_fence({}, at(input, kNow + 1850ms)).state.armed_term, 0u);
  input.posture = posture_of({.may_write = 1, .paused = 1});
  EXPECT_EQ(step_fence({}, at(input, kNow + 1850ms)).state.armed_term, 4u) << "in pause it binds nobody";
  input.posture = {};
  EXPECT_EQ(step_fence({}, input).state.armed_term, 0u);
}

TEST(Fence, ARunningPrimaryMayChangeTheTermOfItsLease) {
  auto input = a_primary();
  input.lease.value.term = 5;
  const auto step = step_fence({}, input);
  EXPECT_EQ(step.orders, FenceOrders{.look_at = kNow + 2s - kBudget});
  EXPECT_EQ(step.state.armed_term, 0u) << "until it is armed anew";
}

TEST(Fence, APrimaryThatIsNotOursIsLeftToTheAgentUntilALeaseCoversIt) {
  auto input = a_primary();
  input.postgres.foreign = true;
  EXPECT_EQ(step_fence({}, at(input, kNow + 3s)).orders, FenceOrders{});
  EXPECT_EQ(step_fence({}, input).orders.look_at, kNow + 2s - kBudget);
  input.asked = FenceReason::kAsked;
  EXPECT_TRUE(step_fence({}, at(input, kNow + 3s)).orders.kill_postgres);
}

TEST(Fence, APrimaryWithoutAnyLeaseIsKilled) {
  auto input = a_primary();
  input.lease = {};
  const auto step = step_fence({}, input);
  EXPECT_TRUE(step.orders.kill_postgres);
  EXPECT_EQ(step.state.reason, FenceReason::kNoLease);
}

TEST(Fence, GarbageCountsAsAnExpiredLease) {
  auto input = a_primary();
  input.lease = {.status = ReadStatus::kGarbage};
  EXPECT_EQ(step_fence({}, input).state.reason, FenceReason::kPageGarbage);
  EXPECT_TRUE(step_fence({}, input).orders.kill_postgres);
  input = a_primary();
  input.posture = {.status = ReadStatus::kGarbage};
  EXPECT_TRUE(step_fence({}, input).orders.kill_postgres);
}

TEST(Fence, WithoutAPostureOnlyAKnownStandbyMayRun) {
  auto input = a_primary();
  input.posture = {};
  EXPECT_EQ(step_fence({}, input).state.reason, FenceReason::kNoLease);
  input.postgres.known_standby = true;
  EXPECT_EQ(step_fence({}, input).orders, FenceOrders{});
  input.posture = posture_of({.may_write = 1});
  input.lease = lease_until(kNow);
  EXPECT_TRUE(step_fence({}, input).orders.kill_postgres) << "the page goes before the evidence";
}

TEST(Fence, BackendsOfAKilledPostmasterDieEvenWithALease) {
  auto input = a_primary();
  input.postgres = {.postmaster_ended = kNow, .others = 5};
  const auto step = step_fence({}, input);
  EXPECT_TRUE(step.orders.kill_postgres);
  EXPECT_EQ(step.state.reason, FenceReason::kPostmasterDied);
  for (const Posture& harmless : {Posture{}, Posture{.paused = 1}}) {
    input.posture = posture_of(harmless);
    EXPECT_TRUE(step_fence({}, input).orders.kill_postgres);
  }
}

TEST(Fence, TheLoggerMayFinishAfterAnOrderlyExit) {
  auto input = a_primary();
  input.postgres = {.postmaster_exited = true, .postmaster_ended = kNow, .others = 1};
  EXPECT_EQ(step_fence({}, input).orders, FenceOrders{.look_at = kNow + kLoggerGrace});
  EXPECT_TRUE(step_fence({}, at(input, kNow + kLoggerGrace)).orders.kill_postgres);
  input.lease = lease_until(kNow + 60ms);
  EXPECT_EQ(step_fence({}, input).orders, FenceOrders{.look_at = kNow + 10ms}) << "never beyond the lease";
}

TEST(Fence, AsAskedByTheAgentItKillsAtOnce) {
  auto input = a_primary();
  input.asked = FenceReason::kAsked;
  EXPECT_TRUE(step_fence({}, input).orders.kill_postgres);
  auto quitting = step_fence({}, at(a_primary(), kNow + 1850ms));
  input.now = kNow + 1851ms;
  EXPECT_TRUE(step_fence(quitting.state, input).orders.kill_postgres);
}

TEST(Fence, AtTheGuardiansOwnEndPostgresMayQuitFirst) {
  auto input = a_primary();
  input.asked = FenceReason::kStopLimit;
  EXPECT_EQ(step_fence({}, input).orders, (FenceOrders{.quit_postmaster = true, .look_at = kNow + kQuitPatience}));
  input.lease = lease_until(kNow + 300ms);
  EXPECT_EQ(step_fence({}, input).orders.look_at, kNow + 250ms) << "but not beyond the lease";
  input.posture = posture_of({});
  EXPECT_EQ(step_fence({}, input).orders.look_at, kNow + kQuitPatience) << "a standby has no lease to keep";
}

TEST(Fence, TheGuardiansOwnCeilingCutsTheLease) {
  auto input = a_primary();
  input.max_ttl = 1s;
  EXPECT_EQ(step_fence({}, input).orders.look_at, kNow + 1s - kBudget);
}

TEST(StartPostmaster, NeedsGroundToStandOnAndNothingLeftOfTheLast) {
  auto input = a_primary();
  EXPECT_FALSE(may_start_postmaster({}, input)) << "one runs";
  input.postgres = {};
  EXPECT_TRUE(may_start_postmaster({}, input));
  EXPECT_FALSE(may_start_postmaster({}, at(input, kNow + 1850ms))) << "the lease ends within the budget";
  EXPECT_FALSE(may_start_postmaster({.phase = FencePhase::kKilling}, input));
  input.lease = lease_until(kNow - 1s);
  EXPECT_FALSE(may_start_postmaster({}, input));
  input.posture = posture_of({});
  EXPECT_TRUE(may_start_postmaster({}, input)) << "a standby";
  input.postgres.others = 1;
  EXPECT_FALSE(may_start_postmaster({}, input)) << "backends of the last one";
  input.postgres.others = 0;
  input.posture = {};
  EXPECT_FALSE(may_start_postmaster({}, input)) << "nobody said what is to run";
}

// PostgreSQL as a fence meets it: may ignore SIGQUIT, has backends that outlive it, dies of SIGKILL after a while.
struct ModelPostgres {
  bool heeds_quit = true;
  Duration dies_within{};
  std::optional<Instant> quit_at;
  std::optional<Instant> killed_at;

  bool alive(Instant now) const {
    if (killed_at && now >= *killed_at + dies_within) return false;
    return !(heeds_quit && quit_at && now >= *quit_at + dies_within);
  }
  PostgresView view(Instant now) const {
    return {.postmaster_alive = alive(now), .others = alive(now) && quit_at ? 3u : 0u};
  }
  void obey(const FenceOrders& orders, Instant now) {
    if (orders.quit_postmaster && !quit_at) quit_at = now;
    if (orders.kill_postgres && !killed_at) killed_at = now;
  }
};

RC_GTEST_PROP(FenceProperty, EverythingIsKilledBeforeTheLeaseEndsIfTheGuardianWakesWithinTheMargin, ()) {
  const Duration ttl = std::chrono::milliseconds(*rc::gen::inRange(400, 30000));
  const Duration latency = std::chrono::microseconds(*rc::gen::inRange(0, 40000));  // below kKillMargin
  ModelPostgres postgres{.heeds_quit = *rc::gen::arbitrary<bool>(),
                         .dies_within = std::chrono::microseconds(*rc::gen::inRange(0, 80000))};
  const int renewals = *rc::gen::inRange(0, 5);

  FenceState state;
  FenceInput input = a_primary();
  Instant end = kNow + ttl;
  int renewed = 0;
  for (int looks = 0; looks < 10000; ++looks) {
    input.lease = lease_until(end, end - ttl);
    input.postgres = postgres.view(input.now);
    const bool was_held = input.now < end - kBudget;
    const FenceStep step = step_fence(state, input);
    if (was_held && !postgres.quit_at) {
      RC_ASSERT(!step.orders.quit_postmaster && !step.orders.kill_postgres);
    }
    postgres.obey(step.orders, input.now);
    state = step.state;
    if (state.fences > 0) break;
    RC_ASSERT(step.orders.look_at.has_value());
    // The keeper renews a third of a ttl before the guardian's next look, as long as it lives.
    if (renewed < renewals && !postgres.quit_at) {
      ++renewed;
      end += ttl / 3;
    }
    input.now = std::max(*step.orders.look_at + latency, input.now + 1us);
  }
  RC_ASSERT(state.fences == 1u);
  RC_ASSERT(!postgres.alive(input.now));
  const bool ended_by_quit = postgres.heeds_quit && *postgres.quit_at + postgres.dies_within < end;
  RC_ASSERT(ended_by_quit || (postgres.killed_at && *postgres.killed_at < end));
}

RC_GTEST_PROP(FenceProperty, AnyBytesOnThePageYieldAStepAndNeverLongerThanTheCeiling, ()) {
  const auto word = [] { return *rc::gen::arbitrary<std::int64_t>(); };
  FenceInput input{.now = kNow,
                   .wall_offset = Duration(word()),
                   .budget = Duration(word()),
                   .max_ttl = 3600s,
                   .lease = {.status = ReadStatus::kGood,
                             .value = {.term = static_cast<std::uint64_t>(word()),
                                       .valid_until = word(),
                                       .wall_offset = word(),
                                       .written_at = word()}},
                   .posture = {.status = ReadStatus::kGood,
                               .value = {.may_write = 1, .max_ttl = word()}},
                   .postgres = {.postmaster_alive = true}};
  const FenceStep step = step_fence({}, input);
  if (step.state.phase == FencePhase::kWatching) {
    RC_ASSERT(step.orders.look_at.has_value());
    RC_ASSERT(*step.orders.look_at <= kNow + 3600s + kReadingSlack);
  }
}

}  // namespace
}  // namespace matriarch::guardian
