// The race itself: every reason why this standby is not the one, then the lock.
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Milliseconds;

constexpr const char* kNotHealthiest = "following a different leader because i am not the healthiest node";
constexpr const char* kPromoted = "promoted self to leader by acquiring session lock";
constexpr const char* kPromotedStandbyLeader = "promoted self to a standby leader by acquiring session lock";

// ---- without a request ---------------------------------------------------------------------------------------------

bool position_is_old(const Situation& s) {
  return !s.seen.postgres.query_failed && s.seen.postgres.observed_at < s.memory.leaderless_since;
}
Plan measure(const Situation& s) {
  Plan plan{.says = "measuring my wal position before the leader race", .needs = {.fresh_positions = true}, .wake_at = s.seen.now + Milliseconds(200)};
  // The others are asked meanwhile.
  if (must_ask(s, contest(s).asked, since_leaderless(s))) plan.needs.poll_peers = contest(s).asked;
  return plan;
}

bool server_is_mute(const Situation& s) { return s.seen.postgres.query_failed; }
Plan stand_back_mute(const Situation& s) {
  Plan plan = stand_back(s, kNotHealthiest, "PostgreSQL does not answer queries");
  plan.needs.fresh_positions = true;
  return plan;
}

bool lags(const Situation& s) { return contest(s).check_lag && is_lagging(s, s.seen.postgres.lsn); }
Plan stand_back_lagging(const Situation& s) {
  Plan plan = stand_back(s, kNotHealthiest, "My wal position exceeds maximum replication lag");
  plan.needs.fresh_positions = true;
  return plan;
}

bool timeline_unknown(const Situation& s) { return timeline_is_checked(s) && !s.seen.postgres.replica_timeline.known(); }
Plan stand_back_unknown(const Situation& s) {
  Plan plan = stand_back(s, kNotHealthiest, "Can not figure out my timeline");
  plan.needs.fresh_positions = true;
  return plan;
}

bool timeline_behind(const Situation& s) { return timeline_is_checked(s) && my_timeline_is_behind(s); }
Plan stand_back_behind(const Situation& s) {
  return stand_back(s, kNotHealthiest, fmt::format("My timeline {} is behind last known cluster timeline {}",
                                                   s.seen.postgres.replica_timeline, cluster(s).timeline()));
}

bool members_must_be_asked(const Situation& s) { return must_ask(s, contest(s).asked, since_leaderless(s)); }
Plan ask_members(const Situation& s) {
  return {.says = "asking the other members before the leader race", .needs = {.poll_peers = contest(s).asked}, .wake_at = s.seen.now + kPatienceWithTheSilent};
}

bool primary_alive(const Situation& s) { return primary_still_alive(s).has_value(); }
Plan stand_back_for_primary(const Situation& s) { return stand_back(s, kNotHealthiest, primary_still_alive(s).value_or("")); }

bool peer_ahead(const Situation& s) { return somebody_is_ahead(s, contest(s)).has_value(); }
Plan stand_back_for_peer(const Situation& s) {
  Plan plan = stand_back(s, kNotHealthiest, somebody_is_ahead(s, contest(s)).value_or(""));
  // Both sides must have measured after the old leader's last WAL, or each would think the other is ahead.
  plan.needs.fresh_positions = s.seen.now >= s.seen.postgres.observed_at + kAskAgainAfter;
  return plan;
}

bool peer_preferred(const Situation& s) { return somebody_is_preferred(s, contest(s)).has_value(); }
Plan stand_back_for_preferred(const Situation& s) { return stand_back(s, kNotHealthiest, somebody_is_preferred(s, contest(s)).value_or("")); }

bool answers_are_outstanding(const Situation& s) { return worth_waiting_until(s, contest(s)).has_value(); }
Plan await_answers(const Situation& s) {
  return {.says = "waiting for the other members' answers in the leader race", .wake_at = worth_waiting_until(s, contest(s))};
}

bool votes_are_missing(const Situation& s) { return !votes_suffice(s, contest(s)); }
Plan stand_back_for_votes(const Situation& s) { return stand_back(s, kNotHealthiest, "not enough votes of the synchronous set"); }

Plan take_lock(const Situation& s) { return acquire(s, in_standby_cluster(s) ? kPromotedStandbyLeader : kPromoted); }

