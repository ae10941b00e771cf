#include "ctl/status_report.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "ctl/output.hpp"
#include "ctl/text_width.hpp"
#include "model/letter_case.hpp"
#include "model/timestamp.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

std::string postgres_text(const Facts& facts) {
  for (const auto& member : facts.members) {
    if (const auto number = member.live.server_version) {
      return number < 100000 ? fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100) : fmt::format("{}.{}", number / 10000, number % 10000);
    }
  }
  return "?";
}

// When the present leader took over: its last line in the history.
std::optional<model::WallTime> leader_since(const Facts& facts) {
  if (!facts.cluster.leader || !facts.cluster.history || facts.cluster.history->lines.empty()) return std::nullopt;
  const auto& last = facts.cluster.history->lines.back();
  if (last.new_leader != facts.cluster.leader->name.text) return std::nullopt;
  return model::parse_timestamp(last.timestamp);
}

std::string since_text(const Facts& facts) {
  const auto since = leader_since(facts);
  if (!since) return {};
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(facts.at - *since);
  return fmt::format(" since {} UTC ({})", model::format_timestamp(*since, std::chrono::minutes{0}, ' ').substr(0, 16), duration_text(std::max(age, std::chrono::seconds{0})));
}

std::string head_line(const Facts& facts, const Judgement& judgement) {
  const auto timeline = facts.leader() ? facts.leader()->live.timeline : std::nullopt;
  const std::string who = facts.cluster.leader ? fmt::format("{} {}{}", model::modes_of(facts.cluster).standby_cluster ? "standby leader" : "primary", facts.cluster.leader->name, since_text(facts))
                          : facts.store_answered() ? std::string("no leader")
                                                   : std::string("leader not known");
  const std::string store = facts.store_answered() ? fmt::format("{} ok {} ms", facts.store_kind, facts.store_milliseconds) : fmt::format("{} unreachable", facts.store_kind);
  return fmt::format("{}  {:<7}  {}   PostgreSQL {}   TL {}   {}\n", facts.cluster_name, to_text(judgement.verdict), who, postgres_text(facts),
                     timeline ? fmt::format("{}", *timeline) : "?", store);
}

std::string labelled(std::string_view label, const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) text += fmt::format("  {:<9}{}\n", i == 0 ? label : "", lines[i]);
  return text;
}

const json::object* section(const MemberFacts& member, std::string_view key) {
  const auto* value = member.live.own.if_contains(key);
  return value && value->is_object() ? &value->get_object() : nullptr;
}

std::optional<double> lease_margin(const MemberFacts& member) {
  const auto* lease = section(member, "lease");
  const auto* margin = lease ? lease->if_contains("margin_seconds") : nullptr;
  return margin && margin->is_double() ? std::optional(margin->get_double()) : std::nullopt;
}

// Silence is no proof: the leader may serve those who can reach it.
std::string not_known_from_here(const Facts& facts) {
  for (const auto& member : facts.members) {
    if (member.live.runs_as_primary()) return fmt::format("not known from here: {} runs as a primary, for as long as its lease lasts", member.name);
  }
  const bool store_is_there = facts.store_members && facts.store_members->answered && !facts.store_members->has_leader;
  if (!facts.store_answered()) return fmt::format("not known from here: {}", store_is_there ? "the store has no majority" : "the store does not answer");
  return fmt::format("not known from here: {} holds the leader key and does not answer", facts.cluster.leader->name);
}

std::string writes_line(const Facts& facts) {
  const auto* leader = facts.leader();
  if (!facts.store_answered() && !leader) return not_known_from_here(facts);
  if (leader && !leader->live.there) return not_known_from_here(facts);
  if (!leader || !leader->live.runs_as_primary()) return model::modes_of(facts.cluster).standby_cluster ? "none: a standby cluster" : "not possible";
  const auto margin = lease_margin(*leader);
  return fmt::format("possible on {}{}", leader->name, margin ? fmt::format(" (lease valid for {:.1f} s more)", *margin) : "");
}

std::string failover_line(const Judgement& judgement) {
  std::string ready;
  for (const auto& candidate : judgement.candidates) {
    if (!candidate.eligible()) continue;
    ready += fmt::format("{}{}{}", ready.empty() ? "ready: " : ", then ", candidate.name, candidate.loss_bytes ? fmt::format(" ({} behind)", bytes_text(*candidate.loss_bytes)) : "");
  }
  return ready.empty() ? "nobody is ready to take over" : ready;
}

