#include "rest/reading.hpp"

namespace matriarch::rest {
namespace {

bool is_empty(const model::Cluster& cluster) {
  return !cluster.initialize && !cluster.config && !cluster.leader && cluster.members.empty() && !cluster.history && !cluster.failover;
}

}  // namespace

const model::Cluster* Reading::last_known_cluster() const { return snapshot ? snapshot->seen.store.cluster.get() : nullptr; }

const model::Cluster* Reading::cluster() const {
  const auto* known = last_known_cluster();
  return known && snapshot->seen.store.reachable && !is_empty(*known) ? known : nullptr;
}

model::WallTime Reading::to_wall(model::Instant when) const {
  return wall_now - std::chrono::duration_cast<std::chrono::microseconds>(now - when);
}

std::shared_ptr<const model::PostgresNode> node_of(const std::shared_ptr<const ports::Snapshot>& snapshot) {
  static const auto kNothingKnown = std::make_shared<const model::PostgresNode>();
  if (!snapshot) return kNothingKnown;
  return {snapshot, &snapshot->seen.postgres};
}

model::PostgresNode with_live_positions(model::PostgresNode known, const model::PostgresNode& live) {
  known.query_failed = live.query_failed;
  known.is_primary = live.is_primary;
  known.server_version = live.server_version;
  known.lsn = live.lsn;
  known.received = live.received;
  known.replayed = live.replayed;
  known.latest_end = live.latest_end;
  known.replayed_timestamp = live.replayed_timestamp;
  known.timeline = live.timeline;
  known.received_timeline = live.received_timeline;
  if (live.replica_timeline.known()) known.replica_timeline = live.replica_timeline;
  known.replication_state = live.replication_state;
  known.replay_paused = live.replay_paused;
  known.wal_senders = live.wal_senders;
  known.postmaster_start_time = live.postmaster_start_time;
  known.observed_at = live.observed_at;
  return known;
}

}  // namespace matriarch::rest
