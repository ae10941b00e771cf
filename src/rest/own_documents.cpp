#include "rest/own_documents.hpp"

#include "model/timestamp.hpp"
#include "model/version.hpp"

namespace matriarch::rest {
namespace {

namespace json = boost::json;

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

std::string_view to_text(model::LeaseOutcome outcome) {
  switch (outcome) {
    case model::LeaseOutcome::kNone: return "none";
    case model::LeaseOutcome::kHeld: return "held";
    case model::LeaseOutcome::kLost: return "lost";
    case model::LeaseOutcome::kUnreachable: return "unreachable";
    case model::LeaseOutcome::kReleased: return "released";
  }
  return "none";
}

std::string_view to_text(model::TaskKind kind) {
  switch (kind) {
    case model::TaskKind::kBootstrap: return "bootstrap";
    case model::TaskKind::kBootstrapStandbyLeader: return "bootstrap standby leader";
    case model::TaskKind::kPostBootstrap: return "post bootstrap";
    case model::TaskKind::kClone: return "clone";
    case model::TaskKind::kReinitialize: return "reinitialize";
    case model::TaskKind::kStart: return "start";
    case model::TaskKind::kFollow: return "follow";
    case model::TaskKind::kRestart: return "restart";
    case model::TaskKind::kPromote: return "promote";
    case model::TaskKind::kCrashRecovery: return "crash recovery";
    case model::TaskKind::kRewind: return "rewind";
    case model::TaskKind::kDemote: return "demote";
    case model::TaskKind::kCopySlots: return "copy slots";
  }
  return "task";
}

json::value name_or_null(const model::MemberName& name) { return name.empty() ? json::value(nullptr) : json::value(name.text); }

json::object decision_row(const Reading& reading, const model::Decision& decision, model::Instant at, const std::string& cause) {
  json::object row{{"at", model::format_timestamp(reading.to_wall(at))}, {"table", decision.table}, {"rule", decision.rule},
                   {"says", decision.says}, {"cause", cause}};
  json::array duties;
  for (const auto& duty : decision.duties) duties.emplace_back(duty);
  row["duties"] = std::move(duties);
  return row;
}

json::object lease_object(const Reading& reading, const NodeStatus& status) {
  json::object lease{{"held", status.holds_lease}, {"outcome", to_text(reading.lease.outcome)}, {"term", reading.lease.term},
                     {"armed", reading.lease.armed}};
  lease["margin_seconds"] = status.holds_lease ? json::value(seconds(reading.lease.valid_until - reading.now)) : json::value(nullptr);
  lease["ttl_seconds"] = seconds(reading.lease.ttl_granted);
  return lease;
}

json::object store_object(const Reading& reading, const NodeStatus& status) {
  json::object store{{"ok", status.store_available}, {"kind", reading.settings->uses_embedded_store() ? "embedded" : "etcd3"}};
  const bool ever = reading.lease.last_contact != model::Instant{};
  store["last_contact_age_seconds"] = ever ? json::value(seconds(reading.now - reading.lease.last_contact)) : json::value(nullptr);
  const auto* cluster = reading.last_known_cluster();
  store["leader"] = cluster && cluster->leader ? name_or_null(cluster->leader->name) : json::value(nullptr);
  store["revision"] = cluster ? json::value(cluster->revision.value) : json::value(nullptr);
  return store;
}

json::object postgres_object(const Reading& reading, const NodeStatus& status) {
  const auto& node = *reading.postgres;
  json::object postgres{{"state", status.state}, {"role", status.role}, {"running", node.is_running}};
  postgres["server_version"] = node.server_version;
  postgres["timeline"] = status.timeline.known() ? json::value(status.timeline.value) : json::value(nullptr);
  postgres["lsn"] = node.lsn.known() ? json::value(model::format_lsn(node.lsn)) : json::value(nullptr);
  postgres["received_lsn"] = status.received.known() ? json::value(model::format_lsn(status.received)) : json::value(nullptr);
  postgres["replayed_lsn"] = status.replayed.known() ? json::value(model::format_lsn(status.replayed)) : json::value(nullptr);
  postgres["replication_state"] = status.replication_state.empty() ? json::value(nullptr) : json::value(status.replication_state);
  postgres["replayed_timestamp"] = node.replayed_timestamp.empty() ? json::value(nullptr) : json::value(node.replayed_timestamp);
  postgres["upstream"] = node.upstream ? name_or_null(node.upstream->name) : json::value(nullptr);
  postgres["positions_age_seconds"] = status.has_positions ? json::value(seconds(reading.now - node.observed_at)) : json::value(nullptr);
  postgres["synchronous_standby_names"] = node.sync_names.text;
  return postgres;
}

json::value task_object(const Reading& reading) {
  if (!reading.snapshot || !reading.snapshot->seen.task) return nullptr;
  const auto& task = *reading.snapshot->seen.task;
  return json::object{{"kind", to_text(task.request.kind)}, {"for_seconds", seconds(reading.now - task.started_at)},
                      {"progress", task.progress}, {"cancelled", task.cancelled}};
}

json::array peer_rows(const Reading& reading) {
  json::array rows;
  if (!reading.snapshot) return rows;
  for (const auto& [name, peer] : reading.snapshot->seen.peers) {
    json::object row{{"name", name.text}, {"reachable", peer.reachable}};
    row["in_recovery"] = peer.in_recovery ? json::value(*peer.in_recovery) : json::value(nullptr);
    row["lsn"] = peer.lsn.known() ? json::value(model::format_lsn(peer.lsn)) : json::value(nullptr);
    row["timeline"] = peer.timeline.known() ? json::value(peer.timeline.value) : json::value(nullptr);
    row["nofailover"] = peer.tags.nofailover();
    row["watchdog_failed"] = peer.watchdog_failed;
    row["error"] = peer.error;
    row["age_seconds"] = seconds(reading.now - peer.asked_at);
    rows.push_back(std::move(row));
  }
  return rows;
}

json::value verdict_object(const Reading& reading) {
  if (!reading.snapshot) return nullptr;
  auto row = decision_row(reading, reading.snapshot->decision, reading.snapshot->decided_at, reading.snapshot->seen.last_event);
  row["since"] = model::format_timestamp(reading.to_wall(reading.snapshot->verdict_since));
  return row;
}

}  // namespace

json::object decisions_document(const Reading& reading, std::size_t n) {
  json::object document{{"name", reading.settings->name.text}, {"scope", reading.settings->scope}, {"current", verdict_object(reading)}};
  json::array recent;
  if (reading.snapshot && reading.snapshot->recent) {
    for (const auto& past : *reading.snapshot->recent) {
      if (recent.size() >= n) break;
      recent.push_back(decision_row(reading, past->decision, past->decided_at, past->cause));
    }
  }
  document["recent"] = std::move(recent);
  return document;
}

json::object status_document(const Reading& reading, const NodeStatus& status) {
  json::object document{{"schema", "matriarch.node/1"}, {"version", model::kVersion}, {"name", reading.settings->name.text},
                        {"scope", reading.settings->scope}, {"at", model::format_timestamp(reading.wall_now)}};
  document["verdict"] = verdict_object(reading);
  document["lease"] = lease_object(reading, status);
  document["store"] = store_object(reading, status);
  document["postgres"] = postgres_object(reading, status);
  document["task"] = task_object(reading);
  document["paused"] = status.paused;
  document["failsafe_active"] = status.failsafe_active;
  document["shutting_down"] = status.shutting_down;
  if (reading.snapshot) {
    document["watchdog"] = {{"active", reading.snapshot->seen.watchdog_active}, {"healthy", reading.snapshot->seen.watchdog_healthy}};
    document["unprotected"] = reading.snapshot->decision.memory.unprotected_since != model::Instant{};
  }
  document["peers"] = peer_rows(reading);
  return document;
}

}  // namespace matriarch::rest