std::string blocked_line(const Candidate& candidate) {
  std::string why;
  for (const auto& gate : candidate.gates) {
    if (!gate.ok) why += (why.empty() ? "" : "; ") + gate.says;
  }
  return fmt::format("{}  {}", candidate.name, why);
}

std::string role_text(const MemberFacts& member) {
  switch (member.view.role) {
    case model::MemberRole::kLeader: return "primary";
    case model::MemberRole::kStandbyLeader: return "leader";
    case model::MemberRole::kSyncStandby: return "sync";
    case model::MemberRole::kQuorumStandby: return "quorum";
    case model::MemberRole::kReplica: return "replica";
  }
  return "replica";
}

std::string state_text(const MemberFacts& member) {
  if (!member.live.there) return "missing";
  return member.live.replication_state.empty() ? member.live.state : member.live.replication_state;
}

std::string notes_of(const MemberFacts& member) {
  std::string notes;
  const auto add = [&](const std::string& note) { notes += (notes.empty() ? "" : ", ") + note; };
  if (!member.live.there) add(member.live.error);
  if (member.stored.tags.nofailover()) add("nofailover");
  if (member.live.pending_restart) add("pending restart");
  if (const auto upstream = member.stored.tags.replicatefrom()) add("follows " + upstream->text);
  if (const auto* task = section(member, "task")) {
    const auto text = [&](const char* key) { return task->contains(key) ? cell_text(task->at(key)) : std::string(); };
    add(text("kind") + (text("progress").empty() ? "" : ": " + text("progress")));
  }
  if (member.live.there && !member.live.is_matriarch) add("Patroni " + member.live.version);
  return notes;
}

std::string behind_text(const Facts& facts, const MemberFacts& member, const Judgement& judgement) {
  if (facts.cluster.is_led_by(member.stored.name)) return "-";
  const auto found = std::find_if(judgement.candidates.begin(), judgement.candidates.end(), [&](const Candidate& candidate) { return candidate.name == member.name; });
  return found != judgement.candidates.end() && found->loss_bytes ? bytes_text(*found->loss_bytes) : "?";
}

std::string member_rows(const Facts& facts, const Judgement& judgement) {
  std::vector<std::vector<std::string>> rows{{"MEMBER", "ROLE", "STATE", "BEHIND", "NOTES"}};
  for (const auto& member : facts.members) rows.push_back({member.name, role_text(member), state_text(member), behind_text(facts, member, judgement), notes_of(member)});
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], text_width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) line += " " + pad(row[i], widths[i]) + " ";
    while (line.ends_with(' ')) line.pop_back();
    text += line + "\n";
  }
  return text;
}

json::value or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }
json::value lsn_or_null(model::Lsn lsn) { return lsn.known() ? json::value(model::format_lsn(lsn)) : json::value(nullptr); }

json::object member_json(const MemberFacts& member, const Judgement& judgement) {
  const auto& live = member.live;
  json::object row{{"name", member.name}, {"role", to_text(member.view.role)}, {"state", or_null(live.there ? state_text(member) : member.view.state)}};
  row["host"] = member.view.address ? json::value(member.view.address->host) : json::value(nullptr);
  row["port"] = member.view.address ? json::value(member.view.address->port) : json::value(nullptr);
  row["timeline"] = live.timeline ? json::value(*live.timeline) : json::value(nullptr);
  row["receive_lsn"] = lsn_or_null(live.received);
  row["replay_lsn"] = lsn_or_null(live.replayed);
  row["receive_lag_bytes"] = nullptr;
  row["live"] = live.there;
  row["error"] = or_null(live.error);
  row["pending_restart"] = live.pending_restart;
  row["tags"] = member.stored.tags.custom;
  json::array gates;
  for (const auto& candidate : judgement.candidates) {
    if (candidate.name != member.name) continue;
    if (candidate.loss_bytes) row["receive_lag_bytes"] = *candidate.loss_bytes;
    for (const auto& gate : candidate.gates) gates.push_back({{"gate", gate.name}, {"ok", gate.ok}, {"text", gate.says}});
  }
  row["gates"] = std::move(gates);
  row["agent"] = !live.there ? json::value(nullptr) : json::value(live.is_matriarch ? "matriarch" : "patroni");
  row["agent_version"] = or_null(live.version);
  const auto margin = lease_margin(member);
  row["lease_margin_seconds"] = margin ? json::value(*margin) : json::value(nullptr);
  return row;
}

}  // namespace

