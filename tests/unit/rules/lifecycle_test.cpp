// The thin path: a cluster is created, copied, led, lost and led again.
#include "unit/rules/observations.hpp"

namespace matriarch::rules::testing {
namespace {

using ::testing::Contains;
using ::testing::Not;

// ---- bootstrap -----------------------------------------------------------------------------------------------------

TEST(Bootstrap, TheFirstNodeClaimsTheCluster) {
  auto scene = an_empty_node();
  EXPECT_THAT(decided(scene), FiredRule("claim-initialize"));
  EXPECT_THAT(decided(scene).actions, Contains(Action(CreateInitialize{})));
}

TEST(Bootstrap, OnlyTheNodeWhoseClaimItIsCreatesTheCluster) {
  auto scene = an_empty_node();
  scene.cluster.initialize = "";
  scene.cluster.initialize_session = kMySession + 1;
  EXPECT_THAT(decided(scene), FiredRule("wait-for-leader"));
  scene.cluster.initialize_session = kMySession;
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("bootstrap-cluster"));
  ASSERT_TRUE(task_in(decision));
  EXPECT_EQ(task_in(decision)->kind, TaskKind::kBootstrap);
  EXPECT_TRUE(decision.memory.bootstrapping);
}

TEST(Bootstrap, ANofailoverNodeNeverCreatesTheCluster) {
  auto scene = an_empty_node();
  scene.settings.tags.custom["nofailover"] = true;
  EXPECT_THAT(decided(scene), FiredRule("wait-for-leader"));
}

TEST(Bootstrap, GoesFromTheNewServerToTheLeaderLock) {
  auto scene = an_empty_node();
  scene.cluster.initialize = "";
  scene.cluster.initialize_session = kMySession;
  scene.memory.bootstrapping = scene.memory.bootstrap_ended = true;
  scene.seen.postgres = a_healthy_leader().seen.postgres;
  EXPECT_EQ(task_in(decided(scene))->kind, TaskKind::kPostBootstrap);

  scene.memory.post_bootstrap_ok = true;
  EXPECT_THAT(decided(scene), FiredRule("write-new-system-id"));
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetInitialize{kSystemId})));

  scene.cluster.initialize = kSystemId;
  EXPECT_THAT(decided(scene), FiredRule("take-the-lease"));
  EXPECT_TRUE(has<AcquireLease>(decided(scene)));

  scene.seen.lease = a_healthy_leader().seen.lease;
  scene.led_by("n1");
  const auto done = decided(scene);
  EXPECT_THAT(done, Says("initialized a new cluster"));
  EXPECT_FALSE(done.memory.bootstrapping);
}

TEST(Bootstrap, AFailureWithdrawsTheClaimAndKeepsTheDataAside) {
  auto scene = an_empty_node();
  scene.cluster.initialize = "";
  scene.cluster.initialize_session = kMySession;
  scene.memory.bootstrapping = true;
  scene.seen.finished = FinishedTask{.request = {.kind = TaskKind::kBootstrap}, .result = TaskResult::kFailed, .error = "initdb: disk full"};
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("bootstrap-failed"));
  EXPECT_TRUE(has<CancelInitialize>(decision));
  ASSERT_TRUE(has<Exit>(decision));
  EXPECT_TRUE(actions_of<Exit>(decision).front().set_data_aside);
}

TEST(Bootstrap, AnEmptyNodeCopiesTheLeader) {
  auto scene = an_empty_node();
  scene.cluster = a_streaming_replica().cluster;
  const auto decision = decided(scene);
  EXPECT_THAT(decision, Says("trying to bootstrap from leader 'n2'"));
  EXPECT_EQ(task_in(decision)->source, MemberName("n2"));
  EXPECT_EQ(task_in(decision)->upstream->host, "10.0.0.2");
}

