// Another node holds the leader lock: this one follows.
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/rewind.hpp"
#include "rules/tables.hpp"
#include "rules/upstream.hpp"
#include "rules/wishes.hpp"

namespace matriarch::rules {
namespace {

using model::Memory;
using model::PostgresRole;
using model::RewindState;
using model::TaskKind;

constexpr model::Milliseconds kReloadTakes{1'000};

// ---- follower ------------------------------------------------------------------------------------------------------

bool view_is_older_than_my_lease(const Situation& s) { return view_predates_lease(s); }
Plan read_again(const Situation&) {
  return {.says = "obtained the leader lock, reading the store again", .keep_lease = true, .needs = {.linearizable_view = true}};
}

bool stray_primary_of_standby_cluster(const Situation& s) { return !paused(s) && in_standby_cluster(s) && may_write(s); }
Plan demote_stray(const Situation&) {
  return {.actions = {model::FencePostgres{"a primary in a standby cluster that does not hold the lock"}}, .says = "cannot be a real primary in a standby cluster"};
}

bool primary_without_lock(const Situation& s) { return !paused(s) && may_write(s); }
Plan demote_at_once(const Situation& s) {
  return {.actions = {model::FencePostgres{fmt::format("{} holds the leader lock", leader_name(s))}},
          .says = "demoting self because I do not have the lock and I was a leader"};
}

bool wishes_wait(const Situation& s) { return wish_needs_the_server(s); }
Plan to_wishes(const Situation&) { return {.next = "wishes"}; }

Plan follow(const Situation& s) {
  const char* whom = in_standby_cluster(s) ? "a standby leader" : "a leader";
  return {.says = fmt::format("no action. I am ({}), a secondary, and following {} ({})", me(s), whom, leader_name(s)), .next = "following"};
}

// ---- following -----------------------------------------------------------------------------------------------------

bool stays_as_it_is_in_pause(const Situation& s) {
  if (!paused(s)) return false;
  return may_write(s) ? !repair_is_due(s) || unlocked(s) : !upstream_for(s);
}
Plan change_nothing(const Situation& s) {
  if (!may_write(s)) return {.says = fmt::format("no action. I am ({})", me(s)), .keep_lease = holds_lease(s)};
  Plan plan{.says = "continue to run as primary without lock"};
  if (s.seen.postgres.role != PostgresRole::kPrimary) plan.actions.emplace_back(model::SetRole{PostgresRole::kPrimary});
  return plan;
}

bool repair(const Situation& s) { return repair_is_due(s); }
Plan to_repair(const Situation&) { return {.next = "repair"}; }

bool replay_was_paused(const Situation& s) { return !paused(s) && s.seen.postgres.replay_paused && s.seen.postgres.server_version >= 140000; }
Plan resume_replay(const Situation&) { return {.actions = {model::ResumeReplay{}}}; }

PostgresRole role_here(const Situation& s) {
  return in_standby_cluster(s) && has_lock(s) ? PostgresRole::kStandbyLeader : PostgresRole::kReplica;
}
bool role_changed(const Situation& s) {
  const auto role = s.seen.postgres.role;
  return is_standby(s) && role != role_here(s) && role != PostgresRole::kUninitialized && !s.seen.postgres.is_starting();
}
Plan set_role(const Situation& s) {
  Plan plan{.actions = {model::SetRole{role_here(s)}}};
  if (role_here(s) == PostgresRole::kStandbyLeader) plan.actions.emplace_back(model::RunCallback{"on_role_change"});
  return plan;
}

bool restarts_lately_failed(const Situation& s) { return s.seen.now < s.memory.retry_at; }

bool upstream_changed(const Situation& s) {
  if (!is_standby(s)) return false;
  const auto wanted = upstream_for(s);
  const auto& now = s.seen.postgres.upstream;
  return wanted && (!now || !same_connection(*wanted, *now));
}
// primary_conninfo and the slot's name are read again on a reload from PostgreSQL 13 on, the commands from 14 on.
bool needs_restart(const Situation& s) {
  const int version = s.seen.postgres.server_version;
  if (version == 0 || version >= 140000) return false;
  const auto wanted = upstream_for(s);
  if (!wanted) return false;
  const auto& now = s.seen.postgres.upstream;
  const bool commands_differ = now && (wanted->restore_command != now->restore_command || wanted->archive_cleanup_command != now->archive_cleanup_command);
  return version < 130000 || commands_differ;
}
Memory with_comparison_wanted(const Situation& s) {
  return remembering(s, [&](Memory& memory) {
    if (!unlocked(s)) want_comparison(s, memory);
  });
}

bool upstream_changed_needs_restart(const Situation& s) { return upstream_changed(s) && needs_restart(s) && !restarts_lately_failed(s); }
Plan restart_to_follow(const Situation& s) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kFollow, .name = "changing primary_conninfo and restarting", .upstream = upstream_for(s), .role = role_here(s)}}},
          .keep_lease = holds_lease(s),
          .memory = with_comparison_wanted(s)};
}
// A reload shows in the next status query; the same one is not asked for again before.
std::string text_of(const model::Upstream& upstream) { return fmt::format("{}:{}/{}", upstream.host, upstream.port, upstream.slot); }
bool asked_for_it_lately(const Situation& s) {
  return s.memory.follow_asked == text_of(*upstream_for(s)) && s.seen.now < s.memory.follow_asked_at + kReloadTakes;
}
bool upstream_changed_needs_reload(const Situation& s) {
  return upstream_changed(s) && !needs_restart(s) && !s.seen.postgres.is_starting() && !asked_for_it_lately(s);
}
Plan reload_to_follow(const Situation& s) {
  Memory memory = with_comparison_wanted(s);
  memory.follow_asked = text_of(*upstream_for(s));
  memory.follow_asked_at = s.seen.now;
  return {.actions = {model::FollowByReload{*upstream_for(s)}}, .keep_lease = holds_lease(s), .needs = {.fresh_positions = true}, .memory = std::move(memory)};
}

