// Synchronous replication: what a serving primary writes where, and in which order.
#include "rules/sync_names.hpp"
#include "unit/rules/observations.hpp"

namespace matriarch::rules::testing {
namespace {

using ::testing::Contains;
using ::testing::Not;
using Set = std::set<MemberName>;

Set names(std::initializer_list<const char*> texts) {
  Set result;
  for (const char* text : texts) result.insert(MemberName(text));
  return result;
}

// ---- the text ------------------------------------------------------------------------------------------------------

TEST(SyncNames, AreWrittenAsPostgresReadsThem) {
  EXPECT_EQ(sync_names_text(names({"a"}), 1, false), "a");
  EXPECT_EQ(sync_names_text(names({"b", "a"}), 2, false), "2 (a,b)");
  EXPECT_EQ(sync_names_text(names({"a"}), 1, true), "ANY 1 (a)");
  EXPECT_EQ(sync_names_text(names({"n-1"}), 1, false), "\"n-1\"");
  EXPECT_EQ(sync_names_text(names({"first"}), 1, false), "\"first\"");
  EXPECT_EQ(sync_names_text(names({"a\"b"}), 1, false), "\"a\"\"b\"");
  EXPECT_EQ(sync_names_text({}, 0, false), "");
  EXPECT_EQ(sync_names_text({}, 1, false), kNobody);
  EXPECT_EQ(sync_names_text(names({"*"}), 1, false), kNobody);
}

// ---- priority mode -------------------------------------------------------------------------------------------------

Scene a_synchronous_leader(std::initializer_list<const char*> voters, const std::string& text) {
  auto scene = a_healthy_leader();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOn;
  scene.cluster.sync = {.leader = MemberName("n1"), .voters = names(voters), .revision = {60}};
  scene.seen.postgres.sync_names = parse_sync_names(text);
  for (const char* name : {"n2", "n3"}) {
    const bool is_listed = scene.seen.postgres.sync_names.members.contains(MemberName(name));
    const Lsn lsn{0x5000000};
    scene.seen.postgres.wal_senders.push_back({.pid = 1, .application_name = MemberName(name), .sync_state = is_listed ? SyncState::kSync : SyncState::kAsync, .write = lsn, .flush = lsn, .replay = lsn});
  }
  scene.memory.sync = {.text = text, .changed_at = scene.seen.now - 10s, .flush_at_change = Lsn{0x4000000}};
  for (const auto& name : scene.seen.postgres.sync_names.members) scene.memory.sync.ready.insert(name);
  return scene;
}

void disconnect(Scene& scene, const std::string& name) {
  std::erase_if(scene.seen.postgres.wal_senders, [&](const WalSender& sender) { return sender.application_name.text == name; });
}

TEST(Priority, BeginsWithARecordOfTheLeaderAlone) {
  auto scene = a_synchronous_leader({}, "");
  scene.cluster.sync = {};
  EXPECT_THAT(decided(scene).actions, Contains(Action(WriteSync{.leader = MemberName("n1")})));
}

TEST(Priority, CommitsWaitForAStandbyBeforeItIsRecorded) {
  auto scene = a_synchronous_leader({}, "");
  const auto decision = decided(scene);
  EXPECT_THAT(decision.actions, Contains(Action(SetSyncNames{"n2"})));
  EXPECT_FALSE(has<WriteSync>(decision));
}

TEST(Priority, AStandbyIsRecordedOnlyAfterItCaughtUp) {
  auto scene = a_synchronous_leader({}, "n2");
  scene.memory.sync.ready.clear();
  scene.memory.sync.flush_at_change = Lsn{0x5000001};
  EXPECT_FALSE(has<WriteSync>(decided(scene)));
  scene.seen.postgres.wal_senders[0].flush = Lsn{0x5000001};
  EXPECT_THAT(decided(scene).actions, Contains(Action(WriteSync{.leader = MemberName("n1"), .voters = names({"n2"}), .expected = {60}})));
}

// The setting is in effect, but the server may not make commits wait for it yet: what is confirmed meanwhile waited for nobody.
TEST(Priority, NoProofBeginsBeforeCommitsWait) {
  auto scene = a_synchronous_leader({}, "n2");
  scene.memory.sync.ready.clear();
  scene.memory.sync.flush_at_change = Lsn{};
  scene.seen.postgres.observed_at = scene.seen.now;
  scene.seen.postgres.sync_names_pending = true;
  EXPECT_THAT(decided(scene), Not(FiredRule("sync-flush-measured")));
  EXPECT_TRUE(decided(scene).needs.fresh_positions);
  scene.seen.postgres.sync_names_pending = false;
  EXPECT_THAT(decided(scene), FiredRule("sync-flush-measured"));
}

TEST(Priority, TheProofIsEarnedAnewAfterEveryChangeOfNames) {
  auto scene = a_synchronous_leader({}, "n2");
  scene.memory.sync.text = "n3";
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("sync-names-in-effect"));
  EXPECT_FALSE(has<WriteSync>(decision));
  EXPECT_TRUE(decision.memory.sync.ready.empty());
}

TEST(Priority, ADeadStandbyLeavesTheRecordFirstAndTheNamesThen) {
  auto scene = a_synchronous_leader({"n2"}, "n2");
  disconnect(scene, "n2");
  auto decision = decided(scene);
  EXPECT_THAT(decision.actions, Contains(Action(WriteSync{.leader = MemberName("n1"), .expected = {60}})));
  EXPECT_FALSE(has<SetSyncNames>(decision)) << "commits must not be confirmed without n2 while it may be promoted";
  scene.cluster.sync.voters.clear();
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{"n3"})));
}

