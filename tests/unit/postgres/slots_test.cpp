#include <gmock/gmock.h>

#include "postgres/slot_plan.hpp"

namespace matriarch::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class Slots : public ::testing::Test {
 protected:
  Slots() {
    settings.name = model::MemberName("node-1");
    cluster.leader = model::LeaderKey{.name = model::MemberName("node-1")};
    for (const char* name : {"node-1", "node-2", "node-3"}) add(name);
  }
  model::Member& add(const std::string& name) {
    auto& member = cluster.members[model::MemberName(name)];
    member.name = model::MemberName(name);
    member.version = "4.1.0";
    return member;
  }
  SlotInputs primary() { return {.cluster = cluster, .settings = settings, .role = model::PostgresRole::kPrimary, .is_primary = true}; }
  SlotInputs replica(const std::string& name) {
    settings.name = model::MemberName(name);
    return {.cluster = cluster, .settings = settings, .role = model::PostgresRole::kReplica};
  }
  static SlotRow row(std::string name, bool active = false, std::uint64_t restart = 100) {
    SlotRow slot;
    slot.name = std::move(name);
    slot.active = active;
    slot.restart_lsn = {restart};
    return slot;
  }
  static std::vector<std::string> names(const WantedSlots& wanted) {
    std::vector<std::string> result;
    for (const auto& [name, slot] : wanted.slots) result.push_back(name);
    return result;
  }

  model::Cluster cluster;
  model::Settings settings;
};

TEST_F(Slots, ThePrimaryHasOneForEachOtherMember) {
  const auto wanted = wanted_slots(primary());
  EXPECT_THAT(names(wanted), ElementsAre("node_2", "node_3"));
  EXPECT_TRUE(wanted.slots.at("node_2").expected_active);
}

TEST_F(Slots, AStandbyKeepsThemToo) {
  cluster.status.slots["node_3"] = model::Lsn{500};
  const auto wanted = wanted_slots(replica("node-2"));
  EXPECT_THAT(names(wanted), ElementsAre("node_1", "node_3"));
  EXPECT_FALSE(wanted.slots.at("node_3").expected_active);
  EXPECT_EQ(wanted.slots.at("node_3").lsn.value, 500u);
}

TEST_F(Slots, ACascadingMemberStreamsFromWhereItIsTold) {
  add("node-3").tags.custom["replicatefrom"] = "node-2";
  EXPECT_FALSE(wanted_slots(primary()).slots.at("node_3").expected_active);
  EXPECT_TRUE(wanted_slots(replica("node-2")).slots.at("node_3").expected_active);
}

TEST_F(Slots, NostreamMembersAndNofailoverNodesHaveNone) {
  add("node-3").tags.custom["nostream"] = true;
  EXPECT_THAT(names(wanted_slots(primary())), ElementsAre("node_2"));
  settings.tags.custom["nofailover"] = true;
  EXPECT_THAT(names(wanted_slots(replica("node-2"))), IsEmpty());
}

TEST_F(Slots, AbsentMembersAreRetained) {
  cluster.status.retain_slots = {"node_1", "node_9"};
  EXPECT_THAT(names(wanted_slots(primary())), ElementsAre("node_2", "node_3", "node_9"));
  settings.dynamic.member_slots_ttl = model::Milliseconds(0);
  EXPECT_THAT(names(wanted_slots(primary())), ElementsAre("node_2", "node_3"));
  EXPECT_THAT(names(wanted_slots(replica("node-2"))), IsEmpty());
}

TEST_F(Slots, PermanentOnesAreRead) {
  settings.dynamic.slots = boost::json::parse(R"({"rep": null, "log": {"database": "d", "plugin": "p"}, "Bad Name": {}, "bad": "text", "node_2": {"type": "logical",
                                                  "database": "d", "plugin": "p"}, "sb": {"cluster_type": "standby"}})").get_object();
  const auto wanted = wanted_slots(primary());
  EXPECT_THAT(names(wanted), ElementsAre("log", "node_2", "node_3", "rep"));
  EXPECT_TRUE(wanted.slots.at("log").logical);
  EXPECT_FALSE(wanted.slots.at("node_2").logical);
  EXPECT_EQ(wanted.complaints.size(), 3u);
}

TEST_F(Slots, NameCollisionsAreTold) {
  add("node.2");
  EXPECT_EQ(wanted_slots(primary()).complaints.size(), 1u);
}

