// The store does not answer.
//
// What was granted still runs: a hiccup shorter than the lease is a non-event. A primary begins to step down while there
// is still time for an orderly stop, and is fenced when there is not (docs/invariants.md S2).
#include <algorithm>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Memory;
using model::Milliseconds;
using model::TaskKind;

constexpr const char* kDemoted = "demoted self because DCS is not accessible and I was a leader";
constexpr const char* kNotAccessible = "DCS is not accessible";

// Time that a fast stop gets before the fence takes over.
Milliseconds stop_budget(const Situation& s) { return std::clamp<Milliseconds>(ttl(s) / 4, Milliseconds(100), Milliseconds(3'000)); }
Instant last_moment_to_stop(const Situation& s) { return s.seen.lease.valid_until - s.seen.fence_budget - stop_budget(s); }
Instant last_moment_to_fence(const Situation& s) { return s.seen.lease.valid_until - s.seen.fence_budget; }

bool in_pause(const Situation& s) { return paused(s); }
Plan change_nothing(const Situation& s) { return {.says = kNotAccessible, .keep_lease = holds_lease(s)}; }

bool is_being_fenced(const Situation& s) {
  return runs_task(s, TaskKind::kDemote) && s.seen.task->request.demote == model::DemoteMode::kImmediateNoLock;
}
Plan await_fence(const Situation&) { return {.says = kDemoted}; }

// No lease was ever needed to create the cluster, and nobody else can lead it before it exists.
bool is_creating_the_cluster(const Situation& s) { return s.memory.bootstrapping && !s.seen.is_leader(); }
Plan go_on_creating(const Situation&) { return {.says = kNotAccessible}; }

bool writes_without_lease(const Situation& s) { return may_write(s) && (!holds_lease(s) || s.seen.now >= last_moment_to_fence(s)); }
Plan fence(const Situation&) {
  return {.actions = {model::FencePostgres{"the lease ended while the store is not accessible"}}, .says = kDemoted};
}

// ---- failsafe ------------------------------------------------------------------------------------------------------

bool relies_on_failsafe(const Situation& s) { return s.seen.dynamic().failsafe_mode && may_write(s) && holds_lease(s); }

// Early enough that a round can be repeated before the lease ends, and never more often than ten times a lease.
Milliseconds round_interval(const Situation& s) { return std::clamp<Milliseconds>(ttl(s) / 4, Milliseconds(100), loop_wait(s)); }
bool round_is_due(const Situation& s) {
  return relies_on_failsafe(s) && s.seen.now >= s.memory.failsafe_asked_at + round_interval(s);
}
Plan ask_everybody(const Situation& s) {
  return {.needs = {.failsafe_round = true},
          .wake_at = s.seen.now + round_interval(s),
          .memory = remembering(s, [&](Memory& memory) { memory.failsafe_asked_at = s.seen.now; })};
}

bool all_agreed(const Situation& s) {
  const auto& round = s.seen.failsafe_round;
  return relies_on_failsafe(s) && round && round->accepted && round->sent_at > s.memory.failsafe_extended_from;
}
Plan extend_by_consent(const Situation& s) {
  const Instant sent_at = s.seen.failsafe_round->sent_at;
  return {.actions = {model::ExtendLease{sent_at}},
          .memory = remembering(s, [&](Memory& memory) { memory.failsafe_extended_from = sent_at; })};
}

bool goes_on_by_consent(const Situation& s) {
  const auto& round = s.seen.failsafe_round;
  const bool is_recent = round && round->accepted && s.seen.now < round->sent_at + ttl(s) - s.seen.fence_budget - stop_budget(s);
  return relies_on_failsafe(s) && is_recent;
}
Plan serve_by_consent(const Situation& s) {
  return {.says = "continue to run as a leader because failsafe mode is enabled and all members are accessible",
          .keep_lease = true,
          .wake_at = std::min(last_moment_to_stop(s), s.memory.failsafe_asked_at + round_interval(s))};
}

// ---- stepping down in time -----------------------------------------------------------------------------------------

bool lease_runs_out(const Situation& s) { return s.seen.is_leader() && s.seen.now >= last_moment_to_stop(s); }

bool is_stopping_already(const Situation& s) { return lease_runs_out(s) && may_write(s) && runs_task(s, TaskKind::kDemote); }
Plan await_stop(const Situation& s) { return {.says = kDemoted, .wake_at = last_moment_to_fence(s)}; }

bool task_is_in_the_way(const Situation& s) { return lease_runs_out(s) && s.seen.task && (may_write(s) || runs_task(s, TaskKind::kPromote)); }
Plan cancel_task(const Situation& s) {
  return {.actions = {model::CancelTask{}}, .says = kDemoted, .wake_at = last_moment_to_fence(s)};
}

bool must_stop_now(const Situation& s) { return lease_runs_out(s) && may_write(s); }
Plan stop_within_lease(const Situation& s) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kDemote, .name = "offline: demote", .demote = model::DemoteMode::kOffline}}},
          .says = kDemoted,
          .wake_at = last_moment_to_fence(s)};
}

