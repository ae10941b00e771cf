// Readings for tests: a healthy node, changed one fact at a time.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <memory>

#include "model/json_text.hpp"
#include "rest/node_status.hpp"
#include "rest/reading.hpp"

namespace matriarch::rest {

using namespace std::chrono_literals;

inline boost::json::object object(std::string_view text) { return model::read_json(text).value().as_object(); }

// Builds a Reading: change `seen`, `settings`, ... and call reading().
struct Situation {
  model::Settings settings;
  model::Cluster cluster;
  ports::Snapshot snapshot;
  model::LeaseState lease;
  bool has_cluster = true;
  bool reachable = true;
  model::Instant now{1000s};

  Situation() {
    settings.scope = "orders";
    settings.name = model::MemberName("pg-a");
    settings.dynamic.timing = {.ttl = 30s, .loop_wait = 10s, .retry_timeout = 10s};
    cluster.initialize = "7391420058212345678";
    cluster.leader = model::LeaderKey{model::MemberName("pg-b")};
    cluster.status.optime = model::Lsn{1000};
    snapshot.decided_at = now - 1s;
    node().observed_at = now;
    node().is_running = true;
    node().state = model::PostgresState::kRunning;
    node().server_version = 150004;
    node().postmaster_start_time = "2026-03-02 08:15:04.117203+00:00";
    node().system_id = model::SystemId{"7391420058212345678"};
    lease.last_contact = now - 2s;
  }

  model::PostgresNode& node() { return snapshot.seen.postgres; }

  Reading reading() const {
    Reading made;
    auto published = std::make_shared<ports::Snapshot>(snapshot);
    made.settings = std::make_shared<const model::Settings>(settings);
    published->seen.settings = made.settings;
    if (has_cluster) published->seen.store.cluster = std::make_shared<const model::Cluster>(cluster);
    published->seen.store.reachable = reachable;
    made.snapshot = published;
    made.postgres = node_of(made.snapshot);
    made.lease = lease;
    made.now = now;
    made.wall_now = model::WallTime{1772439314s};
    return made;
  }

  Situation& as_primary() {
    node().role = model::PostgresRole::kPrimary;
    node().is_primary = true;
    node().lsn = model::Lsn{83886424};
    node().timeline = model::Timeline{4};
    return *this;
  }
  Situation& as_replica() {
    node().role = model::PostgresRole::kReplica;
    node().is_primary = false;
    node().received = model::Lsn{1000};
    node().replayed = model::Lsn{1000};
    node().received_timeline = model::Timeline{4};
    node().replication_state = model::ReplicationState::kStreaming;
    return *this;
  }
  Situation& with_lease() {
    lease.outcome = model::LeaseOutcome::kHeld;
    lease.valid_until = now + 20s;
    cluster.leader = model::LeaderKey{settings.name};
    return *this;
  }
  Situation& with_sync(model::SynchronousMode mode) {
    settings.dynamic.synchronous_mode = mode;
    cluster.sync = {.leader = model::MemberName("pg-b"), .voters = {settings.name}};
    return *this;
  }
  Situation& as_standby_cluster() {
    settings.dynamic.standby_cluster = model::StandbyClusterSettings{.host = "elsewhere"};
    return *this;
  }
  Situation& paused() {
    settings.dynamic.pause = true;
    return *this;
  }
  Situation& without_store() {
    reachable = false;
    return *this;
  }
};

}  // namespace matriarch::rest