TEST(Priority, WaitsForAWriteThatIsUnderWay) {
  auto scene = a_synchronous_leader({"n2"}, "n2");
  disconnect(scene, "n2");
  scene.writes_under_way(WriteKind::kSync);
  const auto decision = decided(scene);
  EXPECT_FALSE(has<WriteSync>(decision));
  EXPECT_FALSE(has<SetSyncNames>(decision));
}

TEST(Priority, AReplacementIsWaitedForBeforeTheOldOneGoes) {
  auto scene = a_synchronous_leader({"n2"}, "n2");
  scene.member("n3").tags.custom["sync_priority"] = 5;
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{"2 (n2,n3)"})));
  EXPECT_FALSE(has<WriteSync>(decided(scene)));
}

TEST(Priority, WithoutAnyStandbyCommitsGoOnUnlessStrict) {
  auto scene = a_synchronous_leader({}, "n2");
  disconnect(scene, "n2");
  disconnect(scene, "n3");
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{""})));
  scene.settings.dynamic.synchronous_mode_strict = true;
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{kNobody})));
}

TEST(Priority, StrictModeKeepsTheDeadStandbyOnRecord) {
  auto scene = a_synchronous_leader({"n2"}, "n2");
  scene.settings.dynamic.synchronous_mode_strict = true;
  disconnect(scene, "n2");
  disconnect(scene, "n3");
  const auto decision = decided(scene);
  EXPECT_THAT(decision, FiredRule("strict-wait"));
  EXPECT_FALSE(has<WriteSync>(decision));
  EXPECT_FALSE(has<SetSyncNames>(decision));
}

TEST(Priority, ANosyncStandbyIsNeverWaitedFor) {
  auto scene = a_synchronous_leader({}, "");
  scene.member("n2").tags.custom["nosync"] = true;
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{"n3"})));
}

TEST(Priority, TurnedOffTheRecordGoesFirstThenTheNames) {
  auto scene = a_synchronous_leader({"n2"}, "n2");
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kOff;
  auto decision = decided(scene);
  EXPECT_TRUE(has<DeleteSync>(decision));
  EXPECT_FALSE(has<SetSyncNames>(decision));
  scene.cluster.sync = {};
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{""})));
}

TEST(Priority, AtTheGoalNothingIsWritten) {
  const auto decision = decided(a_synchronous_leader({"n2"}, "n2"));
  EXPECT_THAT(decision, FiredRule("sync-settled"));
  EXPECT_FALSE(has<WriteSync>(decision));
  EXPECT_FALSE(has<SetSyncNames>(decision));
}