TEST(Bootstrap, AnEmptyNodePrefersAMemberThatOffersItself) {
  auto scene = an_empty_node();
  scene.cluster = a_streaming_replica().cluster;
  scene.member("n3").tags.custom["clonefrom"] = true;
  EXPECT_THAT(decided(scene), Says("trying to bootstrap from replica 'n3'"));
}

TEST(Identity, DataOfAnotherClusterIsRefused) {
  auto scene = a_streaming_replica();
  scene.cluster.initialize = "7000000000000000001";
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("other-data"));
  ASSERT_TRUE(has<Exit>(decision));
  EXPECT_FALSE(has<StartTask>(decision));
}

// ---- the race ------------------------------------------------------------------------------------------------------

TEST(Race, TheHealthiestStandbyTakesTheLock) {
  auto scene = a_leaderless_cluster();
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("take-lock"));
  EXPECT_THAT(decision, KeepsLease());
  EXPECT_TRUE(has<AcquireLease>(decision));
}

TEST(Race, AsksTheMembersFirst) {
  auto scene = a_leaderless_cluster();
  scene.seen.peers.clear();
  scene.seen.peers_asked_at = {};
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("ask-members"));
  EXPECT_THAT(decision.needs.poll_peers, ::testing::UnorderedElementsAre(MemberName("n2"), MemberName("n3")));
  EXPECT_FALSE(has<AcquireLease>(decision));
}

TEST(Race, AnswersFromBeforeTheLeaderWasGoneDoNotCount) {
  auto scene = a_leaderless_cluster();
  scene.memory.leaderless_since = scene.seen.now - 1ms;
  EXPECT_THAT(decided(scene), FiredRule("ask-members"));
}

TEST(Race, AStandbyAheadIsFollowed) {
  auto scene = a_leaderless_cluster();
  scene.answers("n3", a_standby_at(scene, Lsn{0x5000001}));
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("peer-ahead"));
  EXPECT_THAT(decision, Says("following a different leader because i am not the healthiest node"));
  EXPECT_THAT(decision.notes, Contains("Wal position of n3 is ahead of my wal position"));
}

TEST(Race, WalOnABranchThatWasLeftDoesNotCount) {
  auto scene = a_leaderless_cluster();
  scene.cluster.history = HistoryKey{.lines = {{.timeline = {1}, .lsn = Lsn{0x4000000}}}};
  scene.seen.postgres.replica_timeline = scene.seen.postgres.received_timeline = {2};
  auto stale = a_standby_at(scene, Lsn{0x6000000});
  stale.timeline = {1};
  scene.answers("n3", stale);
  EXPECT_THAT(decided(scene), FiredRule("take-lock"));
}

TEST(Race, ALivingPrimaryIsRespected) {
  auto scene = a_leaderless_cluster();
  scene.answers("n2", {.reachable = true, .in_recovery = false, .timeline = {1}});
  EXPECT_THAT(decided(scene), FiredRule("primary-still-alive"));
}

TEST(Race, ALaggingStandbyStandsBack) {
  auto scene = a_leaderless_cluster();
  scene.cluster.status.optime = Lsn{0x5000000 + 1048576};
  EXPECT_THAT(decided(scene), Not(FiredRule("lagging")));
  scene.cluster.status.optime = Lsn{0x5000000 + 1048577};
  EXPECT_THAT(decided(scene), FiredRule("lagging"));
}

TEST(Race, WithEqualWalTheHigherPriorityGoesFirst) {
  auto scene = a_leaderless_cluster();
  auto preferred = a_standby_at(scene, Lsn{0x5000000});
  preferred.tags.custom["failover_priority"] = 2;
  scene.answers("n3", preferred);
  EXPECT_THAT(decided(scene), FiredRule("peer-preferred"));
}

TEST(Race, ASilentOldLeaderIsNotWaitedForLong) {
  auto scene = a_leaderless_cluster();
  scene.seen.peers.erase(MemberName("n2"));
  scene.seen.peers_complete = false;
  EXPECT_THAT(decided(scene), FiredRule("await-members"));
  scene.seen.now += 300ms;
  EXPECT_THAT(decided(scene), FiredRule("take-lock"));
}

