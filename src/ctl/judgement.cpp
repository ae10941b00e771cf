#include "ctl/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "ctl/output.hpp"
#include "model/quantity.hpp"
#include "model/timestamp.hpp"
#include "settings/dynamic.hpp"

namespace matriarch::ctl {
namespace {

using model::Lsn;
using model::SynchronousMode;

const boost::json::object& configuration(const Facts& facts) {
  static const boost::json::object kNone;
  return facts.cluster.config ? facts.cluster.config->document : kNone;
}

std::int64_t maximum_lag(const Facts& facts) {
  const auto* value = configuration(facts).if_contains("maximum_lag_on_failover");
  return value ? model::parse_integer(cell_text(*value), "B").value_or(1048576) : 1048576;
}

// The furthest position of the leader that anybody knows.
Lsn leader_position(const Facts& facts) {
  Lsn position = facts.cluster.status.optime;
  if (const auto* leader = facts.leader()) position = std::max({position, leader->live.location, leader->live.received});
  return position;
}

Lsn received_by(const MemberFacts& member) { return std::max(member.live.received, member.live.replayed); }

Gate gate(std::string name, bool ok, std::string says) { return {std::move(name), ok, std::move(says)}; }

void add_sync_gate(const Facts& facts, const MemberFacts& member, Candidate& candidate) {
  if (model::modes_of(facts.cluster).synchronous == SynchronousMode::kOff || !facts.cluster.sync.active()) return;
  const bool listed = facts.cluster.sync.is_leader_or_voter(member.stored.name);
  candidate.gates.push_back(gate("sync", listed, listed ? "may have every commit" : "is not a synchronous standby: it may lack commits that were confirmed"));
}

Candidate examine(const Facts& facts, const MemberFacts& member) {
  Candidate candidate{.name = member.name};
  auto& gates = candidate.gates;
  gates.push_back(gate("reachable", member.live.there, member.live.there ? "answers" : "does not answer: " + member.live.error));
  const bool excluded = member.stored.tags.nofailover();
  gates.push_back(gate("nofailover", !excluded, excluded ? "tagged nofailover" : "may be promoted"));
  add_sync_gate(facts, member, candidate);
  if (!member.live.there) return candidate;
  gates.push_back(gate("running", member.live.has_positions, member.live.has_positions ? "PostgreSQL runs" : fmt::format("PostgreSQL is {}", member.live.state)));
  if (member.live.watchdog_failed) gates.push_back(gate("watchdog", false, "its watchdog is required and not usable"));
  if (member.live.replay_paused) gates.push_back(gate("replay", false, "replay is paused"));
  if (!member.live.has_positions) return candidate;
  const auto behind = model::bytes_behind(received_by(member), leader_position(facts));
  candidate.loss_bytes = behind;
  const auto limit = maximum_lag(facts);
  const bool close = limit < 0 || behind <= static_cast<std::uint64_t>(limit);
  gates.push_back(gate("lag", close, fmt::format("{} behind the last known position of the primary (limit {}, maximum_lag_on_failover)", bytes_text(behind),
                                                 bytes_text(static_cast<std::uint64_t>(std::max<std::int64_t>(limit, 0))))));
  return candidate;
}

std::vector<Candidate> examine_all(const Facts& facts) {
  std::vector<Candidate> candidates;
  for (const auto& member : facts.members) {
    if (!facts.cluster.is_led_by(member.stored.name)) candidates.push_back(examine(facts, member));
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.eligible() != b.eligible()) return a.eligible();
    return a.loss_bytes.value_or(UINT64_MAX) < b.loss_bytes.value_or(UINT64_MAX);
  });
  return candidates;
}

class Findings {
 public:
  explicit Findings(const Facts& facts) : facts_(facts), modes_(model::modes_of(facts.cluster)) {}

  std::vector<Cause> collect(const std::vector<Candidate>& candidates) {
    split_brain();
    no_leader();
    store();
    dynamic_configuration();
    risks(candidates);
    for (const auto& member : facts_.members) warnings_of(member);
    cluster_warnings();
    std::stable_sort(causes_.begin(), causes_.end(), [](const Cause& a, const Cause& b) { return a.weight < b.weight; });
    return std::move(causes_);
  }

 private:
  void add(Verdict weight, std::string code, std::string member, std::string text) {
    causes_.push_back({weight, std::move(code), std::move(member), std::move(text)});
  }

  void split_brain() {
    std::map<std::string, std::vector<std::string>> primaries;
    std::set<std::string> systems;
    for (const auto& member : facts_.members) {
      if (!member.live.system_id.empty()) systems.insert(member.live.system_id);
      if (member.live.runs_as_primary()) primaries[member.live.system_id].push_back(member.name);
    }
    for (const auto& [system, names] : primaries) {
      if (names.size() > 1) add(Verdict::kSplit, "two_primaries", names.back(), fmt::format("{} all run as primaries", fmt::join(names, ", ")));
    }
    if (systems.size() > 1) add(Verdict::kRisk, "system_identifiers_differ", "", "members belong to different clusters (system identifiers differ)");
  }

