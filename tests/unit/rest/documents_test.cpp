#include <gtest/gtest.h>

#include "rest/cluster_document.hpp"
#include "rest/node_document.hpp"
#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

std::string patroni(const Situation& situation) {
  const auto reading = situation.reading();
  auto document = node_document(reading, status_of(reading));
  document.erase("matriarch");
  return model::write_json(document, model::JsonSpacing::kSpaced);
}

TEST(NodeDocument, OfAPrimary) {
  Situation primary;
  primary.as_primary().with_lease();
  primary.node().wal_senders = {{.application_name = model::MemberName("pg-b"), .sync_state = model::SyncState::kSync, .usename = "repl", .client_addr = "10.1.0.12", .sync_priority = 1}};
  primary.node().pending_restart["max_connections"] = {"100", "200"};
  primary.settings.tags.custom = object(R"({"zone":"a","nofailover":false})");
  primary.snapshot.decision.memory.scheduled_restart =
      model::ScheduledRestart{.at = model::WallTime{1772503200s}, .text = "2026-03-03T02:00:00+00:00", .filters = object(R"({"restart_pending":true})")};
  EXPECT_EQ(patroni(primary),
            R"({"state": "running", "postmaster_start_time": "2026-03-02 08:15:04.117203+00:00", "role": "primary", "server_version": 150004, )"
            R"("xlog": {"location": 83886424}, "timeline": 4, "replication": [{"usename": "repl", "application_name": "pg-b", "client_addr": "10.1.0.12", )"
            R"("state": "streaming", "sync_state": "sync", "sync_priority": 1}], "dcs_last_seen": 1772439312, "tags": {"zone": "a"}, )"
            R"("database_system_identifier": "7391420058212345678", "pending_restart": true, "pending_restart_reason": {"max_connections": {"old_value": "100", "new_value": "200"}}, )"
            R"("patroni": {"version": "4.1.4", "scope": "orders", "name": "pg-a"}, "scheduled_restart": {"schedule": "2026-03-03T02:00:00+00:00", "restart_pending": true}})");
}

TEST(NodeDocument, OfAReplicaWithoutStoreInFailsafeMode) {
  Situation replica;
  replica.as_replica().without_store();
  replica.snapshot.failsafe_active = true;
  replica.node().replayed_timestamp = "2026-03-02 09:00:41.520000+00:00";
  EXPECT_EQ(patroni(replica),
            R"({"state": "running", "postmaster_start_time": "2026-03-02 08:15:04.117203+00:00", "role": "replica", "server_version": 150004, )"
            R"("xlog": {"received_location": 1000, "replayed_location": 1000, "replayed_timestamp": "2026-03-02 09:00:41.520000+00:00", "paused": false}, )"
            R"("timeline": 4, "replication_state": "streaming", "cluster_unlocked": true, "failsafe_mode_is_active": true, "dcs_last_seen": 1772439312, )"
            R"("database_system_identifier": "7391420058212345678", "patroni": {"version": "4.1.4", "scope": "orders", "name": "pg-a"}})");
}

TEST(NodeDocument, ShowsNoPositionsWhenPostgresCannotBeAsked) {
  for (const auto& make : {std::function<void(Situation&)>([](Situation& s) { s.node().state = model::PostgresState::kStopped; }),
                           std::function<void(Situation&)>([](Situation& s) { s.node().query_failed = true; }),
                           std::function<void(Situation&)>([](Situation& s) { s.snapshot.seen.shutting_down = true; })}) {
    Situation situation;
    situation.as_replica();
    make(situation);
    const auto reading = situation.reading();
    const auto document = node_document(reading, status_of(reading));
    for (const char* key : {"xlog", "server_version", "timeline", "postmaster_start_time", "replication_state"}) {
      EXPECT_FALSE(document.contains(key)) << key;
    }
  }
  Situation failing;
  failing.as_replica().node().query_failed = true;
  EXPECT_EQ(status_of(failing.reading()).state, "unknown");
}

TEST(NodeDocument, NamesSynchronousDutyAsTheModeCallsIt) {
  Situation replica;
  replica.as_replica().with_sync(model::SynchronousMode::kOn);
  EXPECT_NE(patroni(replica).find(R"("sync_standby": true)"), std::string::npos);
  replica.with_sync(model::SynchronousMode::kQuorum);
  EXPECT_NE(patroni(replica).find(R"("quorum_standby": true)"), std::string::npos);
  EXPECT_EQ(patroni(replica).find(R"("sync_standby": true)"), std::string::npos);
}