// The old leader stepped down in time, but its checkpoint and its stop took long.
TEST(Race, AScheduledSwitchoverGoesToItsCandidateHoweverLongTheLeaderTookToStop) {
  auto scene = a_leaderless_cluster();
  scene.cluster.failover = FailoverKey{.leader = MemberName("n2"), .candidate = MemberName("n3"), .scheduled_at = scene.seen.wall_now - 5min, .revision = {70}};
  EXPECT_THAT(decided(scene), Not(FiredRule("take-lock")));
  scene.cluster.failover->candidate = MemberName("n1");
  EXPECT_THAT(decided(scene), FiredRule("candidate-takes-lock"));
}

TEST(Race, NodesOutsideTheSynchronousSetStandBack) {
  auto scene = a_leaderless_cluster();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOn;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = {MemberName("n3")}, .revision = {60}};
  EXPECT_THAT(decided(scene), FiredRule("outside-sync"));
  scene.cluster.sync.voters = {MemberName("N1")};
  EXPECT_THAT(decided(scene), FiredRule("take-lock"));
  EXPECT_EQ(actions_of<AcquireLease>(decided(scene)).front().sync_revision, Revision{60});
}

// ---- from the lock to the promotion --------------------------------------------------------------------------------

TEST(Promotion, NeedsTheGuardianThenAFreshViewThenPromotes) {
  auto scene = a_winner_before_promotion();
  EXPECT_EQ(task_in(decided(scene))->kind, TaskKind::kPromote);
  scene.seen.store.fresh = false;
  EXPECT_THAT(decided(scene), FiredRule("view-not-fresh"));
  EXPECT_TRUE(decided(scene).needs.linearizable_view);
  scene.seen.lease.armed = false;
  EXPECT_THAT(decided(scene), FiredRule("guardian-not-armed"));
  EXPECT_FALSE(has<StartTask>(decided(scene)));
}

TEST(Promotion, GivesTheLockBackWhenItIsNotInTheSynchronousSetAnyMore) {
  auto scene = a_winner_before_promotion();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOn;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = {MemberName("n3")}, .revision = {60}};
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("no-longer-in-sync-set"));
  EXPECT_TRUE(has<ReleaseLease>(decision));
  EXPECT_THAT(decision, Not(KeepsLease()));
}

TEST(Promotion, WritesTheSynchronousRecordFirst) {
  auto scene = a_winner_before_promotion();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOn;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = {MemberName("n1"), MemberName("n3")}, .revision = {60}};
  EXPECT_THAT(decided(scene).actions, Contains(Action(WriteSync{.leader = MemberName("n1"), .expected = {60}})));
  EXPECT_FALSE(has<StartTask>(decided(scene)));
  scene.cluster.sync = {.leader = MemberName("n1"), .revision = {61}};
  EXPECT_EQ(task_in(decided(scene))->kind, TaskKind::kPromote);
}

// The commits of the coming term do not wait for the standby of an earlier one: it must not be electable any more (S5).
TEST(Promotion, ASyncRecordOfItsOwnEarlierTermIsRewrittenFirst) {
  auto scene = a_winner_before_promotion();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOn;
  scene.cluster.sync = {.leader = MemberName("n1"), .voters = {MemberName("n3")}, .revision = {60}};
  EXPECT_THAT(decided(scene), FiredRule("write-sync-first"));
  EXPECT_THAT(decided(scene).actions, Contains(Action(WriteSync{.leader = MemberName("n1"), .expected = {60}})));
  EXPECT_FALSE(has<StartTask>(decided(scene)));
}

TEST(Promotion, AGuardianThatNeverWatchesTheLeaseCostsTheLock) {
  auto scene = a_winner_before_promotion();
  scene.seen.lease.armed = false;
  scene.memory.acquire_asked_at = scene.seen.now - 1s;
  EXPECT_THAT(decided(scene), FiredRule("guardian-not-armed"));
  scene.memory.acquire_asked_at = scene.seen.now - 3 * scene.settings.dynamic.timing.ttl;
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("guardian-never-armed"));
  EXPECT_TRUE(has<ReleaseLease>(decision));
}

