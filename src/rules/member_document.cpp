#include "rules/member_document.hpp"

#include <algorithm>
#include <array>

#include "rules/facts.hpp"
#include "rules/schedule.hpp"

namespace matriarch::rules {

using model::PostgresState;
using model::RewindState;

namespace {

std::string url_of(const model::HostPort& address, const std::string& database) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos && !address.host.starts_with('[');
  const std::string host = is_ipv6 ? '[' + address.host + ']' : address.host;
  return "postgres://" + host + ':' + std::to_string(address.port) + '/' + database;
}

bool positions_are_published(const Situation& s) {
  const bool task_allows = !s.seen.task || runs_task(s, model::TaskKind::kPromote);
  const auto state = s.seen.postgres.state;
  const bool is_up = state == PostgresState::kRunning || state == PostgresState::kRestarting || state == PostgresState::kStarting;
  return task_allows && is_up && !s.seen.postgres.query_failed && s.seen.postgres.lsn.known();
}

model::Timeline published_timeline(const Situation& s) {
  const auto& node = s.seen.postgres;
  if (node.is_primary) return node.timeline;
  return node.received_timeline.known() ? node.received_timeline : node.replica_timeline;
}

void add_positions(const Situation& s, boost::json::object& document) {
  const auto& node = s.seen.postgres;
  document["xlog_location"] = node.lsn.value;
  if (!node.is_primary) {
    if (node.replayed.known()) document["replay_lsn"] = node.replayed.value;
    if (node.received.known()) document["receive_lsn"] = node.received.value;
    if (node.replication_state == model::ReplicationState::kStreaming) document["replication_state"] = "streaming";
    if (node.replication_state == model::ReplicationState::kInArchiveRecovery) document["replication_state"] = "in archive recovery";
  }
  if (const auto timeline = published_timeline(s); timeline.known()) document["timeline"] = timeline.value;
}

void add_pending_restart(const Situation& s, boost::json::object& document) {
  if (s.seen.postgres.pending_restart.empty()) return;
  document["pending_restart"] = true;
  boost::json::object reasons;
  for (const auto& [name, values] : s.seen.postgres.pending_restart) {
    reasons[name] = boost::json::object{{"old_value", values.first}, {"new_value", values.second}};
  }
  document["pending_restart_reason"] = reasons;
}

void add_scheduled_restart(const Situation& s, boost::json::object& document) {
  const auto& scheduled = s.memory.scheduled_restart;
  if (!scheduled) return;
  boost::json::object shown = scheduled->filters;
  shown["schedule"] = scheduled->text;
  if (scheduled->postmaster_start_time.empty()) shown["postmaster_start_time"] = nullptr;
  else shown["postmaster_start_time"] = scheduled->postmaster_start_time;
  document["scheduled_restart"] = shown;
}

}  // namespace

boost::json::object published_tags(const Situation& s) {
  constexpr std::array<std::string_view, 5> kBooleans{"clonefrom", "nofailover", "noloadbalance", "nosync", "nostream"};
  const model::Tags& tags = my_tags(s);
  boost::json::object published;
  for (const auto& [name, value] : tags.custom) {
    if (std::find(kBooleans.begin(), kBooleans.end(), std::string_view(name)) == kBooleans.end()) published[name] = value;
  }
  if (tags.clonefrom()) published["clonefrom"] = true;
  if (tags.nofailover() || tags.custom.contains("failover_priority")) published["nofailover"] = tags.nofailover();
  if (tags.noloadbalance()) published["noloadbalance"] = true;
  if (tags.nosync() || tags.custom.contains("sync_priority")) published["nosync"] = tags.nosync();
  if (tags.nostream()) published["nostream"] = true;
  if (s.memory.leaving_sync_since != model::Instant{}) {
    published["nosync"] = true;
    published["sync_priority"] = 0;
  }
  return published;
}

boost::json::object member_document(const Situation& s) {
  const auto& postgresql = s.seen.settings->postgresql;
  const auto& node = s.seen.postgres;
  boost::json::object document;
  document.reserve(16);
  document["conn_url"] = url_of(postgresql.connect_address, postgresql.database);
  document["api_url"] = s.seen.settings->restapi.api_url();
  document["state"] = model::to_text(node.state);
  document["role"] = model::to_text(node.role);
  document["version"] = kVersion;
  if (postgresql.proxy_address) document["proxy_url"] = url_of(*postgresql.proxy_address, postgresql.database);
  if (s.seen.is_leader() && s.memory.rewind != RewindState::kCheckpointDone) document["checkpoint_after_promote"] = false;
  if (auto tags = published_tags(s); !tags.empty()) document["tags"] = std::move(tags);
  add_pending_restart(s, document);
  if (positions_are_published(s)) add_positions(s, document);
  add_scheduled_restart(s, document);
  if (paused(s)) document["pause"] = true;
  return document;
}

bool same_apart_from_positions(const boost::json::object& a, const boost::json::object& b) {
  const auto is_position = [](std::string_view key) { return key == "xlog_location" || key == "replay_lsn" || key == "receive_lsn"; };
  const auto next = [&](const auto* field, const boost::json::object& document) {
    return std::find_if_not(field, document.end(), [&](const auto& one) { return is_position(one.key()); });
  };
  const auto* x = next(a.begin(), a);
  const auto* y = next(b.begin(), b);
  for (; x != a.end() && y != b.end(); x = next(x + 1, a), y = next(y + 1, b)) {
    if (x->key() != y->key() || x->value() != y->value()) return false;
  }
  return x == a.end() && y == b.end();
}

}  // namespace matriarch::rules
