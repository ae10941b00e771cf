// There is data, but no postmaster.
//
// The lock holder decides between bringing its server up where it is and giving way to a standby that has everything;
// everybody else becomes a standby, after repairing what diverged.
#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/rewind.hpp"
#include "rules/tables.hpp"
#include "rules/upstream.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Memory;
using model::Milliseconds;
using model::PostgresRole;
using model::PostgresState;
using model::RewindState;
using model::TaskKind;

// A complete standby is looked for this long; then the server is brought up where it is.
constexpr Milliseconds kHandOverPatience{500};

bool is_one_of(std::string_view state, std::initializer_list<std::string_view> states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}
std::string_view cluster_state(const Situation& s) {
  const auto& control = s.seen.postgres.control;
  return control ? std::string_view(control->cluster_state) : std::string_view();
}
bool stopped_in_the_middle(const Situation& s) {
  return is_one_of(cluster_state(s), {"in production", "shutting down", "in crash recovery"});
}
bool was_primary(const Situation& s) {
  return s.seen.postgres.role == PostgresRole::kPrimary && !s.seen.postgres.has_recovery_signal &&
         (stopped_in_the_middle(s) || cluster_state(s) == "shut down");
}

// ---- pause ---------------------------------------------------------------------------------------------------------

bool holder_in_pause(const Situation& s) { return paused(s) && (has_lock(s) || s.seen.is_leader()); }
Plan drop_lock_in_pause(const Situation&) {
  return {.actions = {model::SetStopped{}, model::ReleaseLease{.reason = "PostgreSQL is not running"}},
          .says = "removed leader lock because postgres is not running"};
}

// The exception: after a switchover the old primary still needs its rewind before it may start.
bool stays_down_in_pause(const Situation& s) {
  if (!paused(s)) return false;
  const bool waits_for_repair = s.memory.rewind == RewindState::kCheck || s.memory.rewind == RewindState::kNeeded;
  return s.memory.rewind != RewindState::kSucceeded && !waits_for_repair;
}
Plan mirror_stopped(const Situation& s) {
  Plan plan{.says = "postgres is not running"};
  if (s.seen.postgres.state != PostgresState::kStopped) plan.actions.emplace_back(model::SetStopped{});
  return plan;
}

// ---- what is known -------------------------------------------------------------------------------------------------

bool state_is_out_of_date(const Situation& s) {
  const auto state = s.seen.postgres.state;
  return state == PostgresState::kRunning || state == PostgresState::kStarting;
}
Plan mark_crashed(const Situation& s) {
  return {.actions = {model::MarkCrashed{}}, .says = "PostgreSQL is gone: reading its pg_control", .keep_lease = holds_lease(s), .needs = {.control_data = true}};
}

bool control_is_unknown(const Situation& s) { return !s.seen.postgres.control; }
Plan read_control(const Situation& s) {
  return {.says = "reading pg_control of the stopped server", .keep_lease = holds_lease(s), .needs = {.control_data = true},
          .wake_at = s.seen.now + loop_wait(s)};
}

bool watchdog_is_not_needed(const Situation& s) { return s.seen.watchdog_active && !holds_lease(s); }
Plan disable_watchdog(const Situation&) { return {.actions = {model::DisableWatchdog{}}}; }

// What was dirty when the primary went down must be compared with whoever leads next.
bool comparison_is_due(const Situation& s) {
  const bool is_settled = s.memory.rewind == RewindState::kSucceeded || s.memory.rewind == RewindState::kFailed ||
                          s.memory.rewind == RewindState::kCheck || s.memory.rewind == RewindState::kNeeded ||
                          s.memory.rewind == RewindState::kNotNeeded;
  return !holds_lease(s) && !is_settled;
}
Plan want_it(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) { want_comparison(s, memory); })};
}

// ---- the lock holder -----------------------------------------------------------------------------------------------

bool lost_its_start(const Situation& s) { return s.memory.start_failed && (has_lock(s) || s.seen.is_leader()); }
Plan give_up_after_failed_start(const Situation& s) {
  return {.actions = {model::SetRole{PostgresRole::kDemoted}, model::RunCallback{"on_role_change"},
                      model::ReleaseLease{.reason = "PostgreSQL could not be started"}},
          .says = "removed leader key after trying and failing to start postgres",
          .memory = remembering(s, [&](Memory& memory) {
            memory.recovering = false;
            memory.start_failed = false;
            want_comparison(s, memory);
          })};
}