TEST(Promotion, OnlyARequestThatIsInForceExcusesALag) {
  auto scene = a_winner_before_promotion();
  scene.cluster.status.optime = Lsn{scene.seen.postgres.lsn.value + 2 * 1048576};
  scene.cluster.failover = FailoverKey{.candidate = MemberName("n1"), .scheduled_at = scene.seen.wall_now + 24h, .revision = {70}};
  EXPECT_THAT(decided(scene), FiredRule("lags-after-all"));
  scene.cluster.failover->scheduled_at = scene.seen.wall_now - 1ms;
  EXPECT_THAT(decided(scene), Not(FiredRule("lags-after-all")));
}

// Once the key was gone somebody else may have led: only the race may create it again (S10, S11).
TEST(OwnKey, OfAnEarlierRunIsBoundAndNeverCreated) {
  auto scene = a_crashed_leader();
  scene.seen.lease = {};
  scene.seen.postgres.state = PostgresState::kCrashed;
  const auto asked = actions_of<AcquireLease>(decided(scene));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(asked.front().only_if_ours);
}

// ---- leading -------------------------------------------------------------------------------------------------------

TEST(Leader, ServesAndKeepsTheLease) {
  const auto decision = decided(a_healthy_leader());
  EXPECT_THAT(decision, Says("no action. I am (n1), the leader with the lock"));
  EXPECT_THAT(decision.actions, Contains(Action(GrantPermit{90s})));
}

TEST(Leader, IsKilledAtOnceWhenTheLeaseRanOut) {
  auto scene = a_healthy_leader();
  scene.seen.lease.valid_until = scene.seen.now - 1ms;
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("lease-ran-out"));
  EXPECT_TRUE(has<FencePostgres>(decision));
  EXPECT_THAT(decision, Not(KeepsLease()));
}

TEST(Leader, IsKilledAtOnceWhenAnotherLeads) {
  auto scene = a_healthy_leader();
  scene.led_by("n2");
  scene.seen.lease.outcome = LeaseOutcome::kLost;
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("primary-without-lock"));
  EXPECT_TRUE(has<FencePostgres>(decision));
}

// Between the stop and the start of a restart no server runs: what comes up then would be a primary without the lease.
TEST(Leader, ALeaseThatEndsInTheMiddleOfARestartStopsTheRestart) {
  auto scene = a_healthy_leader();
  scene.seen.task = RunningTask{.request = {.kind = TaskKind::kRestart, .name = "restart", .role = PostgresRole::kPrimary}};
  scene.seen.lease.valid_until = scene.seen.now - 1ms;
  scene.seen.postgres.is_running = scene.seen.postgres.is_primary = false;
  EXPECT_THAT(decided(scene), FiredRule("lost-lock-before-start"));
  EXPECT_TRUE(has<CancelTask>(decided(scene)));
  scene.seen.postgres.is_running = true;
  EXPECT_THAT(decided(scene), FiredRule("lost-lock-during-task"));
  EXPECT_TRUE(has<FencePostgres>(decided(scene)));
}

TEST(Leader, AnOldViewDoesNotDemoteTheNewWinner) {
  auto scene = a_healthy_leader();
  scene.led_by("n2");
  scene.seen.lease.term = 150;
  EXPECT_THAT(decided(scene), FiredRule("view-older-than-lease"));
  EXPECT_FALSE(has<FencePostgres>(decided(scene)));
}

TEST(Leader, RestartsItsCrashedServerInPlaceWithoutSynchronousMode) {
  const auto decision = decided(a_crashed_leader());
  EXPECT_THAT(decision, Says("starting primary after failure"));
  EXPECT_EQ(task_in(decision)->kind, TaskKind::kStart);
  EXPECT_THAT(decision, KeepsLease());
}

