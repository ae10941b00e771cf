// The records: every write of the port, its condition, and what the writer sees afterwards.
#include "conformance/fixture.hpp"
#include "model/json_text.hpp"

namespace matriarch::conformance {
namespace {

class Records : public Conformance {
 protected:
  Records() {
    wait_until([&] { return store_->view() && store_->connected(); });
  }
  std::unique_ptr<store::etcd::LeaseStore> leases_ = a_lease_store();
  std::unique_ptr<store::etcd::Store> store_ = a_store();
};

TEST_F(Records, AnEmptyPrefixIsAFreshCluster) {
  EXPECT_TRUE(store_->view()->is_unlocked());
  EXPECT_TRUE(store_->view()->members.empty());
  EXPECT_FALSE(store_->view()->initialize);
}

TEST_F(Records, TheWriterSeesItsWriteAtOnce) {
  const auto session = a_session(*leases_);
  const auto revision = wait(store_->publish_member(kMe, {{"state", "running"}, {"role", "replica"}}, session, kBudget));
  ASSERT_THAT(revision, Succeeded());
  ASSERT_NE(store_->view()->find(kMe), nullptr);
  EXPECT_TRUE(store_->view()->find(kMe)->is_running());
  EXPECT_EQ(store_->view()->find(kMe)->revision, *revision);
  EXPECT_EQ(store_->view()->find(kMe)->session, session.value);
  EXPECT_EQ(record("members/pg1")->value, R"({"state":"running","role":"replica"})");

  ASSERT_THAT(wait(store_->delete_member(kMe, kBudget)), Succeeded());
  EXPECT_EQ(store_->view()->find(kMe), nullptr);
}

TEST_F(Records, OthersSeeItThroughTheWatch) {
  auto reader = a_store();
  int changes = 0;
  reader->on_change([&] { ++changes; });
  wait_until([&] { return reader->connected(); });
  const int before = changes;
  ASSERT_THAT(wait(store_->set_initialize("7412345678901234567", kBudget)), Succeeded());
  wait_until([&] { return reader->view()->initialize.has_value(); });
  EXPECT_GT(changes, before);
  EXPECT_EQ(reader->view()->system_id()->text, "7412345678901234567");
}

TEST_F(Records, InitializeIsCreatedOnce) {
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(store_->create_initialize("", session, kBudget)), Succeeded());
  EXPECT_EQ(store_->view()->initialize, "");
  EXPECT_EQ(record("initialize")->lease, session.value);
  EXPECT_THAT(wait(store_->create_initialize("", session, kBudget)), FailedWith(StoreFailure::kConflict));
  ASSERT_THAT(wait(store_->set_initialize("7412345678901234567", kBudget)), Succeeded());
  EXPECT_EQ(record("initialize")->lease, 0);
  ASSERT_THAT(wait(store_->cancel_initialize(kBudget)), Succeeded());
  EXPECT_FALSE(store_->view()->initialize);
}

TEST_F(Records, AnInitializeUnderWayEndsWithItsSession) {
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(store_->create_initialize("", session, kBudget)), Succeeded());
  ASSERT_THAT(wait(leases_->close_session(session, kBudget)), Succeeded());
  wait_until([&] { return !store_->view()->initialize; });
}