  void no_leader() {
    if (!facts_.store_answered()) return;
    if (!facts_.cluster.leader) return add(Verdict::kDown, "no_leader_key", "", "nobody holds the leader key");
    const std::string name = facts_.cluster.leader->name.text;
    const auto* leader = facts_.leader();
    if (!leader) return add(Verdict::kDown, "leader_without_member", name, "holds the leader key but has no member key");
    if (!leader->live.there) return add(Verdict::kDown, "leader_unreachable", name, "holds the leader key and does not answer: " + leader->live.error);
    if (leader->live.state != "running") return add(Verdict::kDown, "leader_not_running", name, "holds the leader key, but PostgreSQL is " + leader->live.state);
    if (leader->live.in_recovery != modes_.standby_cluster) {
      add(Verdict::kDown, "leader_in_recovery", name, modes_.standby_cluster ? "leads a standby cluster but is not in recovery" : "holds the leader key but is in recovery");
    }
  }

  void store() {
    if (!facts_.store_answered()) add(Verdict::kRisk, "store_unreachable", "", fmt::format("{} does not answer: {}", facts_.store_kind, facts_.store_error));
    if (!facts_.store_members) return;
    const auto& members = *facts_.store_members;
    if (members.answered && !members.silent_voters.empty()) add(Verdict::kRisk, "store_voter_silent", "", describe(members));
    for (const auto& name : members.silent_others) add(Verdict::kWarn, "store_member_silent", "", fmt::format("the store's member {} does not answer", name));
  }

  // What no node accepts leaves the document before in force, on nodes that have seen it; a new one has the defaults.
  void dynamic_configuration() {
    const auto limits = facts_.store_kind == "embedded" ? settings::TimingLimits::kEmbedded : settings::TimingLimits::kPatroni;
    const auto accepted = settings::accept_dynamic(configuration(facts_), limits);
    if (!accepted) {
      add(Verdict::kRisk, "configuration_refused", "", fmt::format("no node accepts the dynamic configuration, so that an earlier one is in force: {}", settings::to_sentence(accepted.error().front())));
    } else if (!accepted->fallbacks.empty()) {
      add(Verdict::kWarn, "configuration_doubtful", "", fmt::format("in the dynamic configuration {}", settings::to_sentence(accepted->fallbacks.front())));
    }
  }

  void risks(const std::vector<Candidate>& candidates) {
    const bool others = facts_.members.size() > 1;
    const bool nobody = std::none_of(candidates.begin(), candidates.end(), [](const Candidate& candidate) { return candidate.eligible(); });
    if (facts_.store_answered() && others && nobody) add(Verdict::kRisk, "no_candidate", "", "nobody could take over now");
    for (const auto& member : facts_.members) {
      if (member.live.failsafe) return add(Verdict::kRisk, "failsafe_active", member.name, "failsafe mode is active");
    }
  }

  void warnings_of(const MemberFacts& member) {
    const bool leads = facts_.cluster.is_led_by(member.stored.name);
    if (!leads && !member.live.there) return add(Verdict::kWarn, "member_unreachable", member.name, "does not answer: " + member.live.error);
    if (member.live.pending_restart) add(Verdict::kWarn, "pending_restart", member.name, "needs a restart to take changed settings over");
    if (leads || !member.live.there) return;
    if (member.live.state != "running") add(Verdict::kWarn, "member_not_running", member.name, "PostgreSQL is " + member.live.state);
    else if (member.live.replication_state != "streaming") {
      add(Verdict::kWarn, "not_streaming", member.name, member.live.replication_state.empty() ? "has no source of WAL" : "is " + member.live.replication_state);
    }
    const auto* leader = facts_.leader();
    if (leader && leader->live.timeline && member.live.timeline && *leader->live.timeline != *member.live.timeline) {
      add(Verdict::kWarn, "timeline_differs", member.name, fmt::format("is on timeline {}, the leader on {}", *member.live.timeline, *leader->live.timeline));
    }
  }

  void cluster_warnings() {
    if (modes_.paused) add(Verdict::kWarn, "paused", "", "automatic failover is off (paused)");
    if (modes_.synchronous != SynchronousMode::kOff && facts_.store_answered() && facts_.cluster.sync.voters.empty()) {
      add(Verdict::kWarn, "no_sync_standby", "", "synchronous replication is on, but there is no synchronous standby");
    }
    const auto& failover = facts_.cluster.failover;
    if (failover && failover->scheduled_at && *failover->scheduled_at < facts_.at + std::chrono::hours{1}) {
      add(Verdict::kWarn, "switchover_due", failover->leader.text, "a switchover is scheduled at " + model::format_timestamp(*failover->scheduled_at));
    }
    std::set<std::int64_t> majors;
    for (const auto& member : facts_.members) {
      if (member.live.server_version) majors.insert(member.live.server_version / (member.live.server_version < 100000 ? 100 : 10000));
    }
    if (majors.size() > 1) add(Verdict::kWarn, "mixed_versions", "", "members run different major versions of PostgreSQL");
  }