bool own_key_of_an_earlier_life(const Situation& s) {
  return has_lock(s) && !s.seen.is_leader() && s.seen.lease.outcome != model::LeaseOutcome::kLost &&
         s.seen.lease.outcome != model::LeaseOutcome::kReleased && !under_way(s, model::WriteKind::kReleaseLease);
}
Plan bind_it(const Situation& s) {
  if (s.seen.lease.acquiring || asked_for_the_lock_already(s)) {
    return {.says = "taking over the leader lock of an earlier run of this agent", .keep_lease = true, .wake_at = s.seen.now + Milliseconds(300)};
  }
  return take_over_own_key(s);
}

// What synchronous replication confirmed is on a voter; giving way at once costs nothing. Otherwise only if asked for.
bool prefers_to_give_way(const Situation& s) {
  if (!holds_lease(s) || s.memory.recovering || in_standby_cluster(s)) return false;
  return sync_active(s) || s.seen.dynamic().primary_start_timeout.count() == 0;
}
bool successor_is_ready(const Situation& s) {
  return prefers_to_give_way(s) && successors(s, false).answer == Successors::Answer::kYes;
}
Plan give_way(const Situation& s) {
  return {.actions = {model::SetRole{PostgresRole::kDemoted},
                      model::ReleaseLease{.reason = "PostgreSQL died and a standby has everything that was confirmed"}},
          .says = "stopped PostgreSQL to fail over after a crash",
          .memory = remembering(s, [&](Memory& memory) { want_comparison(s, memory); })};
}
bool successors_are_asked(const Situation& s) {
  if (!prefers_to_give_way(s)) return false;
  const auto answer = successors(s, false).answer;
  if (answer == Successors::Answer::kAsk) return true;
  return answer == Successors::Answer::kWait && s.seen.now < s.seen.peers_asked_at + kHandOverPatience;
}
Plan ask_successors(const Situation& s) {
  return {.says = "PostgreSQL died: asking whether a standby has everything", .keep_lease = true,
          .needs = {.poll_peers = successors(s, false).ask},
          .wake_at = std::max(s.seen.now, s.seen.peers_asked_at) + kHandOverPatience};
}

Plan with_recovery_judged(const Situation& s, Plan plan) {
  Memory memory = plan.memory.value_or(s.memory);
  memory.recovering = true;
  memory.start_failed = false;
  plan.memory = std::move(memory);
  return plan;
}

bool crashed_as_primary(const Situation& s) {
  return holds_lease(s) && was_primary(s) && s.seen.dynamic().primary_start_timeout.count() > 0 && !in_standby_cluster(s);
}
Plan start_in_place(const Situation& s) {
  Plan plan{.actions = {model::StartTask{{.kind = TaskKind::kStart, .name = "starting primary after failure",
                                          .role = PostgresRole::kPrimary, .timeout = s.seen.dynamic().primary_start_timeout}}},
            .says = "starting primary after failure",
            .keep_lease = true};
  return with_recovery_judged(s, std::move(plan));
}

bool holds_it_outside_standby_cluster(const Situation& s) { return holds_lease(s) && !in_standby_cluster(s); }
Plan start_read_only(const Situation& s) {
  Plan plan{.actions = {model::StartTask{{.kind = TaskKind::kFollow, .name = "restarting after failure",
                                          .timeout = s.seen.dynamic().primary_start_timeout}}},
            .says = "starting as readonly because i had the session lock",
            .keep_lease = true};
  plan.memory = remembering(s, [](Memory& memory) { memory.rewind = RewindState::kInitial; });
  return with_recovery_judged(s, std::move(plan));
}

// ---- everybody else ------------------------------------------------------------------------------------------------

Plan reinitialize(const Situation&) { return {.next = "wishes"}; }

bool start_failed_lately(const Situation& s) { return s.seen.now < s.memory.retry_at; }
Plan wait_before_start(const Situation& s) { return {.says = "failed to start postgres", .wake_at = s.memory.retry_at}; }

bool must_recover_first(const Situation& s) {
  return !holds_lease(s) && stopped_in_the_middle(s) && !s.seen.postgres.was_restored && single_user_recovery_applies(s);
}

bool waits_for_comparison(const Situation& s) { return comparison_is_awaited(s); }
Plan await_comparison(const Situation& s) {
  return {.says = "comparing timelines with the leader before starting", .wake_at = s.seen.now + loop_wait(s)};
}

