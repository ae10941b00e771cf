#include "rest/health.hpp"

#include <algorithm>

#include "model/json_text.hpp"
#include "model/quantity.hpp"
#include "rest/tags.hpp"

namespace matriarch::rest {
namespace {

constexpr unsigned kGood = 200, kBad = 503;
unsigned code(bool good) { return good ? kGood : kBad; }

// What one reading means for each kind of backend.
struct Verdict {
  bool leader = false, primary = false, standby_leader = false, replica = false;
  bool serves_reads() const { return primary || standby_leader || replica; }
};

// `ahead` - `behind` > `limit`, for any sign of either side.
bool trails_by_more_than(model::Lsn behind, model::Lsn ahead, std::int64_t limit) {
  if (ahead >= behind) return limit < 0 || ahead.value - behind.value > static_cast<std::uint64_t>(limit);
  return limit < 0 && static_cast<std::uint64_t>(-(limit + 1)) + 1 > behind.value - ahead.value;
}

// An unreadable limit is no limit: answering 400 instead would take every replica out of a load balancer.
bool is_lagging(const NodeStatus& status, const Target& target) {
  const auto text = target.parameter("lag");
  const auto limit = text ? model::parse_integer(*text, "B") : std::nullopt;
  if (!limit || !status.leader_lsn.known()) return false;
  return trails_by_more_than(status.replayed, status.leader_lsn, *limit);
}

bool replicates_as_asked(const NodeStatus& status, const Target& target) {
  const auto wanted = target.parameter("replication_state");
  return !wanted || *wanted == status.replication_state;
}

Verdict judge(const NodeStatus& status, const Target& target) {
  if (status.shutting_down) return {};
  Verdict verdict;
  verdict.replica = !status.noloadbalance && status.role == "replica" && status.state == "running" && !is_lagging(status, target) &&
                    replicates_as_asked(status, target);
  if (!status.store_available && status.paused) {  // by role alone: in pause nobody is demoted for a lost store
    verdict.primary = status.role == "primary";
    verdict.standby_leader = status.role == "standby_leader";
    verdict.leader = verdict.primary || verdict.standby_leader;
  } else if (status.holds_lease) {
    verdict.leader = true;
    verdict.primary = !status.standby_cluster;
    verdict.standby_leader = status.standby_cluster && (status.role == "replica" || status.role == "standby_leader");
    verdict.replica = verdict.replica && !status.standby_cluster;
  }
  return verdict;
}

std::string text_of_tag(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return model::write_json(value, model::JsonSpacing::kSpaced);
}

bool tags_match(const model::Tags& tags, const Target& target) {
  const auto own = effective_tags(tags);
  return std::all_of(target.query.begin(), target.query.end(), [&](const auto& parameter) {
    if (!parameter.first.starts_with("tag_")) return true;
    const auto* value = own.if_contains(parameter.first.substr(4));
    return value && !value->is_null() && text_of_tag(*value) == parameter.second;
  });
}

struct Judged {
  bool good = false;
  bool tags_apply = true;
};

// Load balancers rely on these being substrings: "/healthz", "/replica/", "/foo/leader" all work.
Judged judge_by_substring(std::string_view path, const NodeStatus& status, const Verdict& verdict, bool& matched) {
  const auto has = [&](std::string_view part) { return path.find(part) != std::string_view::npos; };
  matched = true;
  if (has("standby_leader") || has("standby-leader")) return {verdict.standby_leader, false};
  if (has("leader")) return {verdict.leader, false};
  if (has("master") || has("primary") || has("read-write")) return {verdict.primary, false};
  if (has("replica")) return {verdict.replica};
  if (has("read-only") && !has("sync") && !has("quorum")) return {verdict.serves_reads()};
  if (has("health")) return {status.state == "running" && !status.shutting_down};
  matched = false;
  return {};
}

Judged judge_by_name(std::string_view path, const NodeStatus& status, const Verdict& verdict) {
  if (!status.store_available) return {};
  const bool leads = verdict.primary || verdict.standby_leader;
  if (path == "/sync" || path == "/synchronous") return {verdict.replica && status.is_sync_standby};
  if (path == "/quorum") return {verdict.replica && status.is_quorum_standby};
  if (path == "/async" || path == "/asynchronous") {
    return {verdict.replica && !status.is_sync_standby && !status.is_quorum_standby};
  }
  if (path == "/read-only-quorum") return {leads || (verdict.replica && status.is_quorum_standby)};
  if (path == "/read-only-sync" || path == "/read-only-synchronous") return {leads || (verdict.replica && status.is_sync_standby)};
  return {};
}

}  // namespace

unsigned health_code(const NodeStatus& status, const model::Tags& tags, const Target& target) {
  const std::string_view path = target.path == "/" || target.path.empty() ? "/primary" : std::string_view(target.path);
  const Verdict verdict = judge(status, target);
  bool matched = false;
  Judged judged = judge_by_substring(path, status, verdict, matched);
  if (!matched) judged = judge_by_name(path, status, verdict);
  return code(judged.good && (!judged.tags_apply || tags_match(tags, target)));
}

bool needs_positions(const Target& target) { return target.parameter("lag") || target.parameter("replication_state"); }

unsigned liveness_code(const Reading& reading, model::Instant started_at) {
  const auto& timing = reading.dynamic().timing;
  if (reading.dynamic().pause) return kGood;
  const auto& node = *node_of(reading.snapshot);
  const bool serves = node.is_running && node.role == model::PostgresRole::kPrimary;
  const auto next_look = reading.snapshot ? reading.snapshot->decided_at + timing.loop_wait : started_at;
  return code(next_look + timing.ttl * (serves ? 1 : 2) > reading.now);
}

unsigned readiness_code(const Reading& reading, const NodeStatus& status, const Target& target) {
  if (status.shutting_down) return kBad;
  if (status.holds_lease) return kGood;
  if (status.state != "running" || status.replication_state != "streaming") return kBad;
  if (!status.store_available && !reading.postgres->latest_end.known()) return code(status.failsafe_active);
  const auto lag = target.parameter("lag");
  const auto given = lag ? model::parse_integer(*lag, "B") : std::nullopt;
  const auto limit = given.value_or(reading.dynamic().maximum_lag_on_failover);
  const auto position = target.parameter("mode") == "write" ? status.received : status.replayed;
  return code(!trails_by_more_than(position, status.leader_lsn, limit));
}

}  // namespace matriarch::rest