TEST_F(Slots, StrangersAreDroppedUnlessTheyAreIgnored) {
  settings.dynamic.ignore_slots = boost::json::parse(R"([{"name": "mine"}, {"type": "logical", "plugin": "x"}])").get_array();
  auto logical = row("l");
  logical.logical = true;
  logical.plugin = "x";
  const std::vector<SlotRow> existing{row("mine"), row("stranger"), logical, row("node_2", true)};
  auto wanted = wanted_slots(primary()).slots;
  auto plan = plan_slots(primary(), wanted, existing, {});
  EXPECT_THAT(plan.drop, ElementsAre("stranger"));
  EXPECT_THAT(plan.create_physical, ElementsAre("node_3"));
  settings.dynamic.pause = true;
  EXPECT_THAT(plan_slots(primary(), wanted, existing, {}).drop, IsEmpty());
  settings.dynamic.pause = false;
  settings.dynamic.use_slots = false;
  EXPECT_THAT(plan_slots(primary(), {}, existing, {}).drop, IsEmpty());
}

TEST_F(Slots, AnotherKindOfSlotIsReplaced) {
  auto logical = row("node_2");
  logical.logical = true;
  const auto plan = plan_slots(primary(), wanted_slots(primary()).slots, {logical, row("node_3", true)}, {});
  EXPECT_THAT(plan.drop, ElementsAre("node_2"));
  EXPECT_THAT(plan.create_physical, ElementsAre("node_2"));
}

TEST_F(Slots, LostOnesAreMadeAnew) {
  auto lost = row("node_2");
  lost.wal_status = "lost";
  const auto plan = plan_slots(primary(), wanted_slots(primary()).slots, {lost, row("node_3", true)}, {});
  EXPECT_THAT(plan.drop, ElementsAre("node_2"));
  EXPECT_THAT(plan.create_physical, ElementsAre("node_2"));
}

TEST_F(Slots, IdleOnesAreAdvancedAndNeverHoldBackVacuum) {
  cluster.status.slots["node_3"] = model::Lsn{500};
  auto with_xmin = row("node_1");
  with_xmin.has_xmin = true;
  const auto inputs = replica("node-2");
  const auto plan = plan_slots(inputs, wanted_slots(inputs).slots, {with_xmin, row("node_3", false, 100)}, model::Lsn{1000});
  EXPECT_THAT(plan.advance_physical, ElementsAre(Pair("node_3", model::Lsn{500})));
  EXPECT_THAT(plan.drop, ElementsAre("node_1"));
  EXPECT_THAT(plan.create_physical, ElementsAre("node_1"));
}

TEST_F(Slots, LogicalOnesAreMadeOnThePrimaryAndFollowOnStandbys) {
  settings.dynamic.slots = boost::json::parse(R"({"log": {"database": "d", "plugin": "p"}})").get_object();
  EXPECT_THAT(plan_slots(primary(), wanted_slots(primary()).slots, {}, {}).create_logical, ElementsAre("log"));
  cluster.status.slots["log"] = model::Lsn{800};
  auto mine = row("log");
  mine.logical = true;
  mine.database = "d";
  mine.plugin = "p";
  mine.confirmed_flush_lsn = {300};
  const auto inputs = replica("node-2");
  const auto wanted = wanted_slots(inputs).slots;
  EXPECT_THAT(plan_slots(inputs, wanted, {}, model::Lsn{500}).copy_logical, ElementsAre("log"));
  EXPECT_THAT(plan_slots(inputs, wanted, {mine}, model::Lsn{500}).advance_logical, ElementsAre(Pair("log", model::Lsn{500})));
  EXPECT_TRUE(needs_hot_standby_feedback(inputs));
}

TEST_F(Slots, FailoverSlotsBelongToTheServer) {
  auto slot = row("f");
  slot.logical = true;
  slot.failover = true;
  auto inputs = replica("node-2");
  inputs.version = 170000;
  EXPECT_THAT(plan_slots(inputs, wanted_slots(inputs).slots, {slot}, {}).drop, ElementsAre("f"));
  slot.synced = true;
  EXPECT_THAT(plan_slots(inputs, wanted_slots(inputs).slots, {slot}, {}).drop, IsEmpty());
  auto as_primary = primary();
  as_primary.version = 170000;
  slot.synced = false;
  EXPECT_THAT(plan_slots(as_primary, {}, {slot}, {}).drop, IsEmpty());
}

TEST_F(Slots, TheWayToThePrimaryIsWalked) {
  EXPECT_EQ(slot_towards_primary(cluster, settings), "node_1");
  settings.name = model::MemberName("node-3");
  settings.tags.custom["replicatefrom"] = "node-2";
  EXPECT_EQ(slot_towards_primary(cluster, settings), "node_2");
  cluster.members[model::MemberName("node-2")].tags.custom["replicatefrom"] = "node-3";
  EXPECT_FALSE(slot_towards_primary(cluster, settings));
}

}  // namespace
}  // namespace matriarch::postgres
