// What every look begins with: what changed since the last one is noted, nothing is decided.
#include <algorithm>

#include "rules/facts.hpp"
#include "rules/rewind.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::FinishedTask;
using model::Instant;
using model::Memory;
using model::Milliseconds;
using model::RewindState;
using model::TaskKind;
using model::TaskResult;

// ---- the leader ----------------------------------------------------------------------------------------------------

// Most looks see the view that is remembered already.
bool leader_is_known(const Situation& s) {
  const bool is_remembered = s.memory.last_locked_view == s.seen.store.cluster && s.memory.leaderless_since == Instant{};
  const bool has_asked = !has_lock(s) && s.memory.acquire_asked_at != Instant{};
  return !unlocked(s) && (!is_remembered || has_asked);
}
Plan remember_leader(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.last_locked_view = s.seen.store.cluster;
            memory.leaderless_since = Instant{};
            if (!has_lock(s)) memory.acquire_asked_at = Instant{};
          })};
}

bool leader_is_newly_missing(const Situation& s) { return unlocked(s) && s.memory.leaderless_since == Instant{}; }
Plan note_missing_leader(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.leaderless_since = s.seen.now;
            if (!memory.last_locked_view) memory.last_locked_view = s.seen.store.cluster;
          })};
}

// ---- the task that ended -------------------------------------------------------------------------------------------

bool ended(const Situation& s, std::initializer_list<TaskKind> kinds) {
  return s.seen.finished && std::find(kinds.begin(), kinds.end(), s.seen.finished->request.kind) != kinds.end();
}
bool with(const Situation& s, TaskResult result) { return s.seen.finished->result == result; }

// Each failure in a row waits longer, up to loop_wait.
void back_off(const Situation& s, Memory& memory) {
  memory.failed_starts = std::min(memory.failed_starts + 1, 16);
  const Milliseconds longest = std::max(loop_wait(s), Milliseconds(1000));
  memory.retry_at = s.seen.now + std::min(Milliseconds(250) * (1 << memory.failed_starts), longest);
}
void forget_failures(Memory& memory) {
  memory.failed_starts = 0;
  memory.retry_at = Instant{};
}

bool promotion_succeeded(const Situation& s) { return ended(s, {TaskKind::kPromote}) && with(s, TaskResult::kSucceeded); }
Plan note_promotion(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.promoted_at = s.seen.now;
            memory.failed_promotions = 0;
            memory.role_event_seen = true;
            memory.rewind = RewindState::kInitial;
            memory.last_timeline = {};
            memory.checkpoint_asked_at = Instant{};
            memory.sync = {};
          })};
}

bool promotion_failed(const Situation& s) { return ended(s, {TaskKind::kPromote}) && with(s, TaskResult::kFailed); }
Plan note_failed_promotion(const Situation& s) {
  return {.memory = remembering(s,
                                [&](Memory& memory) {
                                  if (s.seen.finished->pre_promote_failed) memory.pre_promote_failed = true;
                                  else ++memory.failed_promotions;
                                }),
          .notes = {"the promotion failed: " + s.seen.finished->error}};
}

bool bootstrap_step_ended(const Situation& s) {
  return ended(s, {TaskKind::kBootstrap, TaskKind::kPostBootstrap, TaskKind::kBootstrapStandbyLeader});
}
Plan note_bootstrap_step(const Situation& s) {
  const FinishedTask& task = *s.seen.finished;
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.role_event_seen = true;
            memory.bootstrap_ended = true;
            const bool is_last_step = task.request.kind != TaskKind::kBootstrap;
            if (task.result == TaskResult::kFailed || task.result == TaskResult::kCancelled) memory.post_bootstrap_ok = false;
            else if (is_last_step) memory.post_bootstrap_ok = true;
          })};
}

bool copy_ended(const Situation& s) { return ended(s, {TaskKind::kClone, TaskKind::kReinitialize}); }
Plan note_copy(const Situation& s) {
  const FinishedTask& task = *s.seen.finished;
  Plan plan{.memory = remembering(s, [&](Memory& memory) {
              memory.role_event_seen = true;
              memory.rewind = RewindState::kInitial;
              if (task.result == TaskResult::kFailed) back_off(s, memory);
              else forget_failures(memory);
            })};
  if (task.result == TaskResult::kFailed) plan.notes.push_back("failed to bootstrap: " + task.error);
  return plan;
}

bool start_failed(const Situation& s) {
  return ended(s, {TaskKind::kStart, TaskKind::kFollow, TaskKind::kRestart}) && with(s, TaskResult::kFailed);
}
Plan note_failed_start(const Situation& s) {
  return {.memory = remembering(s,
                                [&](Memory& memory) {
                                  memory.role_event_seen = true;
                                  memory.start_failed = true;
                                  back_off(s, memory);
                                }),
          .notes = {"failed to start PostgreSQL: " + s.seen.finished->error}};
}