// ---- with a request ------------------------------------------------------------------------------------------------

const model::FailoverKey& request(const Situation& s) { return *cluster(s).failover; }
bool has_candidate(const Situation& s) { return !request(s).candidate.empty(); }
bool i_am_the_candidate(const Situation& s) { return request(s).candidate == me(s); }

bool switchover_outside_sync(const Situation& s) {
  return request(s).is_switchover() && sync_active(s) && !cluster(s).sync.is_leader_or_voter(me(s));
}
Plan stand_back_outside_sync(const Situation& s) {
  return stand_back(s, kNotHealthiest, "this node was not a synchronous standby and may lack confirmed commits");
}

bool candidate_without_watchdog(const Situation& s) { return i_am_the_candidate(s) && !paused(s) && !watchdog_allows(s); }
Plan stand_back_without_watchdog(const Situation& s) { return stand_back(s, kNotHealthiest, "Watchdog device is not usable"); }

bool waited_long_for_the_candidate(const Situation& s) { return s.seen.now - s.memory.leaderless_since > ttl(s); }

// The old leader published where its WAL ends; the candidate of a switchover must have all of it.
bool candidate_lacks_wal(const Situation& s) {
  return i_am_the_candidate(s) && request(s).is_switchover() && !waited_long_for_the_candidate(s) &&
         s.seen.postgres.lsn < cluster(s).status.optime;
}
Plan receive_the_rest(const Situation& s) {
  return {.says = kNotHealthiest, .next = "following", .needs = {.fresh_positions = true}, .wake_at = s.seen.now + Milliseconds(100),
          .notes = {fmt::format("switchover: the last position of the old leader {} has not arrived here", cluster(s).status.optime)}};
}

bool candidate_may_lead(const Situation& s) {
  return i_am_the_candidate(s) && (!request(s).is_switchover() || s.seen.postgres.lsn >= cluster(s).status.optime);
}

bool candidate_in_pause_elsewhere(const Situation& s) { return paused(s); }
Plan leave_it_in_pause(const Situation& s) { return stand_back(s, kNotHealthiest); }

bool outside_sync_for_request(const Situation& s) {
  return has_candidate(s) && sync_active(s) && !votes_are_counted(s) && !cluster(s).sync.is_leader_or_voter(me(s));
}

Names candidate_alone(const Situation& s) { return {request(s).candidate}; }
bool candidate_is_another_member(const Situation& s) {
  return has_candidate(s) && !i_am_the_candidate(s) && cluster(s).find(request(s).candidate) && !waited_long_for_the_candidate(s);
}
const model::PeerStatus* answer_of_candidate(const Situation& s) { return answer_of(s, request(s).candidate, since_leaderless(s)); }

bool candidate_must_be_asked(const Situation& s) { return candidate_is_another_member(s) && must_ask(s, candidate_alone(s), since_leaderless(s)); }
Plan ask_candidate(const Situation& s) {
  return {.says = "asking the requested candidate", .needs = {.poll_peers = candidate_alone(s)}, .wake_at = s.seen.now + kPatienceWithReplicas};
}
bool candidate_is_silent(const Situation& s) {
  return candidate_is_another_member(s) && !answer_of_candidate(s) && s.seen.now < s.seen.peers_asked_at + kPatienceWithReplicas;
}
Plan await_candidate(const Situation& s) { return {.says = "asking the requested candidate", .wake_at = s.seen.peers_asked_at + kPatienceWithReplicas}; }

bool candidate_can_lead(const Situation& s) { return candidate_is_another_member(s) && limitation_of(answer_of_candidate(s)).empty(); }
Plan leave_it_to_candidate(const Situation& s) {
  Plan plan = stand_back(s, kNotHealthiest, fmt::format("{}: to {}, i am {}", action_name(s), request(s).candidate, me(s)));
  plan.wake_at = earliest(plan.wake_at, s.memory.leaderless_since + ttl(s));
  return plan;
}