TEST(Leader, HandsOverAfterACrashWhenASynchronousStandbyHasEverything) {
  auto scene = a_crashed_leader();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOn;
  scene.cluster.sync = {.leader = MemberName("n1"), .voters = {MemberName("n3")}, .revision = {60}};
  EXPECT_THAT(decided(scene), FiredRule("ask-before-restart"));
  scene.answers("n3", a_standby_at(scene, Lsn{0x5000000}));
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("give-way-after-crash"));
  EXPECT_TRUE(has<ReleaseLease>(decision));
}

TEST(Leader, GivesTheLockBackWhenItsServerDoesNotStart) {
  auto scene = a_crashed_leader();
  scene.memory.recovering = true;
  scene.seen.finished = FinishedTask{.request = {.kind = TaskKind::kStart}, .result = TaskResult::kFailed, .error = "FATAL"};
  EXPECT_THAT(decided(scene), Says("removed leader key after trying and failing to start postgres"));
}

// ---- following -----------------------------------------------------------------------------------------------------

TEST(Follower, StaysWithTheRightUpstream) {
  EXPECT_THAT(decided(a_streaming_replica()), Says("no action. I am (n1), a secondary, and following a leader (n2)"));
}

TEST(Follower, TurnsToTheNewLeader) {
  auto scene = a_streaming_replica();
  scene.led_by("n3");
  scene.member("n3").role = "primary";
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("change-upstream"));
  EXPECT_EQ(actions_of<FollowByReload>(decision).front().upstream.host, "10.0.0.3");
  EXPECT_EQ(decision.memory.rewind, RewindState::kCheck);
}

TEST(Follower, ADivergedNodeRewindsBeforeItStarts) {
  auto scene = a_streaming_replica();
  scene.seen.postgres.is_running = false;
  scene.seen.postgres.state = PostgresState::kStopped;
  scene.seen.postgres.role = PostgresRole::kDemoted;
  scene.seen.postgres.control->cluster_state = "shut down";
  scene.memory.rewind = RewindState::kCheck;
  scene.memory.divergence_wanted_at = scene.seen.now - 1s;
  EXPECT_THAT(decided(scene), FiredRule("comparison-before-start"));
  EXPECT_EQ(decided(scene).needs.divergence_check, MemberName("n2"));
  scene.seen.divergence = DivergenceReport{.leader = MemberName("n2"), .verdict = DivergenceReport::Verdict::kNeedsRewind, .asked_at = scene.seen.now};
  EXPECT_THAT(decided(scene), Says("running pg_rewind from n2"));
  scene.member("n2").checkpoint_after_promote_done = false;
  EXPECT_THAT(decided(scene), FiredRule("leader-not-ready-for-rewind"));
}

TEST(Follower, AStoppedStandbyIsStarted) {
  auto scene = a_streaming_replica();
  scene.seen.postgres.is_running = false;
  scene.seen.postgres.state = PostgresState::kStopped;
  scene.seen.postgres.control->cluster_state = "shut down in recovery";
  scene.memory.rewind = RewindState::kNotNeeded;
  const auto decision = decided(scene);
  EXPECT_THAT(decision, Says("starting as a secondary"));
  EXPECT_EQ(task_in(decision)->upstream->host, "10.0.0.2");
}

TEST(Reinitialize, IsPossibleWhereNoSystemIdCanBeRead) {
  auto scene = a_streaming_replica();
  auto& postgres = scene.seen.postgres;
  postgres.is_running = postgres.is_primary = false;
  postgres.state = PostgresState::kStopped;
  postgres.system_id.reset();
  postgres.control.reset();
  EXPECT_THAT(decided(scene), FiredRule("system-id-unreadable"));
  scene.seen.wishes = {model::OperatorWish{.kind = model::OperatorWish::Kind::kReinitialize}};
  EXPECT_THAT(decided(scene), FiredRule("reinitialize"));
}

}  // namespace
}  // namespace matriarch::rules::testing
