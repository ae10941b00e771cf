// Nobody holds the leader lock: who may take it.
//
// A primary that still runs is judged first; then the standbys race. Every reason not to take the lock is a row, so that
// an operator can ask which one it was.
#include <algorithm>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Milliseconds;

constexpr const char* kNotHealthiest = "following a different leader because i am not the healthiest node";
constexpr const char* kDemotedAsNotHealthiest = "demoting self because i am not the healthiest node";
constexpr const char* kAcquired = "acquired session lock as a leader";

// ---- an acquisition that is under way ------------------------------------------------------------------------------

bool acquiring(const Situation& s) { return s.seen.lease.acquiring; }
Plan await_acquisition(const Situation&) { return {.says = "trying to obtain the leader lock", .keep_lease = true}; }

bool won_but_not_seen(const Situation& s) { return view_predates_lease(s); }
Plan read_the_store_again(const Situation&) {
  return {.says = "obtained the leader lock, reading the store again", .keep_lease = true, .needs = {.linearizable_view = true}};
}

bool asked_already(const Situation& s) { return asked_for_the_lock_already(s); }
Plan await_newer_view(const Situation& s) {
  return {.says = "following new leader after trying and failing to obtain lock", .keep_lease = s.seen.is_leader(),
          .needs = {.linearizable_view = true}, .wake_at = s.memory.acquire_asked_at + kAskAgainAfter};
}

// ---- pause ---------------------------------------------------------------------------------------------------------

bool primary_in_pause(const Situation& s) {
  return paused(s) && may_write(s) && (!cluster(s).initialize || *cluster(s).initialize == s.seen.postgres.system_id->text);
}
Plan take_lock_in_pause(const Situation& s) { return acquire(s, kAcquired); }

bool requested_in_pause(const Situation& s) {
  return paused(s) && !my_tags(s).nofailover() && cluster(s).failover && !cluster(s).failover->scheduled_at;
}
Plan to_requested_race(const Situation&) { return {.next = "requested-race"}; }

bool in_pause(const Situation& s) { return paused(s); }
Plan stay_as_is(const Situation&) { return {.says = kNotHealthiest, .next = "following"}; }

// ---- a primary that runs -------------------------------------------------------------------------------------------

bool primary(const Situation& s) { return may_write(s); }

Plan demote(std::string reason, std::string says) {
  return {.actions = {model::FencePostgres{std::move(reason)}}, .says = std::move(says)};
}

// It may have acknowledged nothing since, but somebody else may lead by now.
bool primary_without_lease(const Situation& s) {
  return !paused(s) && primary(s) && !s.seen.is_leader() && had_a_lease(s);
}
Plan demote_without_lease(const Situation&) {
  return demote("the lease was lost", "demoted self because failed to update leader lock in DCS");
}

bool primary_of_old_timeline(const Situation& s) { return primary(s) && s.seen.postgres.timeline < cluster(s).timeline(); }
Plan demote_old_timeline(const Situation& s) {
  Plan plan = demote("another primary was promoted since", kDemotedAsNotHealthiest);
  plan.notes.push_back(fmt::format("My timeline {} is behind last known cluster timeline {}", s.seen.postgres.timeline, cluster(s).timeline()));
  return plan;
}

// Somebody else was made the leader of the synchronous set: commits may have been confirmed there.
bool primary_replaced_in_sync(const Situation& s) {
  return primary(s) && sync_active(s) && cluster(s).sync.leader != me(s);
}
Plan demote_replaced(const Situation& s) {
  return demote(fmt::format("/sync names {} as the leader", cluster(s).sync.leader), kDemotedAsNotHealthiest);
}

bool primary_outside_failsafe(const Situation& s) { return primary(s) && is_outside_failsafe(s); }
Plan demote_outside_failsafe(const Situation&) { return demote("this node is not in the failsafe topology", kDemotedAsNotHealthiest); }

bool peer_on_higher_timeline(const Situation& s) {
  return primary(s) && std::any_of(s.seen.peers.begin(), s.seen.peers.end(), [&](const auto& peer) {
    const auto* answer = answer_of(s, peer.first, since_leaderless(s));
    return answer && answer->reachable && answer->timeline > s.seen.postgres.timeline;
  });
}
Plan demote_overtaken(const Situation&) { return demote("a member is on a higher timeline", kDemotedAsNotHealthiest); }

bool primary_must_ask(const Situation& s) { return primary(s) && must_ask(s, contest(s).asked, since_leaderless(s)); }
Plan ask_everybody(const Situation& s) {
  return {.says = "asking the other members before taking the leader lock",
          .keep_lease = s.seen.is_leader(),
          .needs = {.poll_peers = contest(s).asked},
          .wake_at = s.seen.now + kPatienceWithTheSilent};
}
bool primary_must_wait(const Situation& s) {
  return primary(s) && !without_answer(s, contest(s).asked, since_leaderless(s)).empty() && s.seen.now < s.seen.peers_asked_at + kPatienceWithTheSilent;
}
Plan await_answers(const Situation& s) {
  return {.says = "asking the other members before taking the leader lock", .keep_lease = s.seen.is_leader(),
          .wake_at = s.seen.peers_asked_at + kPatienceWithTheSilent};
}
Plan take_lock_as_primary(const Situation& s) { return acquire(s, kAcquired); }

// ---- a standby -----------------------------------------------------------------------------------------------------

bool still_starting(const Situation& s) { return s.seen.postgres.is_starting(); }
Plan let_it_start(const Situation& s) { return {.says = kNotHealthiest, .needs = {.fresh_positions = true}, .wake_at = s.seen.now + Milliseconds(500)}; }

