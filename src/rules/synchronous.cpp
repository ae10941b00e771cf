// Synchronous replication on a serving primary: /sync in the store and synchronous_standby_names in the server.
//
// Order is everything. A name is recorded as promotable only after commits wait for it and it has caught up; it is taken
// off the record before commits stop waiting for it (docs/invariants.md S5, S6, S9). One step a decision, each on what is
// seen then; nothing waits inside a rule.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "rules/facts.hpp"
#include "rules/quorum_planner.hpp"
#include "rules/standbys.hpp"
#include "rules/sync_names.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::MemberName;
using model::Memory;
using model::Milliseconds;
using model::WriteKind;

constexpr Milliseconds kReloadTakes{1'000};    // then the names are asked for again
constexpr Milliseconds kLookAgainAfter{50};

// ---- steps ---------------------------------------------------------------------------------------------------------

std::string listed(const Names& names) {
  std::vector<std::string> texts;
  for (const MemberName& name : names) texts.push_back(name.text);
  return fmt::format("{}", fmt::join(texts, ","));
}

Plan record(const Situation& s, const Names& voters, int quorum, std::string note) {
  Plan plan{.actions = {model::WriteSync{.leader = me(s), .voters = voters, .quorum = quorum, .expected = cluster(s).sync.revision}}};
  if (!note.empty()) plan.notes.push_back(std::move(note));
  return plan;
}

Plan set_names(const Situation& s, const std::string& text) {
  return {.actions = {model::SetSyncNames{text}},
          .needs = {.fresh_positions = true},
          .wake_at = s.seen.now + kLookAgainAfter,
          .memory = remembering(s,
                                [&](Memory& memory) {
                                  memory.sync.asked = text;
                                  memory.sync.asked_at = s.seen.now;
                                }),
          .notes = {fmt::format("Assigning synchronous_standby_names to {}", text)}};
}

// At once at first, then ever more rarely: a standby may need minutes to catch up.
Plan look_again(const Situation& s) {
  const auto waited = std::chrono::duration_cast<Milliseconds>(s.seen.now - s.memory.sync.changed_at) / 4;
  const Instant next = s.seen.postgres.observed_at + std::clamp(waited, kLookAgainAfter, Milliseconds(1'000));
  if (s.seen.now >= next) return {.needs = {.fresh_positions = true}, .wake_at = s.seen.now + kLookAgainAfter};
  return {.wake_at = next};
}
Plan nothing(const Situation&) { return {}; }

const std::string& names_in_effect(const Situation& s) { return s.seen.postgres.sync_names.text; }
bool names_are_settled(const Situation& s) { return s.memory.sync.asked_at == Instant{} || s.memory.sync.asked == names_in_effect(s); }

// ---- common --------------------------------------------------------------------------------------------------------

bool standbys_are_unknown(const Situation& s) { return s.seen.postgres.query_failed; }

bool write_is_under_way(const Situation& s) { return under_way(s, WriteKind::kSync); }

bool record_is_left_over(const Situation& s) { return !sync_requested(s) && cluster(s).sync.active(); }
Plan delete_record(const Situation& s) {
  return {.actions = {model::DeleteSync{cluster(s).sync.revision}}, .notes = {"Disabled synchronous replication"}};
}
bool names_are_left_over(const Situation& s) {
  const bool asked_lately = s.memory.sync.asked == own_sync_names(s) && s.memory.sync.asked_at != Instant{} && s.seen.now < s.memory.sync.asked_at + kReloadTakes;
  return !sync_requested(s) && names_in_effect(s) != own_sync_names(s) && !asked_lately;
}
Plan set_own_names(const Situation& s) { return set_names(s, own_sync_names(s)); }
bool is_off(const Situation& s) { return !sync_requested(s); }

bool record_is_missing(const Situation& s) { return !cluster(s).sync.active(); }
Plan enable(const Situation& s) { return record(s, {}, 0, "Enabled synchronous replication"); }

// Only the leader may then be promoted, which is always safe.
bool record_names_another(const Situation& s) { return cluster(s).sync.leader != me(s); }
Plan claim_record(const Situation& s) {
  return record(s, {}, 0, fmt::format("Inconsistent state of /sync key detected, leader = {} doesn't match {}, updating synchronous replication key",
                                      cluster(s).sync.leader, me(s)));
}

bool names_are_awaited(const Situation& s) { return !names_are_settled(s) && s.seen.now < s.memory.sync.asked_at + kReloadTakes; }

// ---- strict mode without a standby ---------------------------------------------------------------------------------

bool nobody_can_confirm(const Situation& s) { return min_sync(s) > 0 && picked_standbys(s).empty(); }
std::string strict_names(const Situation& s) {
  const Names voters = voters_now(s);
  const int quorum = votes_are_counted(s) ? cluster(s).sync.quorum : 0;
  return sync_names_text(voters, std::max(min_sync(s), static_cast<int>(voters.size()) - quorum), votes_are_counted(s));
}
bool must_block_commits(const Situation& s) { return nobody_can_confirm(s) && names_in_effect(s) != strict_names(s); }
Plan block_commits(const Situation& s) {
  Plan plan = set_names(s, strict_names(s));
  plan.notes.emplace_back("No active replication connections from Patroni members and synchronous_mode_strict is requested. Commits will be delayed.");
  return plan;
}

// ---- the two modes -------------------------------------------------------------------------------------------------

bool counts_votes(const Situation& s) { return votes_are_counted(s); }
Plan to_quorum(const Situation&) { return {.next = "quorum"}; }
Plan to_priority(const Situation&) { return {.next = "priority"}; }

// ---- priority mode: every commit waits for every voter -------------------------------------------------------------

Names intersection(const Names& a, const Names& b) {
  Names both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
  return both;
}
bool contains_all(const Names& all, const Names& some) { return std::includes(all.begin(), all.end(), some.begin(), some.end()); }
Names united(Names a, const Names& b) {
  a.insert(b.begin(), b.end());
  return a;
}

// Voters that stream, and that commits wait for.
Names sound_voters(const Situation& s) { return intersection(intersection(voters_now(s), waited_for_now(s)), live_standbys(s)); }

bool has_unsound_voters(const Situation& s) { return sound_voters(s) != voters_now(s); }
Plan drop_unsound_voters(const Situation& s) {
  return record(s, sound_voters(s), 0, fmt::format("Updating /sync key temporarily from {} to {}", listed(voters_now(s)), listed(sound_voters(s))));
}

bool every_pick_votes(const Situation& s) { return contains_all(voters_now(s), picked_standbys(s)); }

// The chosen ones have caught up: whoever was kept until then may go.
bool has_replaced_voters(const Situation& s) { return every_pick_votes(s) && voters_now(s) != picked_standbys(s); }
Plan drop_replaced_voters(const Situation& s) {
  return record(s, picked_standbys(s), 0, fmt::format("Synchronous standby status assigned to {}", listed(picked_standbys(s))));
}

// Until the chosen ones have caught up, a voter that still streams is waited for too.
Names names_wanted(const Situation& s) { return every_pick_votes(s) ? picked_standbys(s) : united(picked_standbys(s), sound_voters(s)); }
std::string text_wanted(const Situation& s) {
  const Names names = names_wanted(s);
  return sync_names_text(names, static_cast<int>(names.size()), false);
}
bool names_must_change(const Situation& s) { return names_in_effect(s) != text_wanted(s); }
Plan assign_names(const Situation& s) { return set_names(s, text_wanted(s)); }

Names new_voters(const Situation& s) { return united(voters_now(s), intersection(picked_standbys(s), caught_up_standbys(s))); }
bool somebody_caught_up(const Situation& s) { return names_are_settled(s) && new_voters(s) != voters_now(s); }
Plan add_voters(const Situation& s) {
  return record(s, new_voters(s), 0, fmt::format("Synchronous standby status assigned to {}", listed(new_voters(s))));
}

bool somebody_must_catch_up(const Situation& s) { return !every_pick_votes(s); }

// ---- quorum mode ---------------------------------------------------------------------------------------------------

// A new primary gives its standbys a moment to turn to it before it stops waiting for them.
bool standbys_may_still_come(const Situation& s) {
  const bool is_new = s.memory.promoted_at != Instant{} && s.seen.now < s.memory.promoted_at + loop_wait(s);
  return is_new && picked_standbys(s).empty() && !waited_for_now(s).empty();
}
Plan await_standbys(const Situation& s) { return {.wake_at = s.memory.promoted_at + loop_wait(s)}; }

// With votes on record but the mode turned to a plain list, all of the chosen ones are waited for; then no vote is needed.
int confirmations_wanted(const Situation& s) {
  return quorum_requested(s) ? std::max(sync_wanted(s), 1) : static_cast<int>(picked_standbys(s).size());
}
QuorumState quorum_state(const Situation& s) {
  const Names waited_for = waited_for_now(s);
  return {.voters = voters_now(s), .quorum = cluster(s).sync.quorum, .names = waited_for,
          .confirmations = std::min(s.seen.postgres.sync_names.num, static_cast<int>(waited_for.size())), .caught_up = caught_up_standbys(s)};
}
QuorumStep quorum_step(const Situation& s) { return next_quorum_step(quorum_state(s), picked_standbys(s), confirmations_wanted(s)); }

bool quorum_names_must_change(const Situation& s) { return std::holds_alternative<SetNames>(quorum_step(s)); }
Plan assign_quorum_names(const Situation& s) {
  const auto step = std::get<SetNames>(quorum_step(s));
  return set_names(s, sync_names_text(step.names, step.confirmations, true));
}
bool quorum_record_must_change(const Situation& s) { return names_are_settled(s) && std::holds_alternative<RecordVoters>(quorum_step(s)); }
Plan record_quorum(const Situation& s) {
  const auto step = std::get<RecordVoters>(quorum_step(s));
  return record(s, step.voters, step.quorum, fmt::format("Setting leader to {}, quorum to {} of ({})", me(s), step.quorum, listed(step.voters)));
}
// "2 (a,b)" and "ANY 2 (a,b)" mean the same; in quorum mode only the second shows a standby as "quorum".
bool names_are_a_list(const Situation& s) {
  return quorum_requested(s) && s.seen.postgres.sync_names.kind == model::SyncNames::Kind::kPriority && !waited_for_now(s).empty();
}
Plan turn_into_quorum(const Situation& s) {
  const auto now = quorum_state(s);
  return set_names(s, sync_names_text(now.names, now.confirmations, true));
}
bool votes_must_catch_up(const Situation& s) {
  const Names picked = picked_standbys(s);
  return voters_now(s) != picked || !contains_all(caught_up_standbys(s), picked);
}

}  // namespace

Table synchronous_table() {
  return {
      .name = "synchronous",
      .about = "A serving primary keeps /sync and synchronous_standby_names in step.",
      .verdicts =
          {
              {"standbys-unknown", standbys_are_unknown, nothing, "The server does not answer: nothing is known of its standbys."},
              {"sync-write-under-way", write_is_under_way, nothing, "A change of /sync is on its way: wait for it."},
              {"sync-record-left-over", record_is_left_over, delete_record, "Synchronous mode is off: delete the record first."},
              {"sync-names-left-over", names_are_left_over, set_own_names, "Synchronous mode is off: then the operator's own names take effect."},
              {"sync-off", is_off, nothing, "Synchronous mode is off."},
              {"sync-record-missing", record_is_missing, enable, "Begin: only this leader may be promoted without losing a commit."},
              {"sync-record-of-another", record_names_another, claim_record, "The record names another leader: only this one may be promoted from now on."},
              {"sync-names-awaited", names_are_awaited, look_again, "New names were written and are not in effect yet: look again."},
              {"strict-block", must_block_commits, block_commits, "Strict mode and nobody can confirm: commits wait (the record stays)."},
              {"strict-wait", nobody_can_confirm, nothing, "Strict mode and nobody can confirm: commits wait until somebody comes."},
              {"sync-by-votes", counts_votes, to_quorum, "A quorum confirms commits, or one is still on record."},
              {"sync-by-list", always, to_priority, "Every listed standby confirms every commit."},
          },
  };
}

Table priority_table() {
  return {
      .name = "priority",
      .about = "Every commit waits for every voter, so each voter has everything.",
      .verdicts =
          {
              {"drop-unsound-voters", has_unsound_voters, drop_unsound_voters,
               "A voter does not stream any more, or commits do not wait for it: take it off the record first (S9)."},
              {"drop-replaced-voters", has_replaced_voters, drop_replaced_voters, "The chosen standbys have caught up: the ones they replace leave the record (S9)."},
              {"assign-sync-names", names_must_change, assign_names, "Let commits wait for the chosen standbys, and for voters that they will replace."},
              {"add-voters", somebody_caught_up, add_voters, "A chosen standby is waited for and has caught up: it may be promoted from now on (S5)."},
              {"await-catch-up", somebody_must_catch_up, look_again, "A chosen standby has not caught up yet: look again soon."},
              {"sync-settled", always, nothing, "The chosen standbys confirm every commit."},
          },
  };
}

Table quorum_table() {
  return {
      .name = "quorum",
      .about = "Any n of the listed standbys confirm a commit; a promotion needs votes (S6).",
      .verdicts =
          {
              {"await-standbys-of-new-primary", standbys_may_still_come, await_standbys, "Just promoted: the standbys get a loop_wait to turn to this primary."},
              {"assign-quorum-names", quorum_names_must_change, assign_quorum_names, "The record is good under the new names too: let commits wait for them."},
              {"record-quorum", quorum_record_must_change, record_quorum, "Record voters and quorum that are good under the names in effect, and under the next ones."},
              {"list-to-quorum", names_are_a_list, turn_into_quorum, "The names in effect are a list: write them as a quorum."},
              {"await-votes", votes_must_catch_up, look_again, "A standby has not caught up yet: look again soon."},
              {"quorum-settled", always, nothing, "Voters, quorum and names are as wanted."},
          },
  };
}

}  // namespace matriarch::rules
