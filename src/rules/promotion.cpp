// From the lock to the promote signal.
//
// The lease was won on a view that may have been old. So: the guardian watches the lease first, the store is read again,
// and everything that made this node the right one must still be true there (docs/invariants.md S4, S10).
#include <algorithm>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/sync_names.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::Memory;
using model::MemberName;
using model::Milliseconds;
using model::SyncKey;
using model::TaskKind;
using model::WriteKind;

constexpr const char* kPromoting = "promoted self to leader because I had the session lock";
// A lease shorter than this is renewed before the signal is sent.
constexpr Milliseconds kPromoteBudget{200};

bool not_armed(const Situation& s) { return !s.seen.lease.armed || s.seen.lease.outcome != model::LeaseOutcome::kHeld; }
// It is asked again with each renewal; one that still refuses must not keep the others from leading.
bool never_armed(const Situation& s) { return not_armed(s) && s.memory.acquire_asked_at != model::Instant{} && s.seen.now > s.memory.acquire_asked_at + 2 * ttl(s); }
Plan give_back_unguarded(const Situation& s);
Plan await_guardian(const Situation& s) {
  return {.says = "waiting for the guardian to watch the lease before promoting", .keep_lease = true, .wake_at = s.seen.now + Milliseconds(200)};
}

bool view_is_old(const Situation& s) { return !s.seen.store.fresh || view_predates_lease(s); }
Plan read_again(const Situation& s) {
  return {.says = "reading the store again before promoting", .keep_lease = true, .needs = {.linearizable_view = true},
          .wake_at = s.seen.now + Milliseconds(200)};
}

// ---- still the right one? ------------------------------------------------------------------------------------------

Plan give_back(const Situation& s, std::string why) {
  Plan plan{.actions = {model::ReleaseLease{.reason = why}}, .says = "released the leader lock: " + why};
  plan.memory = remembering(s, [&](Memory& memory) { memory.acquire_asked_at = s.seen.now; });
  return plan;
}

Plan give_back_unguarded(const Situation& s) { return give_back(s, "the guardian does not watch the lease"); }

bool was_asked_for(const Situation& s) {
  const auto& request = cluster(s).failover;
  return request && request->candidate == me(s) && !request->is_switchover();
}

// What this node already wrote as the winner names it as the leader.
bool sync_is_ours(const Situation& s) { return cluster(s).sync.leader == me(s); }

bool left_the_sync_set(const Situation& s) {
  return sync_active(s) && !votes_are_counted(s) && !cluster(s).sync.is_leader_or_voter(me(s)) && !was_asked_for(s);
}
Plan give_back_outside_sync(const Situation& s) { return give_back(s, "this node is not in the synchronous set any more"); }

// Votes were counted for one version of /sync; another version has other voters.
bool votes_are_for_another_version(const Situation& s) {
  return votes_are_counted(s) && !sync_is_ours(s) && cluster(s).sync.revision != s.memory.sync_revision_won_on;
}
Plan give_back_for_votes(const Situation& s) { return give_back(s, "/sync changed since the votes were counted"); }

bool tagged_nofailover(const Situation& s) { return my_tags(s).nofailover() && !paused(s); }
Plan give_back_as_not_allowed(const Situation& s) { return give_back(s, "this node is not allowed to promote"); }

bool outside_failsafe(const Situation& s) { return is_outside_failsafe(s) && !was_asked_for(s); }
Plan give_back_outside_failsafe(const Situation& s) { return give_back(s, "this node is not in the failsafe topology"); }

bool timeline_is_behind(const Situation& s) {
  return timeline_is_checked(s) && my_timeline_is_behind(s) && !was_asked_for(s);
}
Plan give_back_behind(const Situation& s) { return give_back(s, "this node's timeline is behind the cluster's"); }

bool lags(const Situation& s) { return !request_is_in_force(s) && is_lagging(s, s.seen.postgres.lsn); }
Plan give_back_lagging(const Situation& s) { return give_back(s, "this node lags behind the last published position"); }

bool not_a_standby(const Situation& s) { return !s.seen.postgres.is_running || s.seen.postgres.is_starting(); }
Plan await_standby(const Situation& s) {
  return {.says = "waiting for PostgreSQL before promoting", .keep_lease = true, .needs = {.fresh_positions = true}, .wake_at = s.seen.now + Milliseconds(200)};
}

// ---- the synchronous record first ----------------------------------------------------------------------------------

std::set<MemberName> others_of(const SyncKey& sync, const MemberName& self) {
  std::set<MemberName> others = sync.voters;
  if (sync.active()) others.insert(sync.leader);
  std::erase_if(others, [&](const MemberName& name) { return SyncKey{.voters = {name}}.is_voter(self); });
  return others;
}