bool abstaining(const Situation& s) { return s.seen.now < s.memory.abstain_until; }
Plan abstain(const Situation& s) {
  Plan plan = stand_back(s, kNotHealthiest, "backoff: skip leader race after pre_promote script failure and releasing the lock voluntarily");
  plan.wake_at = earliest(plan.wake_at, s.memory.abstain_until);
  return plan;
}

bool not_allowed(const Situation& s) { return my_tags(s).nofailover(); }
Plan stand_back_as_not_allowed(const Situation& s) {
  return stand_back(s, "following a different leader because I am not allowed to promote");
}

bool requested(const Situation& s) { return request_is_in_force(s); }

Instant backoff_end(const Situation& s) { return s.memory.leaderless_since + s.seen.dynamic().primary_race_backoff; }
bool wal_still_moves(const Situation& s) {
  const auto backoff = s.seen.dynamic().primary_race_backoff;
  return backoff.count() > 0 && !in_standby_cluster(s) && s.memory.last_lsn.known() && s.seen.now < backoff_end(s) &&
         s.seen.postgres.replication_state == model::ReplicationState::kStreaming && s.seen.postgres.lsn > s.memory.last_lsn;
}
Plan postpone_race(const Situation& s) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(backoff_end(s) - s.seen.now);
  return {.says = fmt::format("My ({}) wal position moved since last heart beat loop, {} seconds until leader race", me(s), left.count()),
          .needs = {.fresh_positions = true},
          .wake_at = std::min(backoff_end(s), s.seen.now + Milliseconds(500))};
}

bool watchdog_is_unusable(const Situation& s) { return !watchdog_allows(s); }
Plan stand_back_without_watchdog(const Situation& s) { return stand_back(s, kNotHealthiest, "Watchdog device is not usable"); }

bool outside_failsafe(const Situation& s) { return is_outside_failsafe(s); }
Plan stand_back_outside_failsafe(const Situation& s) { return stand_back(s, kNotHealthiest, "this node is not in the failsafe topology"); }

bool outside_sync(const Situation& s) {
  return sync_active(s) && !votes_are_counted(s) && !cluster(s).sync.is_leader_or_voter(me(s));
}
Plan stand_back_outside_sync(const Situation& s) {
  return stand_back(s, kNotHealthiest, "this node was not a synchronous standby and may lack confirmed commits");
}

Plan to_race(const Situation&) { return {.next = "race"}; }

}  // namespace

Table leaderless_table() {
  return {
      .name = "leaderless",
      .about = "Nobody holds the leader lock: who may take it.",
      .verdicts =
          {
              {"primary-without-lease", primary_without_lease, demote_without_lease, "A primary whose lease was lost is killed; it may come back as a standby (S15)."},
              {"acquiring", acquiring, await_acquisition, "Our request for the lock is on its way."},
              {"won-but-not-seen", won_but_not_seen, read_the_store_again, "We obtained the lock, but this view is older than that."},
              {"asked-already", asked_already, await_newer_view, "We asked for the lock on this very view: read the store again before asking again."},
              {"primary-in-pause", primary_in_pause, take_lock_in_pause, "In pause a running primary of this cluster takes the free lock."},
              {"requested-in-pause", requested_in_pause, to_requested_race, "In pause an operator asked for a failover."},
              {"nobody-races-in-pause", in_pause, stay_as_is, "In pause nobody else takes the lock."},
              {"primary-of-old-timeline", primary_of_old_timeline, demote_old_timeline, "A primary whose timeline is behind the cluster's was replaced: kill it (S11)."},
              {"primary-replaced-in-sync", primary_replaced_in_sync, demote_replaced, "Another node leads the synchronous set: kill this primary (S11')."},
              {"primary-outside-failsafe", primary_outside_failsafe, demote_outside_failsafe, "This primary is not in the failsafe topology: kill it (S14)."},
              {"peer-on-higher-timeline", peer_on_higher_timeline, demote_overtaken, "A member is on a higher timeline than this primary: kill it (S11')."},
              {"primary-asks-members", primary_must_ask, ask_everybody, "A running primary asks the others for their timelines before it takes the lock."},
              {"primary-awaits-members", primary_must_wait, await_answers, "A running primary waits briefly for the answers."},
              {"primary-takes-lock", primary, take_lock_as_primary, "A running primary that nobody has overtaken takes the free lock."},
              {"standby-still-starting", still_starting, let_it_start, "A standby that is still starting does not race."},
              {"wal-still-moves", wal_still_moves, postpone_race, "WAL still arrives from the old primary and primary_race_backoff is set: wait for it to end."},
              {"abstaining", abstaining, abstain, "This node gave the lock back because it could not be promoted: let others go first."},
              {"not-allowed-to-promote", not_allowed, stand_back_as_not_allowed, "Tagged nofailover: never lead (S10)."},
              {"requested-race", requested, to_requested_race, "An operator asked for a switchover or failover: it steers the race."},
              {"watchdog-unusable", watchdog_is_unusable, stand_back_without_watchdog, "The watchdog is required and unusable: do not lead (S10)."},
              {"outside-failsafe", outside_failsafe, stand_back_outside_failsafe, "Not in the failsafe topology: a primary without store would not know of us (S14)."},
              {"outside-sync", outside_sync, stand_back_outside_sync, "Not in the synchronous set: confirmed commits may be missing here (S10)."},
              {"race", always, to_race, "Compare with the others."},
          },
  };
}

}  // namespace matriarch::rules