bool leader_is_not_ready(const Situation& s) {
  const model::Member* leader = reference_leader(s);
  return s.memory.rewind == RewindState::kCheck && !unlocked(s) && (!leader || leader->role != "primary") && !holds_lease(s) &&
         !in_standby_cluster(s);
}
Plan await_leader(const Situation& s) {
  return {.says = fmt::format("waiting for leader {} to be a primary before starting", leader_name(s)), .wake_at = s.seen.now + loop_wait(s)};
}

Plan to_repair(const Situation&) { return {.next = "repair"}; }

Plan start_as_standby(const Situation& s, PostgresRole role, std::string says) {
  std::optional<Milliseconds> timeout;
  if (holds_lease(s)) timeout = s.seen.dynamic().primary_start_timeout;
  Plan plan{.actions = {model::StartTask{{.kind = TaskKind::kFollow, .name = "restarting after failure", .upstream = upstream_for(s),
                                          .role = role, .timeout = timeout}}},
            .says = std::move(says),
            .keep_lease = holds_lease(s)};
  return with_recovery_judged(s, std::move(plan));
}

bool holds_it(const Situation& s) { return holds_lease(s); }
Plan start_as_standby_leader(const Situation& s) {
  return start_as_standby(s, PostgresRole::kStandbyLeader, "starting as a standby leader because i had the session lock");
}
bool standby_cluster_without_leader(const Situation& s) { return in_standby_cluster(s) && unlocked(s); }
Plan follow_remote(const Situation& s) {
  return start_as_standby(s, PostgresRole::kReplica, "trying to follow a remote member because standby cluster is unhealthy");
}
Plan start_as_secondary(const Situation& s) { return start_as_standby(s, PostgresRole::kReplica, "starting as a secondary"); }

}  // namespace

Table postgres_down_table() {
  std::vector<Rule> duties = comparison_duties_when_down();
  duties.insert(duties.begin(), {
      {"watchdog-not-needed", watchdog_is_not_needed, disable_watchdog, "No server runs and no lease is held: the watchdog sleeps."},
      {"comparison-due-before-start", comparison_is_due, want_it, "The node will have to be compared with whoever leads."},
  });
  return {
      .name = "postgres-down",
      .about = "There is data, but no postmaster.",
      .duties = std::move(duties),
      .verdicts =
          {
              {"holder-down-in-pause", holder_in_pause, drop_lock_in_pause, "In pause the lock holder's server was stopped by hand: drop the lock."},
              {"down-in-pause", stays_down_in_pause, mirror_stopped, "In pause a stopped server stays stopped."},
              {"postmaster-died", state_is_out_of_date, mark_crashed, "The postmaster is gone without having been stopped by us: note it and read pg_control."},
              {"pg-control-unknown", control_is_unknown, read_control, "Read pg_control first."},
              {"start-failed-as-holder", lost_its_start, give_up_after_failed_start, "The lock holder's server did not start: give the lock back."},
              {"own-key-while-down", own_key_of_an_earlier_life, bind_it, "The leader key carries our name from an earlier run: bind it to our session."},
              {"give-way-after-crash", successor_is_ready, give_way,
               "The lock holder's server died and a standby has everything that was confirmed (or primary_start_timeout is 0): give way at once."},
              {"ask-before-restart", successors_are_asked, ask_successors, "Ask, for half a second at most, whether a standby has everything."},
              {"restart-in-place", crashed_as_primary, start_in_place, "The lock holder's server died: start it where it is, nothing is lost that way."},
              {"start-read-only", holds_it_outside_standby_cluster, start_read_only, "The lock holder's server was not a primary: start it as a standby, then promote it."},
              {"reinitialize-while-down", new_copy_is_asked, reinitialize, "An operator asked for a new copy of the leader."},
              {"start-failed-lately", start_failed_lately, wait_before_start, "The last start failed: wait a little longer each time."},
              {"crash-recovery", must_recover_first, single_user_recovery, "The server died in the middle: recover it alone first, so that it can be compared and rewound."},
              {"leader-not-a-primary-yet", leader_is_not_ready, await_leader, "The leader is not a primary yet: nothing to compare with."},
              {"comparison-before-start", waits_for_comparison, await_comparison, "Wait for the comparison with the leader."},
              {"repair-before-start", repair_is_due, to_repair, "The node diverged: repair it before it starts."},
              {"start-standby-leader", holds_it, start_as_standby_leader, "The lock holder of a standby cluster starts as its leader."},
              {"start-from-remote", standby_cluster_without_leader, follow_remote, "Nobody leads the standby cluster: follow the remote primary."},
              {"start-standby", always, start_as_secondary, "Start as a standby of whoever leads."},
          },
  };
}

}  // namespace matriarch::rules