bool standby_leader_has_no_address(const Situation& s) { return in_standby_cluster(s) && !has_lock(s) && !unlocked(s) && !upstream_for(s) && !my_tags(s).nostream(); }
Plan keep_old_upstream(const Situation&) { return {.says = "continue following the old known standby leader"}; }

Plan keep_following(const Situation& s) { return {.keep_lease = holds_lease(s)}; }

}  // namespace

Table follower_table() {
  return {
      .name = "follower",
      .about = "Another node holds the leader lock.",
      .verdicts =
          {
              {"view-older-than-lease", view_is_older_than_my_lease, read_again, "We obtained the lock after this view was read: read the store again."},
              {"stray-primary-in-standby-cluster", stray_primary_of_standby_cluster, demote_stray, "A primary in a standby cluster without the lock is killed (S15)."},
              {"primary-without-lock", primary_without_lock, demote_at_once, "Another node leads: this primary is killed at once (S15)."},
              {"follower-wishes", wishes_wait, to_wishes, "An operator asked for something that needs the server."},
              {"follow", always, follow, "Follow the leader."},
          },
  };
}

Table following_table() {
  std::vector<Rule> duties = comparison_duties_when_running();
  duties.push_back({"resume-replay", replay_was_paused, resume_replay, "The server paused replay because of a parameter: resume it, it stops if it must."});
  duties.push_back({"standby-role", role_changed, set_role, "The standby's role is not what its place in the cluster says: set it."});
  return {
      .name = "following",
      .about = "A standby keeps to the right upstream.",
      .duties = std::move(duties),
      .verdicts =
          {
              {"as-it-is-in-pause", stays_as_it_is_in_pause, change_nothing, "In pause a primary goes on, and a standby without anybody to follow too."},
              {"repair-first", repair, to_repair, "This standby diverged from the leader: repair it."},
              {"standby-leader-without-address", standby_leader_has_no_address, keep_old_upstream, "The standby leader's address is not known: keep the old upstream."},
              {"change-upstream-by-restart", upstream_changed_needs_restart, restart_to_follow, "Another upstream, and this server version needs a restart for it."},
              {"change-upstream", upstream_changed_needs_reload, reload_to_follow, "Another upstream: a reload is enough."},
              {"keep-following", always, keep_following, "The upstream is right."},
          },
  };
}

}  // namespace matriarch::rules
