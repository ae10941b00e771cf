// A task occupies the server: the lease goes on, or the task is pre-empted.
#include <algorithm>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::DemoteMode;
using model::OperatorWish;
using model::TaskKind;
using model::TaskPhase;

const model::TaskRequest& task(const Situation& s) { return s.seen.task->request; }

bool is_being_fenced(const Situation& s) { return task(s).kind == TaskKind::kDemote && task(s).demote == DemoteMode::kImmediateNoLock; }
Plan await_fence(const Situation& s) { return {.says = fmt::format("{} in progress", task(s).name)}; }

// Also between the promote signal and "in production": the server may begin to acknowledge at any moment.
bool may_begin_to_write(const Situation& s) {
  const bool is_promoting = task(s).kind == TaskKind::kPromote && s.seen.task->phase == TaskPhase::kPromoteSignalled;
  const bool is_starting_primary = model::brings_up_a_primary(task(s)) && s.seen.postgres.is_running;
  return may_write(s) || is_promoting || is_starting_primary;
}

bool lost_while_writing(const Situation& s) {
  return !paused(s) && may_begin_to_write(s) && !holds_lease(s) && !s.memory.bootstrapping;
}
Plan pre_empt(const Situation& s) {
  return {.actions = {model::FencePostgres{fmt::format("lost leader lock during {}", task(s).name)}},
          .says = fmt::format("lost leader lock during {}", task(s).name)};
}

bool lost_before_promotion(const Situation& s) { return !paused(s) && task(s).kind == TaskKind::kPromote && !holds_lease(s); }
Plan cancel_promotion(const Situation&) { return {.actions = {model::CancelTask{}}, .says = "lost leader before promote"}; }

bool lost_before_start(const Situation& s) { return !paused(s) && model::brings_up_a_primary(task(s)) && !holds_lease(s) && !s.memory.bootstrapping; }
Plan cancel_start(const Situation& s) {
  return {.actions = {model::CancelTask{}}, .says = fmt::format("lost leader lock during {}", task(s).name)};
}

bool recovery_takes_too_long(const Situation& s) {
  return holds_lease(s) && task(s).kind == TaskKind::kCrashRecovery && !s.seen.task->cancelled &&
         s.seen.now >= s.memory.crash_recovery_at + s.seen.dynamic().primary_start_timeout;
}
bool give_up_recovery(const Situation& s) {
  return recovery_takes_too_long(s) && successors(s, false).answer == Successors::Answer::kYes;
}
Plan end_recovery(const Situation&) {
  return {.actions = {model::CancelTask{}, model::ReleaseLease{.reason = "crash recovery is taking too long"}},
          .says = "terminated crash recovery because of startup timeout",
          .notes = {"Demoting self because crash recovery is taking too long"}};
}
bool must_ask_successors(const Situation& s) {
  return recovery_takes_too_long(s) && successors(s, false).answer == Successors::Answer::kAsk;
}
Plan ask_successors(const Situation& s) { return {.needs = {.poll_peers = successors(s, false).ask}}; }

// A reinitialization by force takes the slot from whatever owns it, but never from the leader's server.
bool forced_reinitialize(const Situation& s) {
  const bool is_asked = std::any_of(s.seen.wishes.begin(), s.seen.wishes.end(), [](const OperatorWish& wish) {
    return wish.kind == OperatorWish::Kind::kReinitialize && wish.force;
  });
  return is_asked && !s.seen.task->cancelled && !holds_lease(s) && !has_lock(s) && !unlocked(s) && task(s).kind != TaskKind::kReinitialize;
}
Plan make_room(const Situation& s) {
  return {.actions = {model::CancelTask{}}, .says = fmt::format("cancelling {} for a forced reinitialize", task(s).name)};
}

bool is_refused_for_now(const OperatorWish& wish) {
  return wish.kind == OperatorWish::Kind::kRestart || (wish.kind == OperatorWish::Kind::kReinitialize && !wish.force);
}
bool wishes_must_wait(const Situation& s) {
  return std::any_of(s.seen.wishes.begin(), s.seen.wishes.end(), is_refused_for_now);
}
Plan refuse_wishes(const Situation& s) {
  Plan plan;
  for (const OperatorWish& wish : s.seen.wishes) {
    if (!is_refused_for_now(wish)) continue;
    plan.actions.emplace_back(model::AnswerWish{wish.id, 503, fmt::format("{} already in progress", task(s).name)});
  }
  return plan;
}

bool holder(const Situation& s) { return holds_lease(s); }
Plan keep_lease_meanwhile(const Situation& s) {
  return {.says = fmt::format("updated leader lock during {}", task(s).name), .keep_lease = true};
}
Plan let_it_run(const Situation& s) { return {.says = fmt::format("{} in progress", task(s).name)}; }

}  // namespace

Table task_running_table() {
  return {
      .name = "task-running",
      .about = "A task occupies the server: the lease goes on, or the task is pre-empted.",
      .duties =
          {
              {"ask-who-could-take-over", must_ask_successors, ask_successors, "Crash recovery takes too long: ask whether somebody else could lead."},
              {"busy", wishes_must_wait, refuse_wishes, "An operator's request needs the server, which is busy: say with what."},
          },
      .verdicts =
          {
              {"fence-in-progress", is_being_fenced, await_fence, "PostgreSQL is being killed already."},
              {"lost-lock-during-task", lost_while_writing, pre_empt,
               "The lease was lost while the server writes or is about to: kill everything at once (S15)."},
              {"lost-lock-before-promote", lost_before_promotion, cancel_promotion, "The lease was lost before the promote signal: cancel the promotion (S4)."},
              {"lost-lock-before-start", lost_before_start, cancel_start, "The lease was lost before the primary was launched: cancel its start."},
              {"crash-recovery-too-long", give_up_recovery, end_recovery,
               "Crash recovery of the lock holder takes too long and somebody else can lead: give the lease back."},
              {"make-room-for-reinitialize", forced_reinitialize, make_room, "A reinitialization by force takes the server from the running task."},
              {"lease-during-task", holder, keep_lease_meanwhile, "The lock holder's task goes on under its lease."},
              {"task-in-progress", always, let_it_run, "The task goes on."},
          },
  };
}

}  // namespace matriarch::rules
