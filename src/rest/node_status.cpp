#include "rest/node_status.hpp"

#include <algorithm>

namespace matriarch::rest {
namespace {

using model::PostgresNode;
using model::PostgresRole;
using model::PostgresState;

// A row of an earlier life of the server says nothing about one that is just starting.
bool query_answered(const PostgresNode& node) {
  if (node.query_failed || node.observed_at == model::Instant{}) return false;
  if (node.state == PostgresState::kRunning) return true;
  const bool may_answer = node.state == PostgresState::kStarting || node.state == PostgresState::kRestarting;
  return may_answer && node.observed_at > node.state_since;
}

std::string_view state_of(const PostgresNode& node, bool answered) {
  if (node.state == PostgresState::kRunning && !answered) return "unknown";
  return to_text(node.state);
}

// "primary" means: may acknowledge writes. A server out of recovery without a lease is about to be stopped; in pause it is
// left alone and nobody promises anything.
std::string_view role_of(const PostgresNode& node, const NodeStatus& status) {
  const bool is_replica = status.has_positions && !node.is_primary;
  if (is_replica && !status.standby_cluster) return to_text(PostgresRole::kReplica);
  if (is_replica) return node.role == PostgresRole::kPrimary ? to_text(PostgresRole::kReplica) : to_text(node.role);
  const auto role = status.has_positions ? PostgresRole::kPrimary : node.role;
  const bool claims_to_lead = role == PostgresRole::kPrimary;
  return to_text(claims_to_lead && !status.holds_lease && !status.paused ? PostgresRole::kDemoted : role);
}

std::string_view replication_state_of(const PostgresNode& node, const NodeStatus& status) {
  if (!status.has_positions || node.is_primary) return {};
  switch (node.replication_state) {
    case model::ReplicationState::kStreaming: return "streaming";
    case model::ReplicationState::kInArchiveRecovery: return "in archive recovery";
    case model::ReplicationState::kNone: return {};
  }
  return {};
}

model::Timeline timeline_of(const PostgresNode& node) {
  if (node.is_primary) return node.timeline;
  if (node.received_timeline.known()) return node.received_timeline;
  return node.replica_timeline.known() ? node.replica_timeline : node.timeline;
}

void add_positions(const PostgresNode& node, NodeStatus& status) {
  if (!status.has_positions) return;
  status.is_primary = node.is_primary;
  status.replication_state = replication_state_of(node, status);
  status.location = node.is_primary ? node.lsn : model::Lsn{};
  status.received = node.received.known() ? node.received : node.replayed;
  status.replayed = node.replayed;
  status.timeline = timeline_of(node);
}

void add_sync_duty(const Reading& reading, NodeStatus& status) {
  const auto* cluster = reading.cluster();
  const bool may_be_sync = status.role == "replica" && reading.dynamic().synchronous() && cluster;
  if (!may_be_sync || !cluster->sync.is_voter(reading.settings->name)) return;
  const bool quorum = reading.dynamic().synchronous_mode == model::SynchronousMode::kQuorum;
  (quorum ? status.is_quorum_standby : status.is_sync_standby) = true;
}

}  // namespace

NodeStatus status_of(const Reading& reading) {
  const PostgresNode& node = *reading.postgres;
  const auto* cluster = reading.cluster();
  NodeStatus status{.store_available = cluster != nullptr,
                    .cluster_unlocked = !cluster || cluster->is_unlocked(),
                    .holds_lease = reading.lease.holds(reading.now),
                    .paused = reading.dynamic().pause,
                    .standby_cluster = reading.dynamic().standby_cluster.has_value(),
                    .noloadbalance = reading.settings->tags.noloadbalance(),
                    .failsafe_active = reading.snapshot && reading.snapshot->failsafe_active,
                    .shutting_down = reading.snapshot && reading.snapshot->seen.shutting_down};
  status.has_positions = query_answered(node) && !status.shutting_down;
  status.state = state_of(node, query_answered(node));
  status.role = role_of(node, status);
  add_positions(node, status);
  add_sync_duty(reading, status);
  status.leader_lsn = std::max(cluster ? cluster->status.optime : model::Lsn{}, node.latest_end);
  return status;
}

}  // namespace matriarch::rest