// ---- quorum mode ---------------------------------------------------------------------------------------------------

TEST(Quorum, WaitsForAnyOfAllStandbys) {
  auto scene = a_synchronous_leader({}, "");
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  EXPECT_THAT(decided(scene).actions, Contains(Action(SetSyncNames{"ANY 1 (n2,n3)"})));
}

TEST(Quorum, RecordsTheVotersWhenOneOfThemHasCaughtUp) {
  auto scene = a_synchronous_leader({}, "ANY 1 (n2,n3)");
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  EXPECT_THAT(decided(scene).actions, Contains(Action(WriteSync{.leader = MemberName("n1"), .voters = names({"n2", "n3"}), .quorum = 1, .expected = {60}})));
}

TEST(Quorum, ANewPrimaryKeepsItsVotersForAMoment) {
  auto scene = a_synchronous_leader({"n2", "n3"}, "ANY 1 (n2,n3)");
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  scene.cluster.sync.quorum = 1;
  scene.memory.promoted_at = scene.seen.now - 1s;
  disconnect(scene, "n2");
  disconnect(scene, "n3");
  EXPECT_THAT(decided(scene), FiredRule("await-standbys-of-new-primary"));
}

TEST(Quorum, APlainListIsReachedByWayOfVotes) {
  auto scene = a_synchronous_leader({"n2", "n3"}, "ANY 1 (n2,n3)");
  scene.cluster.sync.quorum = 1;  // and the mode is "on" by now
  const auto decision = decided(scene);
  EXPECT_THAT(decision, Not(FiredRule("sync-by-list")));
  EXPECT_TRUE(has<WriteSync>(decision) || has<SetSyncNames>(decision));
}

TEST(Quorum, APromotionKeepsTheVotersAndTheirNumber) {
  auto scene = a_winner_before_promotion();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = names({"n1", "n3"}), .quorum = 1, .revision = {60}};
  scene.memory.sync_revision_won_on = {60};
  EXPECT_THAT(decided(scene).actions, Contains(Action(WriteSync{.leader = MemberName("n1"), .voters = names({"n2", "n3"}), .quorum = 1, .expected = {60}})));
  scene.cluster.sync = {.leader = MemberName("n1"), .voters = names({"n2", "n3"}), .quorum = 1, .revision = {61}};
  ASSERT_TRUE(task_in(decided(scene)));
  EXPECT_EQ(task_in(decided(scene))->sync_names_before_start.text, "ANY 1 (n2,n3)");
}

TEST(Quorum, VotesCountedOnAnotherVersionAreWorthNothing) {
  auto scene = a_winner_before_promotion();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = names({"n1", "n3"}), .quorum = 1, .revision = {61}};
  scene.memory.sync_revision_won_on = {60};
  EXPECT_THAT(decided(scene), FiredRule("votes-for-another-version"));
}

TEST(Quorum, TheRaceNeedsVotes) {
  auto scene = a_leaderless_cluster();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = names({"n1", "n3"}), .quorum = 1, .revision = {60}};
  EXPECT_THAT(decided(scene), FiredRule("take-lock"));
  scene.answers("n3", {.error = "timeout"});
  EXPECT_THAT(decided(scene), FiredRule("votes-missing"));
}

TEST(Quorum, FromOutsideTheSetOneMoreVoteIsNeeded) {
  auto scene = a_leaderless_cluster();
  scene.settings.dynamic.synchronous_mode = SynchronousMode::kQuorum;
  scene.cluster.sync = {.leader = MemberName("n2"), .voters = names({"n3", "n4"}), .quorum = 1, .revision = {60}};
  EXPECT_THAT(decided(scene), FiredRule("votes-missing"));
  scene.add_member("n4", "replica", Lsn{0x5000000});
  scene.answers("n4", a_standby_at(scene, Lsn{0x5000000}));
  EXPECT_THAT(decided(scene), FiredRule("take-lock"));
}

}  // namespace
}  // namespace matriarch::rules::testing
