// PostgreSQL of the lock holder has not finished starting.
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::Milliseconds;

Milliseconds start_timeout(const Situation& s) { return s.memory.start_timeout.value_or(s.seen.dynamic().primary_start_timeout); }
Milliseconds waited(const Situation& s) { return std::chrono::duration_cast<Milliseconds>(s.seen.now - s.seen.postgres.state_since); }
bool starts_as_primary(const Situation& s) { return may_write(s) || s.seen.postgres.role == model::PostgresRole::kPrimary; }

// Left behind by an agent that was restarted: bind it to our session, it is still ours in the store.
bool own_key_of_an_earlier_life(const Situation& s) {
  return has_lock(s) && !s.seen.is_leader() && !had_a_lease(s) && !s.seen.lease.acquiring && !asked_for_the_lock_already(s);
}

bool lost_while_starting(const Situation& s) {
  return !holds_lease(s) && starts_as_primary(s) && (had_a_lease(s) || another_holds_the_lock(s));
}
Plan kill_the_start(const Situation&) {
  return {.actions = {model::FencePostgres{"the leader key was lost while starting"}},
          .says = "stopped PostgreSQL while starting up because leader key was lost"};
}

bool is_over_time(const Situation& s) { return holds_lease(s) && waited(s) >= start_timeout(s); }
bool somebody_else_can(const Situation& s) { return is_over_time(s) && successors(s, false).answer == Successors::Answer::kYes; }
Plan give_up(const Situation&) {
  return {.actions = {model::StartTask{{.kind = model::TaskKind::kDemote, .name = "immediate: demote", .demote = model::DemoteMode::kImmediate}}},
          .says = "stopped PostgreSQL because of startup timeout",
          .keep_lease = true,
          .notes = {"Demoting self because primary startup is taking too long"}};
}
bool must_ask_successors(const Situation& s) { return is_over_time(s) && successors(s, false).answer == Successors::Answer::kAsk; }
Plan ask_successors(const Situation& s) { return {.needs = {.poll_peers = successors(s, false).ask}}; }

Plan nobody_else_can(const Situation& s) {
  return {.says = "primary start has timed out, but continuing to wait because failover is not possible",
          .keep_lease = true,
          .wake_at = s.seen.now + loop_wait(s)};
}

bool holder(const Situation& s) { return holds_lease(s); }
Plan wait_for_start(const Situation& s) {
  const Milliseconds left = start_timeout(s) - waited(s);
  return {.says = fmt::format("PostgreSQL is still starting up, {} seconds until timeout", std::chrono::floor<std::chrono::seconds>(left).count()),
          .keep_lease = true,
          .wake_at = s.seen.postgres.state_since + start_timeout(s)};
}
Plan wait_without_lock(const Situation& s) {
  return {.says = "not promoting because failed to update leader lock in DCS", .wake_at = s.seen.now + loop_wait(s)};
}

}  // namespace

Table starting_table() {
  return {
      .name = "starting",
      .about = "PostgreSQL of the lock holder has not finished starting.",
      .duties = {{"ask-who-could-lead-instead", must_ask_successors, ask_successors, "The start takes too long: ask whether somebody else could lead."}},
      .verdicts =
          {
              {"own-key-while-starting", own_key_of_an_earlier_life, take_over_own_key, "The leader key carries our name from an earlier run: bind it to our session."},
              {"lost-lock-while-starting", lost_while_starting, kill_the_start, "The lease was lost before the server accepts commits: kill it now."},
              {"start-timed-out", somebody_else_can, give_up, "The start takes longer than primary_start_timeout and somebody else can lead: give way."},
              {"start-timed-out-alone", is_over_time, nobody_else_can, "The start takes too long, but nobody else can lead: go on waiting."},
              {"still-starting", holder, wait_for_start, "The start goes on under the lease."},
              {"starting-without-lease", always, wait_without_lock, "A standby that starts; the lease the store shows is not in force any more."},
          },
  };
}

}  // namespace matriarch::rules
