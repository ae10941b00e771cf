#include "ctl/member_listing.hpp"

#include <gtest/gtest.h>

#include "model/timestamp.hpp"
#include "unit/ctl/sample.hpp"

namespace matriarch::ctl {
namespace {

std::string pretty(const model::Cluster& cluster) { return list_members(cluster, "orders", {}); }

TEST(MemberListing, Asynchronous) {
  EXPECT_EQ(pretty(sample_cluster()), R"(+ Cluster: orders (7405219873312204410) --------------+----+-------------+-----+------------+-----+
| Member | Host       | Role    | State               | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+------------+---------+---------------------+----+-------------+-----+------------+-----+
| pg-a   | 192.0.2.11 | Leader  | running             |  8 |             |     |            |     |
| pg-b   | 192.0.2.12 | Replica | streaming           |  8 |  1/A2000028 |   0 | 1/A2000028 |   0 |
| pg-c   | 192.0.2.13 | Replica | streaming           |  8 |  1/A2000028 |   0 | 1/A18999C2 |   7 |
| pg-d   | 192.0.2.14 | Replica | in archive recovery |  8 |     unknown |     | 1/7A000028 | 640 |
+--------+------------+---------+---------------------+----+-------------+-----+------------+-----+
)");
}

TEST(MemberListing, SynchronousWithOneStopped) {
  auto cluster = sample_cluster();
  cluster.config->document["synchronous_mode"] = true;
  cluster.sync = {.leader = model::MemberName("pg-a"), .voters = {model::MemberName("pg-c")}};
  add_member(cluster, "pg-b", R"({"conn_url":"postgres://192.0.2.12:5432/postgres","state":"stopped","role":"replica"})");
  EXPECT_EQ(pretty(cluster), R"(+ Cluster: orders (7405219873312204410) -------------------+----+-------------+-----+------------+-----+
| Member | Host       | Role         | State               | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+------------+--------------+---------------------+----+-------------+-----+------------+-----+
| pg-a   | 192.0.2.11 | Leader       | running             |  8 |             |     |            |     |
| pg-b   | 192.0.2.12 | Replica      | stopped             |    |     unknown |     |    unknown |     |
| pg-c   | 192.0.2.13 | Sync Standby | streaming           |  8 |  1/A2000028 |   0 | 1/A18999C2 |   7 |
| pg-d   | 192.0.2.14 | Replica      | in archive recovery |  8 |     unknown |     | 1/7A000028 | 640 |
+--------+------------+--------------+---------------------+----+-------------+-----+------------+-----+
)");
}

TEST(MemberListing, QuorumWithEverythingThatCanBeShown) {
  auto cluster = sample_cluster();
  cluster.config->document = object(R"({"synchronous_mode":"quorum","pause":true})");
  cluster.sync = {.leader = model::MemberName("pg-a"), .voters = {model::MemberName("pg-b"), model::MemberName("pg-c")}};
  auto& b = cluster.members[model::MemberName("pg-b")].data;
  b["pending_restart"] = true;
  b["pending_restart_reason"] = object(R"({"max_connections":{"old_value":"100","new_value":"300"},"shared_buffers":{"old_value":"4GB","new_value":"8GB"}})");
  b["scheduled_restart"] = object(R"({"schedule":"2030-03-04T02:00:00+00:00","postmaster_start_time":"x"})");
  cluster.members[model::MemberName("pg-d")].data["tags"] = object(R"({"replicatefrom":"pg-c","nofailover":true})");
  cluster.failover = model::FailoverKey{.leader = model::MemberName("pg-a"), .candidate = model::MemberName("pg-b"),
                                        .scheduled_at = model::parse_timestamp("2030-03-04T03:30:00+00:00"), .schedule = "2030-03-04T03:30:00+00:00"};
  EXPECT_EQ(pretty(cluster), R"(+ Cluster: orders (7405219873312204410) ---------------------+----+-------------+-----+------------+-----+-----------------+---------------------------+---------------------------+---------------------+
| Member | Host       | Role           | State               | TL | Receive LSN | Lag | Replay LSN | Lag | Pending restart | Pending restart reason    | Scheduled restart         | Tags                |
+--------+------------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------+---------------------------+---------------------------+---------------------+
| pg-a   | 192.0.2.11 | Leader         | running             |  8 |             |     |            |     |                 |                           |                           |                     |
+--------+------------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------+---------------------------+---------------------------+---------------------+
| pg-b   | 192.0.2.12 | Quorum Standby | streaming           |  8 |  1/A2000028 |   0 | 1/A2000028 |   0 | *               | max_connections: 100->300 | 2030-03-04T02:00:00+00:00 |                     |
|        |            |                |                     |    |             |     |            |     |                 | shared_buffers: 4GB->8GB  |                           |                     |
+--------+------------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------+---------------------------+---------------------------+---------------------+
| pg-c   | 192.0.2.13 | Quorum Standby | streaming           |  8 |  1/A2000028 |   0 | 1/A18999C2 |   7 |                 |                           |                           |                     |
+--------+------------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------+---------------------------+---------------------------+---------------------+
| pg-d   | 192.0.2.14 | Replica        | in archive recovery |  8 |     unknown |     | 1/7A000028 | 640 |                 |                           |                           | nofailover: true    |
|        |            |                |                     |    |             |     |            |     |                 |                           |                           | replicatefrom: pg-c |
+--------+------------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------+---------------------------+---------------------------+---------------------+
 Maintenance mode: on
 Switchover scheduled at: 2030-03-04T03:30:00+00:00
                    from: pg-a
                      to: pg-b
)");
}

TEST(MemberListing, Topology) {
  auto cluster = sample_cluster();
  auto& d = cluster.members[model::MemberName("pg-d")];
  d.data["tags"] = object(R"({"replicatefrom":"pg-c"})");
  d.tags.custom = d.data["tags"].as_object();
  EXPECT_EQ(list_members(cluster, "orders", {.format = Format::kTopology}), R"(+ Cluster: orders (7405219873312204410) ----------------+----+-------------+-----+------------+-----+-----------------------+
| Member   | Host       | Role    | State               | TL | Receive LSN | Lag | Replay LSN | Lag | Tags                  |
+----------+------------+---------+---------------------+----+-------------+-----+------------+-----+-----------------------+
| pg-a     | 192.0.2.11 | Leader  | running             |  8 |             |     |            |     |                       |
| + pg-b   | 192.0.2.12 | Replica | streaming           |  8 |  1/A2000028 |   0 | 1/A2000028 |   0 |                       |
| + pg-c   | 192.0.2.13 | Replica | streaming           |  8 |  1/A2000028 |   0 | 1/A18999C2 |   7 |                       |
|   + pg-d | 192.0.2.14 | Replica | in archive recovery |  8 |     unknown |     | 1/7A000028 | 640 | {replicatefrom: pg-c} |
+----------+------------+---------+---------------------+----+-------------+-----+------------+-----+-----------------------+
)");
}

TEST(MemberListing, PortsWhenTheyTellMembersApart) {
  auto cluster = sample_cluster();
  cluster.members.erase(model::MemberName("pg-c"));
  cluster.members.erase(model::MemberName("pg-d"));
  cluster.members[model::MemberName("pg-b")].conn_url = "postgres://192.0.2.11:5433/postgres";
  EXPECT_EQ(pretty(cluster), R"(+ Cluster: orders (7405219873312204410) ---------+----+-------------+-----+------------+-----+
| Member | Host            | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+-----------------+---------+-----------+----+-------------+-----+------------+-----+
| pg-a   | 192.0.2.11:5432 | Leader  | running   |  8 |             |     |            |     |
| pg-b   | 192.0.2.11:5433 | Replica | streaming |  8 |  1/A2000028 |   0 | 1/A2000028 |   0 |
+--------+-----------------+---------+-----------+----+-------------+-----+------------+-----+
)");
}

TEST(MemberListing, NothingInTheStore) {
  EXPECT_EQ(pretty({}), R"(+ Cluster: orders (uninitialized) --+-------------+-----+------------+-----+
| Member | Host | Role | State | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+------+------+-------+----+-------------+-----+------------+-----+
+--------+------+------+-------+----+-------------+-----+------------+-----+
)");
}

TEST(MemberListing, ForMachines) {
  auto cluster = sample_cluster();
  cluster.members.erase(model::MemberName("pg-b"));
  cluster.members.erase(model::MemberName("pg-c"));
  const auto in = [&](Format format) { return list_members(cluster, "orders", {.format = format}); };
  EXPECT_EQ(in(Format::kTsv),
            "Cluster\tMember\tHost\tRole\tState\tTL\tReceive LSN\tReceive Lag\tReplay LSN\tReplay Lag\n"
            "orders\tpg-a\t192.0.2.11\tLeader\trunning\t8\t\t\t\t\n"
            "orders\tpg-d\t192.0.2.14\tReplica\tin archive recovery\t8\tunknown\t\t1/7A000028\t640\n");
  EXPECT_EQ(in(Format::kJson),
            "[{\"Cluster\": \"orders\", \"Member\": \"pg-a\", \"Host\": \"192.0.2.11\", \"Role\": \"Leader\", \"State\": \"running\", \"TL\": 8}, "
            "{\"Cluster\": \"orders\", \"Member\": \"pg-d\", \"Host\": \"192.0.2.14\", \"Role\": \"Replica\", \"State\": \"in archive recovery\", \"TL\": 8, "
            "\"Receive LSN\": \"unknown\", \"Replay LSN\": \"1/7A000028\", \"Replay Lag\": 640}]\n");
  cluster.members.erase(model::MemberName("pg-a"));
  EXPECT_EQ(in(Format::kYaml), R"(- Cluster: orders
  Host: 192.0.2.14
  Member: pg-d
  Receive LSN: unknown
  Replay LSN: 1/7A000028
  Replay Lag: 640
  Role: Replica
  State: in archive recovery
  TL: 8

)");
  EXPECT_EQ(list_members({}, "orders", {.format = Format::kYaml}), "[]\n\n");
  EXPECT_EQ(list_members({}, "orders", {.format = Format::kJson}), "[]\n");
}

TEST(MemberListing, OptionalColumns) {
  model::Cluster cluster;
  cluster.initialize = "";
  add_member(cluster, "a", R"({"state":"running","tags":{"x":"on"},"scheduled_restart":{"schedule":"S","postgres_version":"16.4"},"pending_restart_reason":{"search":{"old_value":"0123456789012345678901234567890123456789","new_value":"1"}}})");
  const auto pretty_text = pretty(cluster);
  EXPECT_NE(pretty_text.find("(initializing)"), std::string::npos);
  EXPECT_NE(pretty_text.find("S if version < 16.4"), std::string::npos);
  EXPECT_NE(pretty_text.find("search: [hidden - too long]"), std::string::npos);
  EXPECT_NE(pretty_text.find("x: 'on'"), std::string::npos);
  EXPECT_EQ(pretty_text.find("Pending restart |"), std::string::npos);
  EXPECT_NE(list_members(cluster, "orders", {.extended = true}).find("Pending restart |"), std::string::npos);
  EXPECT_NE(list_members(cluster, "orders", {.format = Format::kTsv}).find("{x: 'on'}"), std::string::npos);
}

TEST(MemberListing, OlderAgentsPublishOnePosition) {
  model::Cluster cluster;
  cluster.status.optime = model::Lsn{2u << 20};
  add_member(cluster, "a", R"({"state":"running","replication_state":"streaming","xlog_location":524288})");
  add_member(cluster, "b", R"({"state":"running","xlog_location":524288})");
  EXPECT_EQ(list_members(cluster, "c", {.format = Format::kTsv}),
            "Cluster\tMember\tHost\tRole\tState\tTL\tReceive LSN\tReceive Lag\tReplay LSN\tReplay Lag\n"
            "c\ta\t\tReplica\tstreaming\t\t0/80000\t2\tunknown\t\n"
            "c\tb\t\tReplica\trunning\t\tunknown\t\t0/80000\t2\n");
}

TEST(Topology, ShowsMembersThatFollowOneAnother) {
  model::Cluster cluster;
  cluster.leader = model::LeaderKey{model::MemberName("a")};
  add_member(cluster, "a", "{}");
  add_member(cluster, "b", R"({"tags":{"replicatefrom":"c"}})");
  add_member(cluster, "c", R"({"tags":{"replicatefrom":"b"}})");
  add_member(cluster, "d", R"({"tags":{"replicatefrom":"a"}})");
  add_member(cluster, "e", R"({"tags":{"replicatefrom":"gone"}})");
  const auto text = list_members(cluster, "x", {.format = Format::kTopology});
  for (const char* name : {"| a ", "| + b ", "| + d ", "| + e ", "|   + c "}) EXPECT_NE(text.find(name), std::string::npos) << name << text;
}

}  // namespace
}  // namespace matriarch::ctl