TEST_F(Records, ConfigIsComparedWhenAVersionIsGiven) {
  const auto first = wait(store_->write_config({{"ttl", 30}}, Revision{}, kBudget));
  ASSERT_THAT(first, Succeeded());
  EXPECT_THAT(wait(store_->write_config({{"ttl", 20}}, Revision{}, kBudget)), FailedWith(StoreFailure::kConflict));
  const auto second = wait(store_->write_config({{"ttl", 20}}, *first, kBudget));
  ASSERT_THAT(second, Succeeded());
  EXPECT_THAT(wait(store_->write_config({{"ttl", 25}}, *first, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_THAT(wait(store_->write_config({{"ttl", 40}}, std::nullopt, kBudget)), Succeeded());
  EXPECT_EQ(store_->view()->config->document.at("ttl").as_int64(), 40);
}

TEST_F(Records, AConflictLeavesTheViewFresh) {
  const auto first = wait(store_->write_config({{"ttl", 30}}, std::nullopt, kBudget));
  auto other = a_store();
  const auto second = wait(other->write_config({{"ttl", 20}}, *first, kBudget));
  ASSERT_THAT(second, Succeeded());
  ASSERT_THAT(wait(store_->write_config({{"ttl", 10}}, *first, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_EQ(store_->view()->config->revision, *second);
}

TEST_F(Records, SyncChangesAreChained) {
  model::WriteSync write{.leader = kMe, .voters = {}, .quorum = 0, .expected = Revision{}};
  auto revision = wait(store_->write_sync(write, kBudget));
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(revision, Succeeded());
    write.expected = *revision;
    write.voters.insert(MemberName("pg" + std::to_string(i + 2)));
    revision = wait(store_->write_sync(write, kBudget));
  }
  EXPECT_EQ(store_->view()->sync.voters.size(), 5u);
  EXPECT_EQ(record("sync")->value, R"({"leader":"pg1","quorum":0,"sync_standby":"pg2,pg3,pg4,pg5,pg6"})");
  EXPECT_THAT(wait(store_->delete_sync(write.expected, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_THAT(wait(store_->delete_sync(*revision, kBudget)), Succeeded());
  EXPECT_FALSE(store_->view()->sync.active());
  EXPECT_TRUE(store_->view()->sync.revision.absent());
}

TEST_F(Records, TwoClientsCompareAndSwapAndOneWins) {
  auto rival = a_store();
  Revision expected;
  for (int round = 0; round < 20; ++round) {
    model::WriteSync mine{.leader = kMe, .expected = expected}, others{.leader = kOther, .expected = expected};
    std::optional<ports::StoreResult<Revision>> first, second;
    boost::asio::co_spawn(loop_.context(), store_->write_sync(mine, kBudget), [&](std::exception_ptr, auto result) { first = result; });
    boost::asio::co_spawn(loop_.context(), rival->write_sync(others, kBudget), [&](std::exception_ptr, auto result) { second = result; });
    wait_until([&] { return first && second; });
    ASSERT_NE(first->has_value(), second->has_value());
    expected = *first ? **first : **second;
    EXPECT_EQ(record("sync")->mod_revision, expected.value);
  }
}

TEST_F(Records, FailoverIsClearedAsAnEmptyObject) {
  const auto request = wait(store_->write_failover({{"leader", "pg1"}, {"member", "pg2"}}, Revision{}, kBudget));
  ASSERT_THAT(request, Succeeded());
  EXPECT_TRUE(store_->view()->failover->is_switchover());
  ASSERT_THAT(wait(store_->write_failover({}, *request, kBudget)), Succeeded());
  EXPECT_EQ(record("failover")->value, "{}");
  EXPECT_FALSE(store_->view()->failover);
  EXPECT_FALSE(store_->view()->failover_revision.absent());
}

TEST_F(Records, OnlyTheLeaderWritesStatusAndFailsafe) {
  model::StatusKey status{.optime = {67108960}};
  std::map<MemberName, std::string> members = {{kMe, "http://10.0.0.1:8008/patroni"}};
  EXPECT_THAT(wait(store_->write_status(status, kMe, kBudget)), FailedWith(StoreFailure::kConflict));
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(leases_->acquire(session, kMe, {}, kBudget)), Succeeded());
  EXPECT_THAT(wait(store_->write_status(status, kMe, kBudget)), Succeeded());
  EXPECT_THAT(wait(store_->write_failsafe(members, kMe, kBudget)), Succeeded());
  EXPECT_EQ(store_->view()->status, status);
  EXPECT_EQ(store_->view()->failsafe, members);
  EXPECT_THAT(wait(store_->write_status(status, kOther, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_THAT(wait(store_->write_failsafe({}, kOther, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_EQ(store_->view()->failsafe, members);
}

TEST_F(Records, TheOldPositionIsWrittenOnlyForOldMembers) {
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(leases_->acquire(session, kMe, {}, kBudget)), Succeeded());
  ASSERT_THAT(wait(store_->write_status({.optime = {5}}, kMe, kBudget)), Succeeded());
  EXPECT_FALSE(record("optime/leader"));
  ASSERT_THAT(wait(store_->publish_member(kOther, {{"version", "2.0.2"}}, session, kBudget)), Succeeded());
  ASSERT_THAT(wait(store_->write_status({.optime = {6}}, kMe, kBudget)), Succeeded());
  EXPECT_EQ(record("optime/leader")->value, "6");
}

TEST_F(Records, HistoryIsKept) {
  std::vector<model::HistoryLine> lines = {{.timeline = {1}, .lsn = {50331808}, .reason = "no recovery target specified"}};
  ASSERT_THAT(wait(store_->write_history(lines, kBudget)), Succeeded());
  EXPECT_EQ(store_->view()->history->lines, lines);
  EXPECT_EQ(store_->view()->timeline().value, 2u);
}

TEST_F(Records, AWriteOfASessionThatEndedIsLost) {
  EXPECT_THAT(wait(store_->publish_member(kMe, {{"state", "running"}}, {4711}, kBudget)), FailedWith(StoreFailure::kLost));
}

TEST_F(Records, AReadIsAsFreshAsTheStore) {
  put_record("leader", "pg2");
  const auto read = wait(store_->read(kBudget));
  ASSERT_THAT(read, Succeeded());
  EXPECT_TRUE((*read)->is_led_by(kOther));
  EXPECT_EQ(store_->view(), *read);
}

TEST_F(Records, AnyBytesAreARecord) {
  std::string bytes(256, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
  put_record("members/pg9", bytes);
  put_record("failover", bytes);
  wait_until([&] { return store_->view()->find(MemberName("pg9")) != nullptr; });
  EXPECT_EQ(store_->view()->find(MemberName("pg9"))->state, "unknown");
}

TEST_F(Records, TheWholeClusterIsDeletedAndNothingElse) {
  const std::string beside = prefix_.substr(0, prefix_.size() - 1) + "-beside/leader";
  ask("/kv/put", store::etcd::put(beside, "stays"));
  ASSERT_THAT(wait(store_->set_initialize("7412345678901234567", kBudget)), Succeeded());
  ASSERT_THAT(wait(store_->write_config({{"ttl", 30}}, std::nullopt, kBudget)), Succeeded());
  ASSERT_THAT(wait(store_->delete_cluster(kBudget)), Succeeded());
  EXPECT_FALSE(store_->view()->initialize);
  EXPECT_FALSE(record("config"));
  EXPECT_EQ(store::etcd::key_values_of(ask("/kv/range", store::etcd::range(beside))).size(), 1u);
}

}  // namespace
}  // namespace matriarch::conformance
