#include "rest/cluster_document.hpp"

#include "model/member_view.hpp"
#include "model/timestamp.hpp"

namespace matriarch::rest {
namespace {

namespace json = boost::json;

void copy_if_published(const model::Member& member, std::string_view key, json::object& row) {
  if (const auto* value = member.data.if_contains(key); value && !value->is_null()) row[key] = *value;
}

void add_position(json::object& row, std::string_view lag, std::string_view lsn, const std::optional<model::PublishedPosition>& position) {
  row[lag] = position ? json::value(position->lag) : json::value("unknown");
  row[lsn] = position ? json::value(model::format_lsn(position->lsn)) : json::value("unknown");
}

json::object member_row(const model::MemberView& view) {
  const auto& member = *view.member;
  json::object row{{"name", member.name.text}, {"role", to_text(view.role)}, {"state", view.state}};
  row["api_url"] = member.api_url.empty() ? json::value(nullptr) : json::value(member.api_url);
  if (view.address) {
    row["host"] = view.address->host;
    row["port"] = view.address->port;
  }
  for (const std::string_view key : {"timeline", "pending_restart", "pending_restart_reason", "scheduled_restart", "tags"}) {
    copy_if_published(member, key, row);
  }
  if (view.holds_leader_key) return row;
  add_position(row, "receive_lag", "receive_lsn", view.received);
  add_position(row, "replay_lag", "replay_lsn", view.replayed);
  add_position(row, "lag", "lsn", view.location);
  return row;
}

}  // namespace

json::object cluster_document(const model::Cluster& cluster, const std::string& scope) {
  json::array members;
  for (const auto& view : model::describe_members(cluster)) members.push_back(member_row(view));
  json::object document{{"members", std::move(members)}};
  if (model::modes_of(cluster).paused) document["pause"] = true;
  if (cluster.failover && cluster.failover->scheduled_at) {
    json::object schedule{{"at", cluster.failover->schedule}};
    if (!cluster.failover->leader.empty()) schedule["from"] = cluster.failover->leader.text;
    if (!cluster.failover->candidate.empty()) schedule["to"] = cluster.failover->candidate.text;
    document["scheduled_switchover"] = std::move(schedule);
  }
  document["scope"] = scope;
  return document;
}

json::array history_document(const model::Cluster& cluster) {
  json::array lines;
  if (!cluster.history) return lines;
  for (const auto& line : cluster.history->lines) {
    json::array entry{line.timeline.value, line.lsn.value, line.reason};
    if (!line.timestamp.empty() || !line.new_leader.empty()) entry.emplace_back(line.timestamp);
    if (!line.new_leader.empty()) entry.emplace_back(line.new_leader);
    lines.push_back(std::move(entry));
  }
  return lines;
}

}  // namespace matriarch::rest