  const Facts& facts_;
  model::ClusterModes modes_;
  std::vector<Cause> causes_;
};

std::string guarantee_of(const Facts& facts) {
  const auto modes = model::modes_of(facts.cluster);
  std::vector<std::string> voters;
  for (const auto& name : facts.cluster.sync.voters) voters.push_back(name.text);
  if (modes.synchronous == SynchronousMode::kOff) {
    return fmt::format("asynchronous: a failover may lose what the new primary has not received, at most {}", bytes_text(static_cast<std::uint64_t>(std::max<std::int64_t>(maximum_lag(facts), 0))));
  }
  if (voters.empty()) return "synchronous replication is on, but no standby confirms commits now: a failover may lose commits";
  const std::string names = fmt::format("{}", fmt::join(voters, ", "));
  if (modes.synchronous == SynchronousMode::kOn) {
    return voters.size() == 1 ? fmt::format("one standby may be lost without losing a commit: every commit is on the primary and on {}", names)
                              : fmt::format("every commit is on the primary and on {}: all but one of them may be lost without losing a commit", names);
  }
  const auto confirmations = static_cast<int>(voters.size()) - facts.cluster.sync.quorum;
  return fmt::format("every commit is on the primary and on {} of {}: {} may be lost without losing a commit", confirmations, names,
                     confirmations == 1 ? "one node" : fmt::format("{} nodes", confirmations));
}

std::vector<std::string> next_steps(const Facts& facts, const Judgement& judgement, std::string_view program) {
  std::vector<std::string> steps;
  const auto has = [&](std::string_view code) {
    return std::any_of(judgement.causes.begin(), judgement.causes.end(), [&](const Cause& cause) { return cause.code == code; });
  };
  const auto& name = facts.cluster_name;
  if (judgement.verdict == Verdict::kSplit) steps.push_back("keep clients away from all but the one that holds the leader key, then stop the others");
  if (judgement.verdict == Verdict::kDown) {
    steps.push_back(fmt::format("{} why-no-leader {}", program, name));
    for (const auto& candidate : judgement.candidates) {
      if (!candidate.loss_bytes) continue;
      steps.push_back(fmt::format("{} failover {} --candidate {}        (may lose up to {})", program, name, candidate.name, bytes_text(*candidate.loss_bytes)));
      break;
    }
  }
  if (has("store_voter_silent") || (has("store_unreachable") && facts.store_kind == "embedded")) steps.push_back(fmt::format("{} store status", program));
  if (has("configuration_refused")) steps.push_back(fmt::format("{} edit-config {}", program, name));
  if (has("paused")) steps.push_back(fmt::format("{} resume {}        (when the maintenance is over)", program, name));
  if (has("pending_restart")) steps.push_back(fmt::format("{} restart {} --pending", program, name));
  return steps;
}

}  // namespace

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSplit: return "SPLIT";
    case Verdict::kDown: return "DOWN";
    case Verdict::kRisk: return "RISK";
    case Verdict::kWarn: return "WARN";
    case Verdict::kOk: return "OK";
    case Verdict::kUnknown: return "UNKNOWN";
  }
  return "UNKNOWN";
}

int exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSplit:
    case Verdict::kDown: return 2;
    case Verdict::kRisk:
    case Verdict::kWarn: return 1;
    case Verdict::kOk: return 0;
    case Verdict::kUnknown: return 3;
  }
  return 3;
}

bool Candidate::eligible() const {
  return std::all_of(gates.begin(), gates.end(), [](const Gate& gate) { return gate.ok; });
}

Judgement judge(const Facts& facts, std::string_view program) {
  Judgement judgement;
  const bool anybody = std::any_of(facts.members.begin(), facts.members.end(), [](const MemberFacts& member) { return member.live.there; });
  judgement.candidates = examine_all(facts);
  judgement.causes = Findings(facts).collect(judgement.candidates);
  judgement.verdict = judgement.causes.empty() ? Verdict::kOk : judgement.causes.front().weight;
  if (!facts.store_answered() && !anybody) judgement.verdict = Verdict::kUnknown;
  judgement.guarantee = guarantee_of(facts);
  judgement.next = next_steps(facts, judgement, program);
  return judgement;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  const bool whole = unit == 0 || value >= 100 || value == static_cast<double>(static_cast<std::uint64_t>(value));
  return whole ? fmt::format("{:.0f} {}", value, kUnits[unit]) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace matriarch::ctl
