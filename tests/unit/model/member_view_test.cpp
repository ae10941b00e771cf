#include "model/member_view.hpp"

#include <gtest/gtest.h>

#include "unit/model/an_object.hpp"


namespace matriarch::model {
namespace {

Member member(std::string name, std::string conn_url, std::string_view data) {
  Member made;
  made.name = MemberName(std::move(name));
  made.conn_url = std::move(conn_url);
  made.data = object(data);
  return made;
}

Cluster cluster_of_three(std::string_view config) {
  Cluster cluster;
  cluster.config = ConfigKey{object(config), true, {}};
  cluster.leader = LeaderKey{MemberName("a")};
  cluster.status.optime = Lsn{0x5000158};
  cluster.sync = {.leader = MemberName("a"), .voters = {MemberName("B")}};
  for (auto& made : {member("a", "postgres://10.0.0.1:5433/postgres", R"({"state":"running","timeline":4,"xlog_location":83886424})"),
                     member("b", "postgres://u@[fe80::1]/postgres",
                            R"({"state":"running","replication_state":"streaming","receive_lsn":83886424,"replay_lsn":83886328,"xlog_location":83886424})"),
                     member("c", "", R"({"state":"creating replica"})")}) {
    cluster.members[made.name] = made;
  }
  return cluster;
}

TEST(MemberView, DerivesRoleStateAndLag) {
  const auto cluster = cluster_of_three(R"({"synchronous_mode":true})");
  const auto views = describe_members(cluster);
  ASSERT_EQ(views.size(), 3u);
  EXPECT_EQ(views[0].role, MemberRole::kLeader);
  EXPECT_EQ(views[0].state, "running");
  EXPECT_EQ(views[0].address, (HostPort{"10.0.0.1", 5433}));
  EXPECT_FALSE(views[0].location);
  EXPECT_EQ(views[1].role, MemberRole::kSyncStandby);
  EXPECT_EQ(views[1].state, "streaming");
  EXPECT_EQ(views[1].address, (HostPort{"fe80::1", 5432}));
  EXPECT_EQ(views[1].replayed, (PublishedPosition{Lsn{83886328}, 96}));
  EXPECT_EQ(views[2].role, MemberRole::kReplica);
  EXPECT_EQ(views[2].state, "creating replica");
  EXPECT_FALSE(views[2].address);
  EXPECT_FALSE(views[2].received);
}

TEST(MemberView, ReadsTheModesOfTheCluster) {
  struct {
    const char* config;
    MemberRole leader, standby;
    bool paused;
  } const rows[] = {
      {"{}", MemberRole::kLeader, MemberRole::kReplica, false},
      {R"({"synchronous_mode":"on","pause":true})", MemberRole::kLeader, MemberRole::kSyncStandby, true},
      {R"({"synchronous_mode":"Quorum","pause":"off"})", MemberRole::kLeader, MemberRole::kQuorumStandby, false},
      {R"({"synchronous_mode":true,"standby_cluster":{"host":"x"}})", MemberRole::kStandbyLeader, MemberRole::kReplica, false},
      {R"({"synchronous_mode":true,"standby_cluster":{"host":"","primary_slot_name":"x"}})", MemberRole::kLeader, MemberRole::kSyncStandby, false},
  };
  for (const auto& row : rows) {
    const auto cluster = cluster_of_three(row.config);
    const auto views = describe_members(cluster);
    EXPECT_EQ(views[0].role, row.leader) << row.config;
    EXPECT_EQ(views[1].role, row.standby) << row.config;
    EXPECT_EQ(modes_of(cluster).paused, row.paused) << row.config;
  }
}

TEST(MemberView, ReadsConnectionUrls) {
  EXPECT_EQ(address_of_conn_url("postgres://h/db"), (HostPort{"h", 5432}));
  EXPECT_EQ(address_of_conn_url("postgresql://u:p@h:1/db?x=1"), (HostPort{"h", 1}));
  for (const char* url : {"", "h:1", "postgres://", "postgres://:1/x", "postgres://h:x/", "postgres://h:99999/", "postgres://[::1"}) {
    EXPECT_FALSE(address_of_conn_url(url)) << url;
  }
}

}  // namespace
}  // namespace matriarch::model
