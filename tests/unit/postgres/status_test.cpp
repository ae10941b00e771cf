#include <gmock/gmock.h>

#include "postgres/divergence.hpp"
#include "postgres/status_query.hpp"

namespace matriarch::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Row = std::vector<std::optional<std::string>>;

Row standby_row() {
  return {"t", "0", "0", "1000", "1200", "f", "0", "77", "3", "1300", "1400", "2026-07-01 10:00:00.000000+00:00", "streaming", "node_2", "host=h", "", "off", "on", "",
          R"([{"slot_name": "b", "slot_type": "logical", "active": false, "plugin": "p", "database": "d", "xmin": null, "catalog_xmin": "733", "restart_lsn": 5,
               "confirmed_flush_lsn": 6, "wal_status": "reserved"}, {"slot_name": "a", "slot_type": "physical", "active": true, "xmin": "9", "restart_lsn": null}])",
          std::nullopt, "2026-07-01 09:00:00.000000+00:00", "2026-07-01"};
}

TEST(Status, OfAStandby) {
  const auto status = parse_status(standby_row());
  ASSERT_TRUE(status);
  model::PostgresNode node;
  apply(*status, node);
  EXPECT_FALSE(node.is_primary);
  EXPECT_EQ(node.lsn.value, 1300u);
  EXPECT_EQ(node.received.value, 1300u);
  EXPECT_EQ(node.replayed.value, 1000u);
  EXPECT_EQ(node.received_timeline.value, 3u);
  EXPECT_EQ(node.replication_state, model::ReplicationState::kStreaming);
  ASSERT_EQ(status->slots.size(), 2u);
  EXPECT_EQ(status->slots[0].name, "a");
  EXPECT_TRUE(status->slots[0].has_xmin);
  EXPECT_EQ(status->slots[1].catalog_xmin, 733u);
  EXPECT_EQ(status->slots[1].database, "d");
}

TEST(Status, OfAPrimary) {
  Row row = standby_row();
  row[0] = "f";
  row[1] = "4";
  row[2] = "5000";
  row[7] = row[8] = row[9] = row[10] = row[12] = std::nullopt;
  row[18] = "ANY 1 (\"node-2\")";
  row[20] = R"([{"pid": 12, "application_name": "node-2", "sync_state": "quorum", "sync_priority": 1, "write_lsn": 10, "flush_lsn": 9, "replay_lsn": 8}])";
  const auto status = parse_status(row);
  ASSERT_TRUE(status);
  model::PostgresNode node;
  apply(*status, node);
  EXPECT_TRUE(node.is_primary);
  EXPECT_EQ(node.lsn.value, 5000u);
  EXPECT_EQ(node.timeline.value, 4u);
  EXPECT_FALSE(node.received.known());
  ASSERT_EQ(node.wal_senders.size(), 1u);
  EXPECT_EQ(node.wal_senders[0].sync_state, model::SyncState::kQuorum);
  EXPECT_EQ(node.sync_names.kind, model::SyncNames::Kind::kQuorum);
}

TEST(Status, GarbageIsNothing) {
  EXPECT_FALSE(parse_status(Row{}));
  EXPECT_FALSE(parse_status(Row(5, "t")));
  Row broken = standby_row();
  broken[19] = "{not json";
  EXPECT_TRUE(parse_status(broken)->slots.empty());
}

TEST(Status, TheQueryFitsTheVersion) {
  EXPECT_THAT(status_query({.server_version = 120000}), Not(HasSubstr("written_lsn")));
  EXPECT_THAT(status_query({.server_version = 150000}), HasSubstr("written_lsn"));
  EXPECT_THAT(status_query({.server_version = 150000}), Not(HasSubstr("failover")));
  EXPECT_THAT(status_query({.server_version = 170000}), HasSubstr("NOT failover OR NOT synced"));
}

// ---- divergence ----------------------------------------------------------------------------------------------------

const std::vector<model::HistoryLine> kHistory = {{.timeline = {1}, .lsn = {100}}, {.timeline = {3}, .lsn = {200}}};

Divergence compare(bool in_recovery, std::uint32_t timeline, std::uint64_t lsn, std::uint32_t leader, std::optional<model::Lsn> end = std::nullopt) {
  return compare_with_leader({.in_recovery = in_recovery, .timeline = {timeline}, .lsn = {lsn}, .end_of_checkpoint = end}, {leader}, &kHistory);
}

TEST(Divergence, ByTimelineAlone) {
  EXPECT_EQ(compare(true, 5, 1, 4), Divergence::kDiverged);
  EXPECT_EQ(compare(true, 4, 999, 4), Divergence::kNone);
  EXPECT_EQ(compare_with_leader({.timeline = {1}}, {2}, nullptr), Divergence::kNeedsHistory);
}

TEST(Divergence, ByTheSwitchPoint) {
  EXPECT_EQ(compare(true, 1, 100, 4), Divergence::kNone);
  EXPECT_EQ(compare(true, 1, 101, 4), Divergence::kDiverged);
  EXPECT_EQ(compare(false, 1, 100, 4), Divergence::kDiverged);
  EXPECT_EQ(compare(false, 1, 60, 4), Divergence::kNeedsEndOfRecord);
  EXPECT_EQ(compare(false, 1, 60, 4, model::Lsn{100}), Divergence::kNone);
  EXPECT_EQ(compare(false, 1, 60, 4, model::Lsn{90}), Divergence::kDiverged);
  EXPECT_EQ(compare(true, 2, 1, 4), Divergence::kDiverged);  // the history has no such timeline
}

TEST(Divergence, PositionFromControlData) {
  model::ControlData control{.checkpoint_lsn = {10}, .checkpoint_timeline = {2}, .min_recovery_lsn = {20}, .min_recovery_timeline = {3}};
  control.cluster_state = "in production";
  EXPECT_FALSE(position_from(control));
  control.cluster_state = "shut down";
  EXPECT_EQ(position_from(control), (LocalPosition{.in_recovery = false, .timeline = {2}, .lsn = {10}}));
  control.cluster_state = "in archive recovery";
  EXPECT_EQ(position_from(control), (LocalPosition{.in_recovery = true, .timeline = {3}, .lsn = {20}}));
  control.min_recovery_lsn = {};
  EXPECT_EQ(position_from(control), (LocalPosition{.in_recovery = false, .timeline = {2}, .lsn = {10}}));
}

}  // namespace
}  // namespace matriarch::postgres
