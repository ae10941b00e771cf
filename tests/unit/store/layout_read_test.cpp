#include <gmock/gmock.h>

#include "model/json_text.hpp"
#include "store/layout/read.hpp"
#include "unit/store/a_record.hpp"

namespace matriarch::store::layout {
namespace {

using model::Lsn;
using model::MemberName;
using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

model::Member a_member(std::string value) { return read_member(MemberName("pg1"), a_record(std::move(value))); }

TEST(ReadCluster, OfAnEmptyStoreIsAFreshCluster) {
  const model::Cluster cluster = read_cluster({}, {5});
  EXPECT_EQ(cluster, (model::Cluster{.revision = {5}}));
  EXPECT_TRUE(cluster.is_unlocked());
}

TEST(ReadCluster, TakesEachRecordToItsPlaceAndIgnoresTheRest) {
  const Records records = {
      {"initialize", a_record("7412345678901234567")},
      {"leader", a_record("pg1")},
      {"members/pg1", a_record(R"({"state":"running"})")},
      {"members/", a_record("{}")},
      {"members/a/b", a_record("{}")},
      {"membersx", a_record("{}")},
      {"matriarch/private", a_record("anything")},
      {"failover", a_record("{}")},
      {"sync", a_record(R"({"leader":"pg1","quorum":0,"sync_standby":null})")},
  };
  const model::Cluster cluster = read_cluster(records, {9});
  EXPECT_EQ(cluster.system_id()->text, "7412345678901234567");
  EXPECT_EQ(cluster.leader, (model::LeaderKey{.name = MemberName("pg1"), .revision = {7}, .session = 42}));
  ASSERT_EQ(cluster.members.size(), 1u);
  EXPECT_TRUE(cluster.leader_member()->is_running());
  EXPECT_FALSE(cluster.failover);
  EXPECT_EQ(cluster.failover_revision.value, 7);
  EXPECT_TRUE(cluster.sync.active());
}

TEST(ReadCluster, AnEmptyLeaderIsNoLeader) { EXPECT_TRUE(read_cluster({{"leader", a_record("")}}, {}).is_unlocked()); }

TEST(ReadCluster, TellsBootstrapUnderWayFromAbsent) {
  EXPECT_EQ(read_cluster({{"initialize", a_record("")}}, {}).initialize, "");
  EXPECT_EQ(read_cluster({{"initialize", a_record("nonsense")}}, {}).system_id(), std::nullopt);
}

TEST(ReadCluster, UsesTheLegacyPositionOnlyWithoutAStatus) {
  EXPECT_EQ(read_cluster({{"optime/leader", a_record("67108960")}}, {}).status.optime, Lsn{67108960});
  EXPECT_EQ(read_cluster({{"optime/leader", a_record("1")}, {"status", a_record("garbage")}}, {}).status.optime, Lsn{});
}

TEST(ReadConfig, OnlyANonEmptyObjectIsValid) {
  EXPECT_TRUE(read_config(a_record(R"({"ttl":30})")).valid);
  for (const char* text : {"", "[]", "{}", "30", "{", "null"}) {
    const auto config = read_config(a_record(text));
    EXPECT_FALSE(config.valid) << text;
    EXPECT_TRUE(config.document.empty()) << text;
    EXPECT_EQ(config.revision.value, 7) << text;
  }
}

TEST(ReadStatus, AcceptsEveryFormInUse) {
  const auto status = read_status(R"({"optime":67108960,"slots":{"pg1":67108960,"archiver":null,"x":"5"},"retain_slots":["pg3","pg2"]})");
  EXPECT_EQ(status.optime, Lsn{67108960});
  EXPECT_THAT(status.slots, UnorderedElementsAre(Pair("pg1", Lsn{67108960}), Pair("archiver", Lsn{}), Pair("x", Lsn{})));
  EXPECT_THAT(status.retain_slots, ElementsAre("pg2", "pg3"));

  EXPECT_EQ(read_status("123").optime, Lsn{123});
  EXPECT_EQ(read_status(R"({"optime":"123"})").optime, Lsn{123});
  EXPECT_EQ(read_status(R"({"optime":123.9})").optime, Lsn{123});
  EXPECT_EQ(read_status(R"({"optime":"0/5"})").optime, Lsn{});
  EXPECT_EQ(read_status(R"({"optime":-1})").optime, Lsn{});
  EXPECT_EQ(read_status(R"({"optime":1e30})").optime, Lsn{});
  EXPECT_EQ(read_status("[1]"), model::StatusKey{});
  EXPECT_THAT(read_status(R"({"slots":"{\"a\":5}","retain_slots":"[\"b\"]"})"),
              (model::StatusKey{.slots = {{"a", Lsn{5}}}, .retain_slots = {"b"}}));
}

TEST(ReadMember, TakesPatronisDocument) {
  const auto member = a_member(
      R"({"conn_url":"postgres://10.0.0.2:5432/postgres","api_url":"http://10.0.0.2:8008/patroni","state":"running","role":"replica",)"
      R"("version":"4.1.4","tags":{"clonefrom":true,"failover_priority":2,"datacenter":"east"},"pending_restart":true,)"
      R"("xlog_location":67108960,"replay_lsn":67108960,"receive_lsn":67108960,"replication_state":"streaming","timeline":3,"pause":true})");
  EXPECT_EQ(member.conn_url, "postgres://10.0.0.2:5432/postgres");
  EXPECT_EQ(member.api_url, "http://10.0.0.2:8008/patroni");
  EXPECT_TRUE(member.is_running());
  EXPECT_EQ(member.role, "replica");
  EXPECT_EQ(member.version, "4.1.4");
  EXPECT_TRUE(member.tags.clonefrom());
  EXPECT_EQ(member.tags.failover_priority(), 2);
  EXPECT_EQ(member.lsn, Lsn{67108960});
  EXPECT_EQ(member.timeline.value, 3u);
  EXPECT_TRUE(member.paused);
  EXPECT_TRUE(member.checkpoint_after_promote_done);
  EXPECT_EQ(member.session, 42);
}

TEST(ReadMember, UnderstandsTheLegacyUrl) {
  const auto member = a_member("postgres://u:p@h:5433/postgres?application_name=http%3A%2F%2Fh:8008/patroni");
  EXPECT_EQ(member.conn_url, "postgres://u:p@h:5433/postgres");
  EXPECT_EQ(member.api_url, "http://h:8008/patroni");
  EXPECT_EQ(a_member("postgres://h/x?application_name=http://h:8008/patroni").api_url, "http://h:8008/patroni");
  EXPECT_EQ(a_member("postgres://h/x?%zz").conn_url, "postgres://h/x");
}

TEST(ReadMember, BuildsTheUrlFromKeywordsWhenThereIsNone) {
  EXPECT_EQ(a_member(R"({"conn_kwargs":{"host":"h","port":"6432"}})").conn_url, "postgres://h:6432/postgres");
  EXPECT_EQ(a_member(R"({"conn_kwargs":{"host":"::1"}})").conn_url, "postgres://[::1]:5432/postgres");
  EXPECT_EQ(a_member(R"({"conn_kwargs":[]})").conn_url, "");
}

TEST(ReadMember, WhatCannotBeUnderstoodIsUnknown) {
  for (const char* text : {"", "[]", "null", "{", "\xFF\xFE", R"({"tags":null,"state":5,"xlog_location":"0/5","timeline":-1,"role":{}})"}) {
    const auto member = a_member(text);
    EXPECT_EQ(member.state, "unknown") << text;
    EXPECT_EQ(member.lsn, Lsn{}) << text;
    EXPECT_FALSE(member.timeline.known()) << text;
    EXPECT_TRUE(member.tags.custom.empty()) << text;
    EXPECT_EQ(member.role, "") << text;
  }
  EXPECT_TRUE(a_member(R"({"tags":["nofailover"]})").tags.custom.empty());
  EXPECT_EQ(a_member(R"({"xlog_location":"67108960"})").lsn, Lsn{67108960});
  EXPECT_EQ(a_member(R"({"role":"master"})").role, "primary");
  EXPECT_FALSE(a_member(R"({"checkpoint_after_promote":false})").checkpoint_after_promote_done);
}

TEST(ReadFailover, IsPresentOnlyWithALeaderOrACandidate) {
  for (const char* text : {"{}", "", ":", "[]", "5", R"({"scheduled_at":"2026-07-30T12:00:00+00:00"})", R"({"leader":"","member":null})"}) {
    EXPECT_FALSE(read_failover(a_record(text))) << text;
  }
  const auto request = read_failover(a_record(R"({"leader":"pg1","member":"pg2","scheduled_at":"2026-07-30T12:00:00+00:00"})"));
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->is_switchover());
  EXPECT_EQ(request->candidate.text, "pg2");
  EXPECT_EQ(request->revision.value, 7);
  EXPECT_TRUE(request->scheduled_at);
  EXPECT_FALSE(request->schedule_unreadable);
}

TEST(ReadFailover, UnderstandsTheLegacyText) {
  EXPECT_EQ(read_failover(a_record("a:b:c"))->leader.text, "a");
  EXPECT_EQ(read_failover(a_record("a:b:c"))->candidate.text, "b");
  EXPECT_EQ(read_failover(a_record(": b "))->candidate.text, "b");
  EXPECT_FALSE(read_failover(a_record(": b "))->is_switchover());
  EXPECT_EQ(read_failover(a_record("a"))->leader.text, "a");
}

TEST(ReadFailover, AnUnreadableScheduleDoesNotSpoilTheRead) {
  for (const char* at : {"\"soon\"", "\"2026-07-30T12:00:00\"", "5", "{}"}) {
    const auto request = read_failover(a_record(R"({"leader":"pg1","scheduled_at":)" + std::string(at) + "}"));
    ASSERT_TRUE(request) << at;
    EXPECT_TRUE(request->schedule_unreadable) << at;
    EXPECT_FALSE(request->scheduled_at) << at;
  }
}

TEST(ReadSync, TakesTheListApart) {
  const auto sync = read_sync(a_record(R"({"leader":"a","sync_standby":"b, c ,","quorum":"1"})"));
  EXPECT_EQ(sync.leader.text, "a");
  EXPECT_THAT(sync.voters, ElementsAre(MemberName("b"), MemberName("c")));
  EXPECT_EQ(sync.quorum, 1);
  EXPECT_TRUE(sync.is_voter(MemberName("B")));
}

TEST(ReadSync, WhatIsUnreadableIsInactiveButKeepsItsVersion) {
  for (const char* text : {"", "[]", "{}", R"({"leader":null,"sync_standby":"b"})", R"({"leader":"a","quorum":"x"})", R"({"leader":"a","quorum":-1})"}) {
    EXPECT_EQ(read_sync(a_record(text)), (model::SyncKey{.revision = {7}})) << text;
  }
}

// With the voters unreadable nobody but the leader may be promoted; "inactive" would let anybody.
TEST(ReadSync, AListOfAnotherTypeIsAnEmptyList) {
  const auto sync = read_sync(a_record(R"({"leader":"a","sync_standby":["b"],"quorum":0})"));
  EXPECT_TRUE(sync.active());
  EXPECT_TRUE(sync.voters.empty());
}

TEST(ReadHistory, TakesLinesOfThreeToFiveElements) {
  const auto history = read_history(a_record(R"([[1,50331808,"no recovery target specified","2026-03-01T10:11:12.123456+00:00","pg2"],[2,67108960,"why"]])"));
  ASSERT_EQ(history.lines.size(), 2u);
  EXPECT_EQ(history.lines[0].new_leader, "pg2");
  EXPECT_EQ(history.lines[1], (model::HistoryLine{.timeline = {2}, .lsn = {67108960}, .reason = "why"}));
  EXPECT_EQ((model::Cluster{.history = history}).timeline().value, 3u);
}

TEST(ReadHistory, AnEmptyListIsTimelineOneAndGarbageIsUnknown) {
  EXPECT_EQ((model::Cluster{.history = read_history(a_record("[]"))}).timeline().value, 1u);
  for (const char* text : {"", "{}", "5", "[5]", "[[]]", R"([["1",2,"x"]])", R"([[1,2,"x"],[2,-5,"x"]])"}) {
    EXPECT_FALSE((model::Cluster{.history = read_history(a_record(text))}).timeline().known()) << text;
  }
}

TEST(ReadFailsafe, KeepsMembersWhoseUrlIsUnreadable) {
  const auto members = read_failsafe(R"({"pg1":"http://10.0.0.1:8008/patroni","pg2":5})");
  EXPECT_THAT(*members, ElementsAre(Pair(MemberName("pg1"), "http://10.0.0.1:8008/patroni"), Pair(MemberName("pg2"), "")));
  EXPECT_FALSE(read_failsafe("[]"));
  EXPECT_FALSE(read_failsafe(""));
}

}  // namespace
}  // namespace matriarch::store::layout