std::string duration_text(std::chrono::seconds duration) {
  const auto days = duration / std::chrono::days{1};
  const auto hours = duration % std::chrono::days{1} / std::chrono::hours{1};
  const auto minutes = duration % std::chrono::hours{1} / std::chrono::minutes{1};
  if (days >= 2) return fmt::format("{} d", days);
  if (days * 24 + hours) return fmt::format("{} h {} min", days * 24 + hours, minutes);
  if (minutes) return fmt::format("{} min", minutes);
  return fmt::format("{} s", duration.count());
}

std::string status_text(const Facts& facts, const Judgement& judgement, const std::vector<RecentEvent>& events) {
  std::string text = head_line(facts, judgement);
  std::vector<std::string> because;
  for (const auto& cause : judgement.causes) because.push_back(cause.member.empty() ? cause.text : fmt::format("{} {}", cause.member, cause.text));
  text += labelled("because", because);
  text += labelled("writes", {writes_line(facts)});
  if (facts.store_answered()) {
    text += labelled("commits", {judgement.guarantee});
    if (facts.members.size() > 1) text += labelled("failover", {failover_line(judgement)});
    std::vector<std::string> blocked;
    for (const auto& candidate : judgement.candidates) {
      if (!candidate.eligible()) blocked.push_back(blocked_line(candidate));
    }
    text += labelled("blocked", blocked);
  }
  if (!facts.members.empty()) text += member_rows(facts, judgement);
  std::vector<std::string> last;
  for (const auto& event : events) last.push_back(fmt::format("{}  {}  {}  {}", event.at, event.member, event.kind, event.text));
  text += labelled("events", last);
  std::vector<std::string> next;
  for (std::size_t i = 0; i < judgement.next.size(); ++i) next.push_back(fmt::format("{}. {}", i + 1, judgement.next[i]));
  return text + labelled("next", next);
}

json::object status_json(const Facts& facts, const Judgement& judgement) {
  json::object document{{"schema", "matriarch.status/1"}, {"generated_at", model::format_timestamp(facts.at)}, {"cluster", facts.cluster_name}, {"group", nullptr},
                        {"verdict", model::lower(std::string(to_text(judgement.verdict)))}};
  json::array because;
  for (const auto& cause : judgement.causes) because.push_back({{"code", cause.code}, {"member", or_null(cause.member)}, {"text", cause.text}});
  document["because"] = std::move(because);
  document["next"] = json::array(judgement.next.begin(), judgement.next.end());
  document["system_identifier"] = facts.cluster.system_id() ? json::value(facts.cluster.system_id()->text) : json::value(nullptr);
  const auto* leader = facts.leader();
  document["timeline"] = leader && leader->live.timeline ? json::value(*leader->live.timeline) : json::value(nullptr);
  document["leader"] = facts.cluster.leader ? json::value(facts.cluster.leader->name.text) : json::value(nullptr);
  const auto since = leader_since(facts);
  document["leader_since"] = since ? json::value(model::format_timestamp(*since)) : json::value(nullptr);
  const auto modes = model::modes_of(facts.cluster);
  document["pause"] = {{"on", modes.paused}};
  const bool scheduled = facts.cluster.failover && facts.cluster.failover->scheduled_at;
  document["scheduled_switchover"] = scheduled ? json::value(model::format_timestamp(*facts.cluster.failover->scheduled_at)) : json::value(nullptr);
  document["synchronous_mode"] = modes.synchronous == model::SynchronousMode::kOff ? "off" : modes.synchronous == model::SynchronousMode::kOn ? "on" : "quorum";
  document["guarantee"] = judgement.guarantee;
  document["store"] = {{"kind", facts.store_kind}, {"ok", facts.store_answered()}, {"latency_ms", facts.store_milliseconds}, {"error", or_null(facts.store_error)}};
  if (facts.store_members) {
    const auto& silent = facts.store_members->silent_voters;
    document["store"].get_object()["voters"] = facts.store_members->voters;
    document["store"].get_object()["silent_voters"] = json::array(silent.begin(), silent.end());
  }
  const bool possible = !judgement.candidates.empty() && judgement.candidates.front().eligible();
  const auto* best = judgement.candidates.empty() ? nullptr : &judgement.candidates.front();
  document["failover"] = {{"possible", possible}, {"best", best ? json::value(best->name) : json::value(nullptr)},
                          {"loss_bytes", best && best->loss_bytes ? json::value(*best->loss_bytes) : json::value(nullptr)}};
  json::array members;
  for (const auto& member : facts.members) members.push_back(member_json(member, judgement));
  document["members"] = std::move(members);
  return document;
}

}  // namespace matriarch::ctl