// How many confirmations the first commits of the new primary wait for, so that the recorded votes stay valid (S6).
int confirmations_with_votes(const Situation& s) {
  const SyncKey& sync = cluster(s).sync;
  const int members = static_cast<int>(sync.voters.size()) + (sync.active() && !sync.is_voter(sync.leader) ? 1 : 0);
  const int waited_for = members - sync.quorum - 1 + (sync.is_leader_or_voter(me(s)) ? 0 : 1);
  return std::max(waited_for, min_sync(s));
}

struct SyncPlan {
  std::set<MemberName> voters;
  int quorum = 0;
  model::SyncNames names;
};
// Votes: the universe of leader and voters stays what it was, and I become its leader. Otherwise only I may be promoted
// without losing what is confirmed from now on, unless the strict mode makes commits wait for the old set.
SyncPlan sync_plan(const Situation& s) {
  const std::set<MemberName> others = others_of(cluster(s).sync, me(s));
  if (votes_are_counted(s)) {
    const int confirmations = confirmations_with_votes(s);
    return {.voters = others, .quorum = cluster(s).sync.quorum, .names = sync_names(others, others.empty() ? min_sync(s) : confirmations, true)};
  }
  if (min_sync(s) == 0) return {};
  return {.voters = others, .names = sync_names(others, others.empty() ? min_sync(s) : static_cast<int>(others.size()), quorum_requested(s))};
}

bool sync_write_is_under_way(const Situation& s) { return sync_requested(s) && under_way(s, WriteKind::kSync); }
Plan await_sync_write(const Situation&) { return {.says = "writing /sync before promoting", .keep_lease = true}; }

// Also when it names us from an earlier term: its voters may miss what we are going to confirm without them (S5).
bool sync_must_be_written(const Situation& s) {
  if (!sync_requested(s)) return false;
  const SyncPlan planned = sync_plan(s);
  return !sync_is_ours(s) || cluster(s).sync.voters != planned.voters || cluster(s).sync.quorum != planned.quorum;
}
Plan write_sync(const Situation& s) {
  const SyncPlan planned = sync_plan(s);
  return {.actions = {model::WriteSync{.leader = me(s), .voters = planned.voters, .quorum = planned.quorum, .expected = cluster(s).sync.revision}},
          .says = "writing /sync before promoting",
          .keep_lease = true};
}

// ---- the signal ----------------------------------------------------------------------------------------------------

bool lease_is_short(const Situation& s) { return lease_left(s) < s.seen.fence_budget + kPromoteBudget; }
Plan await_renewal(const Situation& s) {
  return {.says = "waiting for the lease to be renewed before promoting", .keep_lease = true, .wake_at = s.seen.now + Milliseconds(100)};
}

Plan promote(const Situation& s) {
  model::SyncNames names = model::parse_sync_names(own_sync_names(s));
  if (sync_requested(s)) names = sync_plan(s).names;
  return {.actions = {model::StartTask{{.kind = TaskKind::kPromote, .name = "promote", .role = model::PostgresRole::kPrimary,
                                        .sync_names_before_start = names}}},
          .says = kPromoting,
          .keep_lease = true};
}

}  // namespace

Table promotion_table() {
  return {
      .name = "promotion",
      .about = "From the lock to the promote signal: everything that made this node the right one must be true on a fresh view.",
      .verdicts =
          {
              {"guardian-never-armed", never_armed, give_back_unguarded, "The guardian refuses to watch this lease: give the lock back (S4)."},
              {"guardian-not-armed", not_armed, await_guardian, "The guardian does not watch this lease yet (S4)."},
              {"view-not-fresh", view_is_old, read_again, "The store was not read since the lease was won: read it again (S4)."},
              {"not-a-running-standby", not_a_standby, await_standby, "PostgreSQL does not run as a standby yet."},
              {"no-longer-in-sync-set", left_the_sync_set, give_back_outside_sync, "This node left the synchronous set meanwhile: give the lock back (S10)."},
              {"votes-for-another-version", votes_are_for_another_version, give_back_for_votes, "The votes were counted for another version of /sync: give the lock back (S6)."},
              {"no-longer-allowed", tagged_nofailover, give_back_as_not_allowed, "This node is tagged nofailover: give the lock back (S10)."},
              {"no-longer-in-failsafe", outside_failsafe, give_back_outside_failsafe, "This node is not in the failsafe topology: give the lock back (S14)."},
              {"timeline-fell-behind", timeline_is_behind, give_back_behind, "The cluster's timeline moved on: give the lock back (S11)."},
              {"lags-after-all", lags, give_back_lagging, "The last published position is further than allowed: give the lock back (S10)."},
              {"sync-on-its-way", sync_write_is_under_way, await_sync_write, "The new synchronous record is on its way to the store."},
              {"write-sync-first", sync_must_be_written, write_sync, "The new primary leads the synchronous set before its first commit (S7')."},
              {"lease-too-short", lease_is_short, await_renewal, "Too little of the lease is left to promote within it (S4')."},
              {"promote", always, promote, "Promote."},
          },
  };
}

}  // namespace matriarch::rules
