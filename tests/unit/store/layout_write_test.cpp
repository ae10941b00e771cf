#include "store/layout/write.hpp"

#include <gtest/gtest.h>

#include "model/json_text.hpp"

namespace matriarch::store::layout {
namespace {

using model::Lsn;
using model::MemberName;

boost::json::object object_of(std::string_view text) { return model::read_json(text)->as_object(); }

TEST(WriteConfig, KeepsTheOrderOfTheDocument) {
  const char* text =
      R"({"ttl":30,"loop_wait":10,"retry_timeout":10,"maximum_lag_on_failover":1048576,"postgresql":{"use_pg_rewind":true,"parameters":{"max_connections":200}}})";
  EXPECT_EQ(write_config(object_of(text)), text);
}

TEST(WriteStatus, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(write_status({.optime = {67108960}}), R"({"optime":67108960})");
  EXPECT_EQ(write_status({.optime = {67109000}, .slots = {{"pg1", Lsn{67108960}}, {"pg2", Lsn{67108900}}}, .retain_slots = {"pg1"}}),
            R"({"optime":67109000,"slots":{"pg1":67108960,"pg2":67108900},"retain_slots":["pg1"]})");
  EXPECT_EQ(write_status({.optime = {UINT64_MAX}}), R"({"optime":18446744073709551615})");
}

TEST(WriteMember, HasPatronisOrder) {
  const char* text =
      R"({"conn_url":"postgres://10.0.0.2:5432/postgres","api_url":"http://10.0.0.2:8008/patroni","state":"running","role":"replica",)"
      R"("version":"4.1.4","tags":{"clonefrom":true,"failover_priority":2,"datacenter":"east"},"pending_restart":true,)"
      R"("pending_restart_reason":{"max_connections":{"old_value":"100","new_value":"200"}},"xlog_location":67108960,"replay_lsn":67108960,)"
      R"("receive_lsn":67108960,"replication_state":"streaming","timeline":3,"scheduled_restart":{"restart_pending":true,)"
      R"("schedule":"2026-07-30T02:00:00+00:00","postmaster_start_time":"2026-07-01 10:00:00.123456+00:00"},"pause":true})";
  auto document = object_of(text);
  EXPECT_EQ(write_member(document), text);
  boost::json::object reversed;
  for (const char* name : {"pause", "role", "state", "matriarch_version", "conn_url"}) reversed[name] = name;
  EXPECT_EQ(write_member(reversed), R"({"conn_url":"conn_url","state":"state","role":"role","pause":"pause","matriarch_version":"matriarch_version"})");
}

TEST(WriteMember, NeverHasWhatStopsOtherReaders) {
  EXPECT_EQ(write_member(object_of(R"({"tags":null,"state":"running","timeline":null})")), R"({"state":"running"})");
  EXPECT_EQ(write_member(object_of(R"({"tags":[],"state":"b\u00e4r"})")), R"({"state":"b\u00e4r"})");
  EXPECT_EQ(write_member(object_of(R"({"tags":{}})")), "{}");
}

TEST(WriteFailover, ClearedIsAnEmptyObject) {
  EXPECT_EQ(write_failover({}), "{}");
  EXPECT_EQ(write_failover(object_of(R"({"member":"pg2","leader":"pg1","scheduled_at":"2026-07-30T12:00:00+00:00"})")),
            R"({"leader":"pg1","member":"pg2","scheduled_at":"2026-07-30T12:00:00+00:00"})");
  EXPECT_EQ(write_failover(object_of(R"({"member":"pg2","leader":"","scheduled_at":null})")), R"({"member":"pg2"})");
}

TEST(WriteSync, AlwaysHasAllThreeMembers) {
  EXPECT_EQ(write_sync(MemberName("pg1"), {}, 0), R"({"leader":"pg1","quorum":0,"sync_standby":null})");
  EXPECT_EQ(write_sync(MemberName("pg1"), {MemberName("pg3"), MemberName("pg2")}, 1), R"({"leader":"pg1","quorum":1,"sync_standby":"pg2,pg3"})");
  EXPECT_EQ(write_sync(MemberName(), {}, 0), R"({"leader":null,"quorum":0,"sync_standby":null})");
}

TEST(WriteHistory, WritesWhatIsKnown) {
  EXPECT_EQ(write_history({}), "[]");
  EXPECT_EQ(write_history({{.timeline = {1}, .lsn = {50331808}, .reason = "no recovery target specified", .timestamp = "2026-03-01T10:11:12.123456+00:00", .new_leader = "pg2"},
                           {.timeline = {2}, .lsn = {67108960}, .reason = "x"}}),
            R"([[1,50331808,"no recovery target specified","2026-03-01T10:11:12.123456+00:00","pg2"],[2,67108960,"x"]])");
}

TEST(WriteFailsafe, IsAMapOfUrls) {
  EXPECT_EQ(write_failsafe({{MemberName("pg1"), "http://10.0.0.1:8008/patroni"}, {MemberName("pg2"), "http://10.0.0.2:8008/patroni"}}),
            R"({"pg1":"http://10.0.0.1:8008/patroni","pg2":"http://10.0.0.2:8008/patroni"})");
}

}  // namespace
}  // namespace matriarch::store::layout