bool rewind_ended(const Situation& s) { return ended(s, {TaskKind::kRewind}) && !with(s, TaskResult::kCancelled); }
Plan note_rewind(const Situation& s) {
  const FinishedTask& task = *s.seen.finished;
  Plan plan{.memory = remembering(s, [&](Memory& memory) {
              memory.role_event_seen = true;
              if (task.result == TaskResult::kSucceeded) {
                memory.rewind = RewindState::kSucceeded;
                forget_failures(memory);
                return;
              }
              if (task.rewind_impossible) memory.rewind = RewindState::kFailed;
              else back_off(s, memory);
            })};
  if (task.result != TaskResult::kSucceeded) plan.notes.push_back("pg_rewind failed: " + task.error);
  return plan;
}

// Whatever was demoted may have written what nobody else has.
bool demotion_ended(const Situation& s) { return ended(s, {TaskKind::kDemote}); }
Plan note_demotion(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.role_event_seen = true;
            memory.promoted_at = Instant{};
            memory.recovering = false;
            want_comparison(s, memory);
          })};
}

// ---- the server ----------------------------------------------------------------------------------------------------

bool came_up(const Situation& s) {
  const auto& memory = s.memory;
  const bool something_to_forget = memory.recovering || memory.start_failed || memory.crash_recovery_at != Instant{} ||
                                   memory.start_timeout || memory.rewind == RewindState::kSucceeded;
  return something_to_forget && s.seen.postgres.is_running && !s.seen.postgres.is_starting() && !s.seen.task;
}
Plan note_recovery(const Situation& s) {
  return {.memory = remembering(s, [](Memory& memory) {
            memory.recovering = false;
            memory.start_failed = false;
            memory.crash_recovery_at = Instant{};
            memory.start_timeout.reset();
            memory.role_event_seen = true;
            if (memory.rewind == RewindState::kSucceeded) memory.rewind = RewindState::kInitial;
            forget_failures(memory);
          })};
}

model::Timeline standby_timeline(const Situation& s) {
  const auto& node = s.seen.postgres;
  return node.received_timeline.known() ? node.received_timeline : node.replica_timeline;
}
bool timeline_moved(const Situation& s) {
  return is_standby(s) && standby_timeline(s).known() && standby_timeline(s) != s.memory.last_timeline;
}
Plan note_timeline(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) { memory.last_timeline = standby_timeline(s); })};
}

// The position of the last beat, for the race's back-off: "moved since the last heartbeat".
bool beat_passed(const Situation& s) {
  return s.seen.postgres.lsn.known() && s.seen.now >= s.memory.rhythm.position_noted_at + loop_wait(s);
}
Plan note_position(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.last_lsn = s.seen.postgres.lsn;
            memory.rhythm.position_noted_at = s.seen.now;
          })};
}

// ---- pause ---------------------------------------------------------------------------------------------------------

bool in_pause(const Situation& s) { return paused(s) && (!s.memory.was_paused || s.seen.watchdog_active); }
Plan note_pause(const Situation& s) {
  Plan plan{.memory = remembering(s, [](Memory& memory) { memory.was_paused = true; })};
  if (s.seen.watchdog_active) plan.actions.emplace_back(model::DisableWatchdog{});
  return plan;
}

// Anything may have been done to the server by hand: compare again, read the identifier again.
bool leaves_pause(const Situation& s) { return !paused(s) && s.memory.was_paused; }
Plan note_end_of_pause(const Situation& s) {
  return {.needs = {.control_data = true, .fresh_positions = true},
          .memory = remembering(s, [](Memory& memory) {
            memory.was_paused = false;
            memory.rewind = RewindState::kInitial;
            memory.rhythm.slots_synced_at = Instant{};
          })};
}

}  // namespace

Table prologue_table() {
  return {
      .name = "prologue",
      .about = "Every look begins by noting what changed since the last one.",
      .duties =
          {
              {"leader-known", leader_is_known, remember_leader, "There is a leader: remember this view of the members."},
              {"leader-missing", leader_is_newly_missing, note_missing_leader,
               "The leader has just gone: remember since when; answers of peers count only from here."},
              {"promotion-succeeded", promotion_succeeded, note_promotion, "The promotion ended well: a new timeline begins."},
              {"promotion-failed", promotion_failed, note_failed_promotion,
               "The promotion failed: count it; after several the lease is given to somebody who can."},
              {"bootstrap-step-ended", bootstrap_step_ended, note_bootstrap_step, "A step of the bootstrap ended: remember how."},
              {"copy-ended", copy_ended, note_copy, "A copy ended: forget the divergence of the old data, or wait before the next attempt."},
              {"start-failed", start_failed, note_failed_start, "PostgreSQL did not start: remember it and wait before the next attempt."},
              {"rewind-ended", rewind_ended, note_rewind, "pg_rewind ended: remember how."},
              {"demotion-ended", demotion_ended, note_demotion, "This node was demoted: its history must be compared with the next leader's."},
              {"came-up", came_up, note_recovery, "PostgreSQL runs: the attempts to bring it up are forgotten."},
              {"timeline-moved", timeline_moved, note_timeline, "The standby is on another timeline than before: remember it."},
              {"beat", beat_passed, note_position, "A loop_wait has passed: remember the position."},
              {"pause", in_pause, note_pause, "Maintenance mode is on: the watchdog sleeps."},
              {"pause-ended", leaves_pause, note_end_of_pause,
               "Maintenance mode has ended: whatever was done by hand is found out first."},
          },
  };
}

}  // namespace matriarch::rules