bool i_gave_way(const Situation& s) { return request(s).leader == me(s); }
bool somebody_else_could(const Situation& s) { return i_gave_way(s) && successors(s, has_candidate(s)).answer == Successors::Answer::kYes; }
Plan leave_it_to_others(const Situation& s) { return stand_back(s, kNotHealthiest); }
bool others_are_asked(const Situation& s) {
  const auto answer = i_gave_way(s) ? successors(s, has_candidate(s)).answer : Successors::Answer::kNo;
  return answer == Successors::Answer::kAsk || answer == Successors::Answer::kWait;
}
Plan ask_others(const Situation& s) {
  return {.says = "asking whether somebody else can lead", .needs = {.poll_peers = successors(s, has_candidate(s)).ask}, .wake_at = s.seen.now + kPatienceWithReplicas};
}
bool nobody_else_could(const Situation& s) { return i_gave_way(s); }

Plan to_race(const Situation&) { return {.next = "race"}; }

}  // namespace

Table race_table() {
  return {
      .name = "race",
      .about = "Every reason why this standby is not the one to lead; else it takes the lock.",
      .verdicts =
          {
              {"position-is-old", position_is_old, measure, "Our own position was measured before the leader had gone: measure it again."},
              {"server-does-not-answer", server_is_mute, stand_back_mute, "PostgreSQL does not answer queries: others are healthier."},
              {"lagging", lags, stand_back_lagging, "More WAL is missing here than maximum_lag_on_failover allows (S10)."},
              {"timeline-unknown", timeline_unknown, stand_back_unknown, "check_timeline is on and our timeline is not known (S11)."},
              {"timeline-behind", timeline_behind, stand_back_behind, "check_timeline is on and our timeline is behind the cluster's (S11)."},
              {"ask-members", members_must_be_asked, ask_members, "Ask every member where it stands."},
              {"primary-still-alive", primary_alive, stand_back_for_primary, "A member answers as a running primary (S13)."},
              {"peer-ahead", peer_ahead, stand_back_for_peer, "A member that may lead has more WAL than we have."},
              {"peer-preferred", peer_preferred, stand_back_for_preferred, "A member with the same WAL has a higher failover_priority."},
              {"await-members", answers_are_outstanding, await_answers, "An answer that could change the outcome is still awaited, briefly."},
              {"votes-missing", votes_are_missing, stand_back_for_votes, "Too few of the synchronous set prove that nothing confirmed is missing here (S6)."},
              {"take-lock", always, take_lock, "Nobody is ahead: take the lock. With equals the first to write it leads."},
          },
  };
}

Table requested_race_table() {
  return {
      .name = "requested-race",
      .about = "Nobody leads and an operator asked for a switchover or failover.",
      .verdicts =
          {
              {"switchover-outside-sync", switchover_outside_sync, stand_back_outside_sync, "A switchover keeps within the synchronous set (S10)."},
              {"candidate-without-watchdog", candidate_without_watchdog, stand_back_without_watchdog, "The requested candidate's watchdog is required and unusable."},
              {"candidate-lacks-wal", candidate_lacks_wal, receive_the_rest, "The old leader's last WAL has not arrived at the requested candidate yet."},
              {"candidate-takes-lock", candidate_may_lead, take_lock, "This node was asked for: it takes the lock."},
              {"request-in-pause", candidate_in_pause_elsewhere, leave_it_in_pause, "In pause only the requested candidate takes the lock."},
              {"request-outside-sync", outside_sync_for_request, stand_back_outside_sync, "Not in the synchronous set: confirmed commits may be missing here."},
              {"ask-candidate", candidate_must_be_asked, ask_candidate, "Ask the requested candidate whether it can lead."},
              {"await-candidate", candidate_is_silent, await_candidate, "Wait briefly for the requested candidate's answer."},
              {"leave-it-to-candidate", candidate_can_lead, leave_it_to_candidate, "The requested candidate can lead: leave it the lock, for a ttl at most."},
              {"others-could-lead", somebody_else_could, leave_it_to_others, "This node gave way and somebody else can lead."},
              {"ask-the-others", others_are_asked, ask_others, "This node gave way: ask whether anybody else can lead before taking it back."},
              {"take-it-back", nobody_else_could, take_lock, "This node gave way and nobody else can lead: take the lock back."},
              {"requested-race-open", always, to_race, "The request names nobody who can lead: the members compare."},
          },
  };
}

}  // namespace matriarch::rules
