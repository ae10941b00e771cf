#include "store/layout/write.hpp"

#include <algorithm>

#include "model/json_text.hpp"

namespace matriarch::store::layout {
namespace {

namespace json = boost::json;
using model::MemberName;

constexpr std::string_view kMemberOrder[] = {
    "conn_url",      "api_url",     "state",      "role",       "version",
    "proxy_url",     "checkpoint_after_promote",  "tags",       "pending_restart",
    "pending_restart_reason",       "xlog_location",            "replay_lsn",
    "receive_lsn",   "replication_state",         "timeline",   "scheduled_restart",
    "pause",
};

bool is_written(std::string_view name, const json::value& value) {
  if (name == "tags") return value.is_object() && !value.get_object().empty();
  return !value.is_null();
}

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::array line_of(const model::HistoryLine& line) {
  json::array fields{line.timeline.value, line.lsn.value, line.reason};
  if (!line.timestamp.empty() || !line.new_leader.empty()) fields.emplace_back(line.timestamp);
  if (!line.new_leader.empty()) fields.emplace_back(line.new_leader);
  return fields;
}

}  // namespace

std::string write_config(const json::object& document) { return model::write_json(document); }

std::string write_status(const model::StatusKey& status) {
  json::object document{{"optime", status.optime.value}};
  if (!status.slots.empty()) {
    json::object& slots = document["slots"].emplace_object();
    for (const auto& [name, lsn] : status.slots) slots[name] = lsn.value;
  }
  if (!status.retain_slots.empty()) {
    auto names = status.retain_slots;
    std::sort(names.begin(), names.end());
    json::array& retained = document["retain_slots"].emplace_array();
    for (const std::string& name : names) retained.emplace_back(name);
  }
  return model::write_json(document);
}

std::string write_member(const json::object& document) {
  json::object ordered;
  for (const std::string_view name : kMemberOrder) {
    if (const auto* value = document.if_contains(name); value && is_written(name, *value)) ordered.emplace(name, *value);
  }
  for (const auto& member : document) {
    if (is_written(member.key(), member.value())) ordered.emplace(member.key(), member.value());  // nothing happens for those above
  }
  return model::write_json(ordered);
}

std::string write_failover(const json::object& document) {
  json::object request;
  for (const std::string_view name : {"leader", "member", "scheduled_at"}) {
    const auto* value = document.if_contains(name);
    if (value && value->is_string() && !value->get_string().empty()) request.emplace(name, *value);
  }
  return model::write_json(request);
}

std::string write_sync(const MemberName& leader, const std::set<MemberName>& voters, int quorum) {
  std::string names;
  for (const MemberName& voter : voters) names += (names.empty() ? "" : ",") + voter.text;
  const json::object document{{"leader", text_or_null(leader.text)}, {"quorum", quorum}, {"sync_standby", text_or_null(names)}};
  return model::write_json(document);
}

std::string write_history(const std::vector<model::HistoryLine>& lines) {
  json::array document;
  for (const auto& line : lines) document.emplace_back(line_of(line));
  return model::write_json(document);
}

std::string write_failsafe(const std::map<MemberName, std::string>& members) {
  json::object document;
  for (const auto& [name, url] : members) document[name.text] = url;
  return model::write_json(document);
}

}  // namespace matriarch::store::layout
