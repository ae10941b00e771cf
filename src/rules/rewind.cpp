#include "rules/rewind.hpp"

#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/tables.hpp"
#include "rules/upstream.hpp"

namespace matriarch::rules {

using model::Instant;
using model::Memory;
using model::Milliseconds;
using model::RewindState;
using model::TaskKind;

namespace {

bool may_replace_diverged_data(const Situation& s) { return s.seen.settings->postgresql.remove_data_directory_on_diverged_timelines; }

std::string identity_of(const model::Member& leader) { return fmt::format("{}@{}", leader.name, leader.timeline); }

bool needs_repair(const Situation& s) { return s.memory.rewind == RewindState::kNeeded && reference_leader(s); }

bool may_try_again(const Situation& s) { return s.seen.now >= s.memory.retry_at; }

}  // namespace

// Unknown control data counts as "possible": pg_rewind itself refuses what it cannot do.
bool rewind_is_possible(const Situation& s) {
  if (!s.seen.settings->postgresql.use_pg_rewind) return false;
  const auto& control = s.seen.postgres.control;
  return !control || control->wal_log_hints || control->data_checksums;
}

void want_comparison(const Situation& s, Memory& memory) {
  if (memory.rewind == RewindState::kNeeded) return;
  if (!rewind_is_possible(s) && !may_replace_diverged_data(s)) return;
  memory.rewind = RewindState::kCheck;
  memory.divergence_wanted_at = s.seen.now;
}

const model::Member* reference_leader(const Situation& s) {
  const model::Member* leader = cluster(s).leader_member();
  if (!leader || leader->name == me(s) || leader->conn_url.empty()) return nullptr;
  return leader;
}

namespace {

// Another attempt at a comparison that could not be made.
constexpr Milliseconds kCompareAgainAfter{1'000};

bool can_compare(const Situation& s) {
  const model::Member* leader = reference_leader(s);
  return s.memory.rewind == RewindState::kCheck && leader && leader->role == "primary";
}

const model::DivergenceReport* report(const Situation& s) {
  const model::Member* leader = reference_leader(s);
  const auto& arrived = s.seen.divergence;
  if (!arrived || !leader || arrived->leader != leader->name || arrived->asked_at < s.memory.divergence_wanted_at) return nullptr;
  return &*arrived;
}

bool comparison_arrived(const Situation& s) {
  return can_compare(s) && report(s) && report(s)->verdict != model::DivergenceReport::Verdict::kUnknown;
}

bool must_ask_for_comparison(const Situation& s) {
  if (!can_compare(s) || comparison_arrived(s)) return false;
  return !report(s) || s.seen.now >= report(s)->asked_at + kCompareAgainAfter;
}

Plan take_comparison(const Situation& s) {
  const bool diverged = report(s)->verdict == model::DivergenceReport::Verdict::kNeedsRewind;
  Plan plan{.memory = remembering(s, [&](Memory& memory) {
              memory.rewind = diverged ? RewindState::kNeeded : RewindState::kNotNeeded;
              memory.divergence_compared_with = identity_of(*reference_leader(s));
            })};
  if (diverged) plan.notes.push_back(fmt::format("this node diverged from {}: {}", report(s)->leader, report(s)->says));
  return plan;
}

}  // namespace

bool comparison_is_awaited(const Situation& s) { return can_compare(s) && !report(s); }
bool repair_is_due(const Situation& s) {
  return needs_repair(s) && (rewind_is_possible(s) || (may_replace_diverged_data(s) && !in_standby_cluster(s)));
}

// ---- rows ----------------------------------------------------------------------------------------------------------

namespace {

// The same leader on a new timeline, or another one: what was compared before says nothing any more.
bool leader_is_on_a_newer_timeline(const Situation& s) {
  const model::Member* leader = reference_leader(s);
  const auto mine = s.memory.last_timeline;
  return leader && leader->timeline.known() && mine.known() && mine < leader->timeline && s.memory.rewind != RewindState::kCheck &&
         s.memory.rewind != RewindState::kNeeded && s.memory.divergence_compared_with != identity_of(*leader);
}

Plan compare_again(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            if (memory.rewind == RewindState::kSucceeded) memory.rewind = RewindState::kInitial;
            memory.divergence_compared_with = identity_of(*reference_leader(s));
            want_comparison(s, memory);
          })};
}

