#include "ctl/facts.hpp"

#include <algorithm>

#include "ctl/output.hpp"
#include "model/json_text.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value && value->is_uint64()) return value->get_uint64();
  return value && value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

bool flag_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_bool() && value->get_bool();
}

json::object object_of(const CallResult& answer) {
  const auto document = answer ? model::read_json(answer->body) : std::nullopt;
  return document && document->is_object() ? document->get_object() : json::object{};
}

void read_positions(const json::object& xlog, Answered& answer) {
  answer.has_positions = true;
  answer.location = model::Lsn{number_of(xlog, "location")};
  answer.received = model::Lsn{number_of(xlog, "received_location")};
  answer.replayed = model::Lsn{number_of(xlog, "replayed_location")};
  answer.replay_paused = flag_of(xlog, "paused");
  answer.in_recovery = !answer.location.known() && answer.role != "primary" && answer.role != "master";
}

void ask_members(Context& context, Facts& facts, model::Milliseconds timeout) {
  std::vector<Call> calls;
  for (const auto& member : facts.members) {
    calls.push_back({.api_url = member.stored.api_url, .endpoint = "patroni", .timeout = timeout});
    calls.push_back({.api_url = member.stored.api_url, .endpoint = "matriarch/status", .timeout = timeout});
  }
  const auto answers = context.call_all(std::move(calls));
  for (std::size_t i = 0; i < facts.members.size(); ++i) {
    auto& live = facts.members[i].live;
    const auto patroni = object_of(answers[2 * i]);
    live = read_answer(patroni, object_of(answers[2 * i + 1]));
    if (!answers[2 * i]) live.error = answers[2 * i].error().what;
    else if (!live.there) live.error = "the answer is not a status document";
  }
}

}  // namespace

Answered read_answer(const json::object& patroni, const json::object& own) {
  Answered answer{.document = patroni, .own = own};
  answer.there = patroni.contains("patroni");
  if (!answer.there) return answer;
  answer.state = model::text_at(patroni, "state");
  answer.role = model::text_at(patroni, "role");
  if (const auto* version = patroni.at("patroni").if_object()) answer.version = model::text_at(*version, "version");
  answer.is_matriarch = patroni.contains("matriarch");
  if (!answer.is_matriarch) answer.own.clear();  // its answer to an unknown path is the same document
  if (const auto* xlog = patroni.if_contains("xlog"); xlog && xlog->is_object()) read_positions(xlog->get_object(), answer);
  if (const auto timeline = number_of(patroni, "timeline")) answer.timeline = static_cast<std::uint32_t>(timeline);
  answer.replication_state = model::text_at(patroni, "replication_state");
  answer.system_id = model::text_at(patroni, "database_system_identifier");
  answer.server_version = static_cast<std::int64_t>(number_of(patroni, "server_version"));
  answer.watchdog_failed = flag_of(patroni, "watchdog_failed");
  answer.pending_restart = flag_of(patroni, "pending_restart");
  answer.failsafe = flag_of(patroni, "failsafe_mode_is_active");
  return answer;
}

const MemberFacts* Facts::find(const std::string& name) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const MemberFacts& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

const MemberFacts* Facts::leader() const { return cluster.leader ? find(cluster.leader->name.text) : nullptr; }

model::Cluster only_this_node(const model::Settings& settings) {
  model::Cluster cluster;
  if (settings.name.empty() || settings.restapi.connect_address.host.empty()) return cluster;
  model::Member member;
  member.name = settings.name;
  member.api_url = settings.restapi.api_url();
  cluster.members[member.name] = member;
  return cluster;
}

Facts gather(Context& context, const std::string& cluster_name, model::Milliseconds probe_timeout) {
  Facts facts{.cluster_name = cluster_name, .at = context.wall_now(), .store_kind = context.settings().uses_embedded_store() ? "embedded" : "etcd3"};
  const auto began = std::chrono::steady_clock::now();
  const auto view = context.try_read(cluster_name);
  facts.store_milliseconds = std::chrono::duration_cast<model::Milliseconds>(std::chrono::steady_clock::now() - began).count();
  if (view) facts.cluster = **view;
  else {
    facts.store_error = view.error().what.empty() ? "no answer" : view.error().what;
    facts.cluster = only_this_node(context.settings());
  }
  facts.store_members = context.store_members();
  for (const auto& view_of_member : model::describe_members(facts.cluster)) {
    facts.members.push_back({view_of_member.member->name.text, *view_of_member.member, view_of_member, {}});
    facts.members.back().view.member = nullptr;
  }
  ask_members(context, facts, probe_timeout);
  facts.at = context.wall_now();
  return facts;
}

}  // namespace matriarch::ctl