bool lease_still_runs(const Situation& s) { return holds_lease(s); }
Plan serve_on(const Situation& s) {
  return {.says = fmt::format("{}, the lease still runs for {} seconds", kNotAccessible, seconds_text(lease_left(s))),
          .keep_lease = true,
          .wake_at = last_moment_to_stop(s)};
}

Plan wait_for_store(const Situation&) { return {.says = kNotAccessible}; }

// ---- before the first view -----------------------------------------------------------------------------------------

bool writes_without_lease_unseen(const Situation& s) {
  return !paused(s) && may_write(s) && !s.seen.is_leader() && had_a_lease(s);
}
Plan fence_unseen(const Situation&) {
  return {.actions = {model::FencePostgres{"a primary without a lease"}}, .says = "demoting self because I do not have the lock and I was a leader"};
}
Plan read_the_store(const Situation& s) {
  return {.says = "Can not get cluster from dcs", .keep_lease = s.seen.is_leader(), .needs = {.linearizable_view = true}};
}

}  // namespace

Table store_unreachable_table() {
  return {
      .name = "store-unreachable",
      .about = "The store does not answer: what was granted still runs, and ends in time.",
      .duties =
          {
              {"failsafe-round-due", round_is_due, ask_everybody, "With failsafe mode, ask every member to agree while the lease still runs."},
              {"failsafe-agreed", all_agreed, extend_by_consent, "Every member agreed: the lease counts from the moment the round was sent (S14)."},
          },
      .verdicts =
          {
              {"paused-without-store", in_pause, change_nothing, "In pause nothing is changed."},
              {"fence-under-way", is_being_fenced, await_fence, "PostgreSQL is being killed already."},
              {"creating-without-store", is_creating_the_cluster, go_on_creating, "The cluster is being created: no lease is needed yet."},
              {"lease-ended-without-store", writes_without_lease, fence, "A primary has no time left on its lease: kill it before the lease ends (S2)."},
              {"failsafe", goes_on_by_consent, serve_by_consent, "A primary goes on because every member has just agreed (S14)."},
              {"stopping-without-store", is_stopping_already, await_stop, "The stop is under way; what is left of it at the end is killed."},
              {"cancel-task-without-store", task_is_in_the_way, cancel_task, "The lease runs out while a task owns the server: cancel it to be able to stop."},
              {"stop-within-lease", must_stop_now, stop_within_lease, "The lease runs out: stop PostgreSQL in an orderly way while it is still ours."},
              {"lease-still-runs", lease_still_runs, serve_on, "The lease still runs: go on, a short outage of the store is a non-event."},
              {"wait-for-store", always, wait_for_store, "A standby, or no server: nothing to do until the store answers."},
          },
  };
}

Table no_view_table() {
  return {
      .name = "no-view",
      .about = "The store was never read since the agent started.",
      .verdicts =
          {
              {"lost-lease-before-first-view", writes_without_lease_unseen, fence_unseen, "A primary whose lease is definitely gone is killed."},
              {"first-view", always, read_the_store, "Read the store; a lease that an earlier agent of this node left behind is kept."},
          },
  };
}

}  // namespace matriarch::rules
