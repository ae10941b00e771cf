#include "rest/node_document.hpp"

#include "model/timestamp.hpp"
#include "model/version.hpp"
#include "rest/tags.hpp"

namespace matriarch::rest {
namespace {

namespace json = boost::json;

std::string_view to_text(model::SyncState state) {
  switch (state) {
    case model::SyncState::kAsync: return "async";
    case model::SyncState::kPotential: return "potential";
    case model::SyncState::kSync: return "sync";
    case model::SyncState::kQuorum: return "quorum";
  }
  return "async";
}

json::object positions(const Reading& reading, const NodeStatus& status) {
  if (status.is_primary) return {{"location", status.location.value}};
  const auto& node = *reading.postgres;
  json::object xlog;
  xlog["received_location"] = status.received.value;
  xlog["replayed_location"] = status.replayed.value;
  xlog["replayed_timestamp"] = node.replayed_timestamp.empty() ? json::value(nullptr) : json::value(node.replayed_timestamp);
  xlog["paused"] = node.replay_paused;
  return xlog;
}

json::array wal_senders(const model::PostgresNode& node) {
  json::array rows;
  for (const auto& sender : node.wal_senders) {
    json::object row;
    row["usename"] = sender.usename;
    row["application_name"] = sender.application_name.text;
    row["client_addr"] = sender.client_addr.empty() ? json::value(nullptr) : json::value(sender.client_addr);
    row["state"] = "streaming";
    row["sync_state"] = to_text(sender.sync_state);
    row["sync_priority"] = sender.sync_priority;
    rows.push_back(std::move(row));
  }
  return rows;
}

void add_replication(const Reading& reading, const NodeStatus& status, json::object& document) {
  if (status.is_sync_standby) document["sync_standby"] = true;
  if (status.is_quorum_standby) document["quorum_standby"] = true;
  if (!status.has_positions) return;
  document["timeline"] = status.timeline.known() ? json::value(status.timeline.value) : json::value(nullptr);
  if (!status.replication_state.empty()) document["replication_state"] = status.replication_state;
  if (auto rows = wal_senders(*reading.postgres); !rows.empty()) document["replication"] = std::move(rows);
}

// The time of the last exchange with the store that succeeded, as Unix time; 0: never.
std::int64_t store_last_seen(const Reading& reading) {
  if (reading.lease.last_contact == model::Instant{}) return 0;
  return std::chrono::floor<std::chrono::seconds>(reading.to_wall(reading.lease.last_contact)).time_since_epoch().count();
}

void add_pending_restart(const model::PostgresNode& node, json::object& document) {
  if (node.pending_restart.empty()) return;
  document["pending_restart"] = true;
  json::object reasons;
  for (const auto& [name, change] : node.pending_restart) reasons[name] = {{"old_value", change.first}, {"new_value", change.second}};
  document["pending_restart_reason"] = std::move(reasons);
}

void add_scheduled_restart(const Reading& reading, json::object& document) {
  if (!reading.snapshot || !reading.snapshot->decision.memory.scheduled_restart) return;
  const auto& restart = *reading.snapshot->decision.memory.scheduled_restart;
  json::object shown{{"schedule", restart.text}};
  for (const auto& filter : restart.filters) {
    if (filter.key() != "schedule") shown[filter.key()] = filter.value();
  }
  document["scheduled_restart"] = std::move(shown);
}

bool watchdog_failed(const Reading& reading) {
  return reading.snapshot && reading.settings->watchdog.mode == model::WatchdogMode::kRequired && !reading.snapshot->seen.watchdog_healthy;
}

json::object own_version(const Reading& reading) {
  json::object own{{"version", model::kVersion}};
  if (reading.snapshot) own["rule"] = reading.snapshot->decision.rule;
  return own;
}

}  // namespace

json::object published_tags(const Reading& reading) {
  auto tags = effective_tags(reading.settings->tags);
  if (reading.snapshot && reading.snapshot->decision.memory.leaving_sync_since != model::Instant{}) {
    tags["nosync"] = true;
    tags["sync_priority"] = 0;
  }
  return tags;
}

json::object node_document(const Reading& reading, const NodeStatus& status) {
  const auto& node = *reading.postgres;
  json::object document{{"state", status.state}};
  if (status.has_positions) document["postmaster_start_time"] = node.postmaster_start_time;
  document["role"] = status.role;
  if (status.has_positions) document["server_version"] = node.server_version;
  if (status.has_positions) document["xlog"] = positions(reading, status);
  add_replication(reading, status, document);
  if (status.paused) document["pause"] = true;
  if (status.cluster_unlocked) document["cluster_unlocked"] = true;
  if (status.failsafe_active) document["failsafe_mode_is_active"] = true;
  document["dcs_last_seen"] = store_last_seen(reading);
  if (auto tags = published_tags(reading); !tags.empty()) document["tags"] = std::move(tags);
  if (node.system_id) document["database_system_identifier"] = node.system_id->text;
  add_pending_restart(node, document);
  document["patroni"] = {{"version", model::kPatroniVersion}, {"scope", reading.settings->scope}, {"name", reading.settings->name.text}};
  add_scheduled_restart(reading, document);
  // Two are always on their way.
  if (reading.log_queue.waiting > 2) {
    document["logger_queue_size"] = reading.log_queue.waiting;
    if (reading.log_queue.lost > 0) document["logger_records_lost"] = reading.log_queue.lost;
  }
  if (watchdog_failed(reading)) document["watchdog_failed"] = true;
  document["matriarch"] = own_version(reading);
  return document;
}

}  // namespace matriarch::rest