Plan ask_for_comparison(const Situation& s) {
  return {.needs = {.divergence_check = reference_leader(s)->name}, .wake_at = s.seen.now + kCompareAgainAfter};
}

bool must_recover_before_rewind(const Situation& s) {
  const auto& node = s.seen.postgres;
  return needs_repair(s) && rewind_is_possible(s) && !node.is_running && node.control &&
         node.control->cluster_state == "in archive recovery" && s.memory.crash_recovery_at == Instant{};
}

// Until its checkpoint is done the new primary's control file still shows the old timeline, and pg_rewind would be misled.
bool leader_has_not_checkpointed(const Situation& s) {
  return needs_repair(s) && rewind_is_possible(s) && !reference_leader(s)->checkpoint_after_promote_done;
}
Plan wait_for_checkpoint(const Situation& s) {
  return {.says = fmt::format("Waiting for checkpoint on {} before rewind", reference_leader(s)->name), .wake_at = s.seen.now + loop_wait(s)};
}

bool repair_failed_lately(const Situation& s) { return !may_try_again(s); }
Plan wait_before_repair(const Situation& s) {
  return {.says = "waiting before another attempt to rewind", .wake_at = s.memory.retry_at};
}

bool can_rewind(const Situation& s) { return needs_repair(s) && rewind_is_possible(s); }
Plan start_rewind(const Situation& s) {
  const auto& leader = *reference_leader(s);
  const std::string name = fmt::format("running pg_rewind from {}", leader.name);
  return {.actions = {model::StartTask{{.kind = TaskKind::kRewind, .name = name, .source = leader.name}}}, .says = name};
}

Plan start_replacement(const Situation& s) {
  const std::string name = "reinitializing due to diverged timelines";
  return {.actions = {model::StartTask{{.kind = TaskKind::kReinitialize, .name = name, .source = reference_leader(s)->name,
                                        .upstream = upstream_for(s)}}},
          .says = name};
}

}  // namespace

bool single_user_recovery_applies(const Situation& s) {
  return s.memory.crash_recovery_at == Instant{} && (unlocked(s) || rewind_is_possible(s));
}

Plan single_user_recovery(const Situation& s) {
  const std::string name = "doing crash recovery in a single user mode";
  return {.actions = {model::StartTask{{.kind = TaskKind::kCrashRecovery, .name = name}}},
          .says = name,
          .memory = remembering(s, [&](Memory& memory) { memory.crash_recovery_at = s.seen.now; })};
}

std::vector<Rule> comparison_duties_when_down() {
  return {
      {"compare-before-start", must_ask_for_comparison, ask_for_comparison,
       "It is not known whether this stopped node diverged from the leader: compare timelines."},
      {"comparison-before-start-arrived", comparison_arrived, take_comparison,
       "The comparison with the leader has arrived: remember whether this node diverged."},
  };
}

std::vector<Rule> comparison_duties_when_running() {
  return {
      {"leader-on-newer-timeline", leader_is_on_a_newer_timeline, compare_again,
       "The leader is on a newer timeline than this standby: the comparison of timelines is due again."},
      {"compare", must_ask_for_comparison, ask_for_comparison,
       "It is not known whether this standby diverged from the leader: compare timelines."},
      {"comparison-arrived", comparison_arrived, take_comparison,
       "The comparison with the leader has arrived: remember whether this standby diverged."},
  };
}

Table repair_table() {
  return {
      .name = "repair",
      .about = "This node has WAL that the leader does not have: it cannot follow as it is.",
      .verdicts =
          {
              {"recover-before-rewind", must_recover_before_rewind, single_user_recovery,
               "The node stopped in the middle of archive recovery: bring its files to a consistent state first."},
              {"leader-not-ready-for-rewind", leader_has_not_checkpointed, wait_for_checkpoint,
               "The new primary has not finished its first checkpoint: pg_rewind would be misled by its control file."},
              {"repair-failed-lately", repair_failed_lately, wait_before_repair, "The last attempt failed: wait a little longer each time."},
              {"rewind", can_rewind, start_rewind, "pg_rewind can repair it: run it against the leader."},
              {"replace-diverged-data", always, start_replacement, "pg_rewind cannot be used and replacing the data is allowed: copy the leader."},
          },
  };
}

}  // namespace matriarch::rules