TEST(NodeDocument, SaysThatItLeavesSynchronousDuty) {
  Situation replica;
  replica.as_replica().snapshot.decision.memory.leaving_sync_since = model::Instant{std::chrono::seconds(1)};
  EXPECT_NE(patroni(replica).find(R"("tags": {"nosync": true, "sync_priority": 0})"), std::string::npos);
}

model::Member member(const char* name, std::string_view data) {
  model::Member made;
  made.name = model::MemberName(name);
  made.data = object(data);
  made.api_url = made.data.contains("api_url") ? std::string(made.data.at("api_url").as_string()) : "";
  made.conn_url = made.data.contains("conn_url") ? std::string(made.data.at("conn_url").as_string()) : "";
  return made;
}

TEST(ClusterDocument, IsPatronis) {
  model::Cluster cluster;
  cluster.config = model::ConfigKey{object(R"({"synchronous_mode":true})"), true, {}};
  cluster.leader = model::LeaderKey{model::MemberName("pg-a")};
  cluster.status.optime = model::Lsn{0x5000158};
  cluster.sync = {.leader = model::MemberName("pg-a"), .voters = {model::MemberName("pg-b")}};
  cluster.failover = model::FailoverKey{.leader = model::MemberName("pg-a"), .candidate = model::MemberName("pg-b"), .scheduled_at = model::WallTime{1772505000s}, .schedule = "2026-03-03T02:30:00+00:00"};
  for (const auto& made :
       {member("pg-a", R"({"api_url":"https://10.1.0.11:8008/patroni","conn_url":"postgres://10.1.0.11:5432/postgres","state":"running","timeline":4})"),
        member("pg-b", R"({"api_url":"https://10.1.0.12:8008/patroni","conn_url":"postgres://10.1.0.12:5432/postgres","state":"running","replication_state":"streaming","timeline":4,"tags":{"zone":"b"},"receive_lsn":83886424,"replay_lsn":83886328,"xlog_location":83886424})"),
        member("pg-c", R"({"api_url":"https://10.1.0.13:8008/patroni","conn_url":"postgres://10.1.0.13:5432/postgres","state":"creating replica"})")}) {
    cluster.members[made.name] = made;
  }
  EXPECT_EQ(model::write_json(cluster_document(cluster, "orders"), model::JsonSpacing::kSpaced),
            R"({"members": [{"name": "pg-a", "role": "leader", "state": "running", "api_url": "https://10.1.0.11:8008/patroni", "host": "10.1.0.11", "port": 5432, "timeline": 4}, )"
            R"({"name": "pg-b", "role": "sync_standby", "state": "streaming", "api_url": "https://10.1.0.12:8008/patroni", "host": "10.1.0.12", "port": 5432, "timeline": 4, "tags": {"zone": "b"}, )"
            R"("receive_lag": 0, "receive_lsn": "0/5000158", "replay_lag": 96, "replay_lsn": "0/50000F8", "lag": 0, "lsn": "0/5000158"}, )"
            R"({"name": "pg-c", "role": "replica", "state": "creating replica", "api_url": "https://10.1.0.13:8008/patroni", "host": "10.1.0.13", "port": 5432, )"
            R"("receive_lag": "unknown", "receive_lsn": "unknown", "replay_lag": "unknown", "replay_lsn": "unknown", "lag": "unknown", "lsn": "unknown"}], )"
            R"("scheduled_switchover": {"at": "2026-03-03T02:30:00+00:00", "from": "pg-a", "to": "pg-b"}, "scope": "orders"})");
}

TEST(HistoryDocument, LeavesOutWhatWasNotKnown) {
  model::Cluster cluster;
  EXPECT_EQ(model::write_json(history_document(cluster)), "[]");
  cluster.history = model::HistoryKey{.lines = {{model::Timeline{5}, model::Lsn{83886240}, "no recovery target specified", "", ""},
                                                {model::Timeline{6}, model::Lsn{100663456}, "x", "2030-01-14T08:02:11+00:00", "pg-b"}}};
  EXPECT_EQ(model::write_json(history_document(cluster)),
            R"([[5,83886240,"no recovery target specified"],[6,100663456,"x","2030-01-14T08:02:11+00:00","pg-b"]])");
}

}  // namespace
}  // namespace matriarch::rest
