#include "rules/race.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/house.hpp"
#include "rules/schedule.hpp"

namespace matriarch::rules {

using model::Cluster;
using model::Instant;
using model::Lsn;
using model::MemberName;
using model::Milliseconds;
using model::PeerStatus;
using model::Timeline;

// A lost answer to the acquisition, or a guard that moved: look again, then try again.
constexpr Milliseconds kAcquireAgainAfter{300};

Lsn position_in_history(const Cluster& cluster, Lsn lsn, Timeline timeline) {
  if (!cluster.history || !timeline.known()) return lsn;
  for (const auto& line : cluster.history->lines) {
    if (line.timeline == timeline) return std::min(lsn, line.lsn);
  }
  return lsn;
}

// ---- this node -----------------------------------------------------------------------------------------------------

bool watchdog_allows(const Situation& s) {
  return s.seen.settings->watchdog.mode != model::WatchdogMode::kRequired || s.seen.watchdog_healthy;
}

bool is_lagging(const Situation& s, Lsn lsn) {
  const auto allowed = std::max<std::int64_t>(s.seen.dynamic().maximum_lag_on_failover, 0);
  return model::bytes_behind(lsn, cluster(s).status.optime) > static_cast<std::uint64_t>(allowed);
}

bool is_outside_failsafe(const Situation& s) {
  const auto& listed = cluster(s).failsafe;
  return s.seen.dynamic().failsafe_mode && listed && !listed->empty() && !listed->contains(me(s));
}

bool timeline_is_checked(const Situation& s) { return s.seen.dynamic().check_timeline && !in_standby_cluster(s); }

bool my_timeline_is_behind(const Situation& s) { return s.seen.postgres.replica_timeline < cluster(s).timeline(); }

// ---- a request for failover or switchover --------------------------------------------------------------------------

bool request_is_in_force(const Situation& s) {
  const auto& request = cluster(s).failover;
  if (!request || request->schedule_unreadable) return false;
  if (!request->scheduled_at) return true;
  const Schedule schedule = judge_schedule(s, *request->scheduled_at);
  // A serving leader drops a schedule that was missed. For the others what was due stays due: it may take a leader long to stop.
  const bool serves = has_lock(s) && s.seen.postgres.is_primary;
  return schedule == Schedule::kDue || (schedule == Schedule::kStale && !serves);
}

std::string_view action_name(const Situation& s) {
  const auto& request = cluster(s).failover;
  if (!request) return "failover";
  return request->is_switchover() ? "switchover" : "manual failover";
}

// ---- the contest ---------------------------------------------------------------------------------------------------

namespace {

// Members of the last view with a leader, then the failsafe map, then the present view.
Names known_members(const Situation& s) {
  Names names;
  const auto add_reachable = [&](const auto& members) {
    for (const auto& [name, member] : members) {
      if (!member.api_url.empty()) names.insert(name);
    }
  };
  if (s.memory.last_locked_view) add_reachable(s.memory.last_locked_view->members);
  if (s.seen.dynamic().failsafe_mode && cluster(s).failsafe) {
    for (const auto& [name, url] : *cluster(s).failsafe) names.insert(name);
  }
  add_reachable(cluster(s).members);
  names.erase(me(s));
  return names;
}

MemberName former_leader(const Situation& s) {
  if (sync_active(s)) return cluster(s).sync.leader;
  const auto& view = s.memory.last_locked_view;
  return view && view->leader ? view->leader->name : MemberName();
}

Lsn my_position(const Situation& s) {
  const auto& node = s.seen.postgres;
  return s.house.ways.position_in_history(cluster(s), node.lsn, node.received_timeline.known() ? node.received_timeline : node.replica_timeline);
}

Lsn position_of(const Situation& s, const PeerStatus& answer) {
  return s.house.ways.position_in_history(cluster(s), answer.lsn, answer.timeline);
}

bool is_former_sync_leader(const Situation& s, const MemberName& name) { return sync_active(s) && name == cluster(s).sync.leader; }

// A member that cannot reach the store itself would block us for ever by being ahead; its word is good for one ttl.
bool cannot_win_itself(const Situation& s, const PeerStatus& answer) {
  if (sync_active(s) || !answer.dcs_last_seen || s.seen.now - s.memory.leaderless_since <= ttl(s)) return false;
  return s.seen.wall_now - *answer.dcs_last_seen > ttl(s);
}

// Who counts as an opponent: it answered, may be promoted, and could win.
bool is_opponent(const Situation& s, const PeerStatus* answer) {
  return limitation_of(answer).empty() && !cannot_win_itself(s, *answer);
}

template <typename Judge>
std::optional<std::string> first_answer(const Situation& s, const Contest& contest, Judge judge) {
  for (const MemberName& name : contest.asked) {
    const PeerStatus* answer = answer_of(s, name, since_leaderless(s));
    if (!answer || !answer->reachable) continue;
    if (auto sentence = judge(name, *answer)) return sentence;
  }
  return std::nullopt;
}

}  // namespace

Contest contest(const Situation& s) {
  if (!request_is_in_force(s)) return {.asked = known_members(s), .former = former_leader(s)};
  // Asked for: the old leader does not compete, and the last published position may be its shutdown checkpoint.
  Contest requested{.check_lag = false};
  for (const auto& [name, member] : cluster(s).members) {
    const bool may_compete = !sync_active(s) || cluster(s).sync.is_voter(name);
    if (name != me(s) && name != cluster(s).failover->leader && !member.api_url.empty() && may_compete) requested.asked.insert(name);
  }
  return requested;
}

// Whoever it is: also a member that does not compete, such as one tagged nofailover.
std::optional<std::string> primary_still_alive(const Situation& s) {
  for (const auto& [name, unused] : s.seen.peers) {
    const PeerStatus* answer = answer_of(s, name, since_leaderless(s));
    if (answer && answer->reachable && answer->in_recovery == false) return fmt::format("Primary ({}) is still alive", name);
  }
  return std::nullopt;
}

std::optional<std::string> somebody_is_ahead(const Situation& s, const Contest& contest) {
  return first_answer(s, contest, [&](const MemberName& name, const PeerStatus& answer) -> std::optional<std::string> {
    const bool may_be_in_the_race = !sync_active(s) || cluster(s).sync.is_leader_or_voter(name);
    if (!is_opponent(s, &answer) || !may_be_in_the_race || is_former_sync_leader(s, name)) return std::nullopt;
    if (position_of(s, answer) <= my_position(s)) return std::nullopt;
    return fmt::format("Wal position of {} is ahead of my wal position", name);
  });
}

std::optional<std::string> somebody_is_preferred(const Situation& s, const Contest& contest) {
  const int mine = my_tags(s).failover_priority();
  return first_answer(s, contest, [&](const MemberName& name, const PeerStatus& answer) -> std::optional<std::string> {
    const int theirs = answer.tags.failover_priority();
    const bool may_be_in_the_race = !sync_active(s) || cluster(s).sync.is_leader_or_voter(name);
    if (!is_opponent(s, &answer) || !may_be_in_the_race || name == contest.former || theirs <= mine) return std::nullopt;
    if (!answer.lsn.known() || position_of(s, answer) != my_position(s)) return std::nullopt;
    return fmt::format("{} has equally tolerable WAL position and priority {}, while this node has priority {}", name, theirs, mine);
  });
}

std::optional<Instant> worth_waiting_until(const Situation& s, const Contest& contest) {
  const Names silent = without_answer(s, contest.asked, since_leaderless(s));
  if (silent.empty() || !poll_is_under_way(s, since_leaderless(s))) return std::nullopt;
  const bool only_the_old_leader = silent.size() == 1 && silent.contains(former_leader(s));
  const Milliseconds patience = only_the_old_leader || sync_active(s) ? kPatienceWithTheSilent : kPatienceWithReplicas;
  const Instant until = s.seen.peers_asked_at + patience;
  if (s.seen.now >= until) return std::nullopt;
  return until;
}

// |{u in leader + voters: u is me, or u answered, may be promoted and is not ahead of me}| >= quorum + 1, or nobody of
// them is ahead and I am the recorded leader myself.
bool votes_suffice(const Situation& s, const Contest& contest) {
  if (!votes_are_counted(s)) return true;
  const auto& sync = cluster(s).sync;
  int votes = sync.is_leader_or_voter(me(s)) ? 0 : -1;
  bool former_is_ahead = false;
  for (const MemberName& name : contest.asked) {
    const PeerStatus* answer = answer_of(s, name, since_leaderless(s));
    if (!answer || !answer->reachable || !answer->lsn.known() || !sync.is_leader_or_voter(name)) continue;
    const bool is_ahead = position_of(s, *answer) > my_position(s);
    if (is_ahead && is_former_sync_leader(s, name)) former_is_ahead = true;
    // Being unable to be promoted does not take back what a voter proves by its position.
    if (!is_ahead && answer->in_recovery.value_or(false)) ++votes;
  }
  return votes >= sync.quorum || (!former_is_ahead && sync.leader == me(s));
}

// ---- may the leader give way? --------------------------------------------------------------------------------------

namespace {

Names candidates(const Situation& s, bool exclude_candidate) {
  const auto& request = cluster(s).failover;
  const MemberName wanted = request ? request->candidate : MemberName();
  const bool only_the_wanted = !wanted.empty() && !exclude_candidate;
  const bool to_anybody = request && !request->is_switchover();
  Names names;
  for (const auto& [name, member] : cluster(s).members) {
    if (name == me(s) || member.api_url.empty() || member.tags.nofailover()) continue;
    if (exclude_candidate && name == wanted) continue;
    if (only_the_wanted && name != wanted) continue;
    if (sync_active(s) && !to_anybody && !cluster(s).sync.is_voter(name)) continue;
    names.insert(name);
  }
  return names;
}

// Empty: it could take over.
std::string refusal_of(const Situation& s, const MemberName& name, const PeerStatus* answer) {
  if (const auto limitation = limitation_of(answer); !limitation.empty()) return fmt::format("Member {} is {}", name, limitation);
  if (is_lagging(s, answer->lsn)) return fmt::format("Member {} exceeds maximum replication lag", name);
  const Timeline needed = cluster(s).timeline();
  if (s.seen.dynamic().check_timeline && (!answer->timeline.known() || answer->timeline < needed)) {
    return fmt::format("Timeline {} of member {} is behind the cluster timeline {}", answer->timeline, name, needed);
  }
  return {};
}

int needed_successors(const Situation& s, bool exclude_candidate) {
  const auto& request = cluster(s).failover;
  const bool one_is_wanted = request && !request->candidate.empty() && !exclude_candidate;
  return votes_are_counted(s) && !one_is_wanted ? cluster(s).sync.quorum + 1 : 1;
}

}  // namespace

Successors successors(const Situation& s, bool exclude_candidate) {
  const Names asked = candidates(s, exclude_candidate);
  if (asked.empty()) return {.notes = {fmt::format("{}: candidates list is empty", action_name(s))}};
  const Instant since = unlocked(s) ? since_leaderless(s) : since_lately(s);
  Successors result;
  int good = 0;
  for (const MemberName& name : asked) {
    const PeerStatus* answer = answer_of(s, name, since);
    if (!answer) continue;
    std::string refusal = refusal_of(s, name, answer);
    if (refusal.empty()) ++good;
    else result.notes.push_back(std::move(refusal));
  }
  const int needed = needed_successors(s, exclude_candidate);
  if (good >= needed) return {.answer = Successors::Answer::kYes};
  if (poll_is_under_way(s, since)) return {.answer = Successors::Answer::kWait};
  if (!without_answer(s, asked, since).empty()) return {.answer = Successors::Answer::kAsk, .ask = asked};
  if (needed > 1) result.notes.push_back(fmt::format("Quorum requirement {} can not be reached", needed - 1));
  return result;
}

// ---- plans that many rows share ------------------------------------------------------------------------------------

bool asked_for_the_lock_already(const Situation& s) {
  return s.memory.acquire_asked_at != Instant{} && s.seen.now < s.memory.acquire_asked_at + kAcquireAgainAfter &&
         s.memory.acquire_asked_on == cluster(s).revision;
}

// The versions of /sync and /failover that the decision was based on go along: if one moved, the race is judged again.
Plan acquire(const Situation& s, std::string says) {
  model::AcquireLease guards;
  if (sync_requested(s)) guards.sync_revision = cluster(s).sync.revision;
  guards.failover_revision = cluster(s).failover_revision;
  return {.actions = {guards},
          .says = std::move(says),
          .keep_lease = true,
          .wake_at = s.seen.now + kAcquireAgainAfter,
          .memory = remembering(s, [&](model::Memory& memory) {
            memory.acquire_asked_at = s.seen.now;
            memory.acquire_asked_on = cluster(s).revision;
            memory.sync_revision_won_on = cluster(s).sync.revision;
          })};
}

Plan take_over_own_key(const Situation& s) {
  Plan plan = acquire(s, "taking over the leader lock of an earlier run of this agent");
  plan.actions = {model::AcquireLease{.only_if_ours = true}};
  return plan;
}

Plan stand_back(const Situation& s, std::string says, std::string note) {
  Plan plan{.says = std::move(says), .next = "following", .wake_at = s.seen.now + kAskAgainAfter};
  const bool answers_are_old = s.seen.peers_complete && s.seen.now >= s.seen.peers_asked_at + kAskAgainAfter;
  if (unlocked(s) && answers_are_old) plan.needs.poll_peers = contest(s).asked;
  if (!note.empty()) plan.notes.push_back(std::move(note));
  return plan;
}

}  // namespace matriarch::rules
