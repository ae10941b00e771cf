// What a node does whose name is in the leader key.
//
// Order matters: rows above protect data, rows below serve it.
#include <algorithm>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/history.hpp"
#include "rules/race.hpp"
#include "rules/standbys.hpp"
#include "rules/tables.hpp"
#include "rules/wishes.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Memory;
using model::Milliseconds;
using model::PostgresRole;
using model::TaskKind;
using model::WriteKind;

// A node that cannot be promoted after this many attempts gives the lease to somebody who can.
constexpr int kMaxFailedPromotions = 3;

bool holder(const Situation& s) { return holds_lease(s); }
bool serving(const Situation& s) { return holds_lease(s) && may_write(s) && s.seen.postgres.is_primary; }

// ---- duties --------------------------------------------------------------------------------------------------------

bool initialize_is_invalid(const Situation& s) {
  return holder(s) && !cluster(s).system_id() && system_id_is_known(s) && !under_way(s, WriteKind::kInitialize);
}
Plan write_initialize(const Situation& s) {
  const std::string id = s.seen.postgres.system_id->text;
  if (cluster(s).initialize) return {.actions = {model::SetInitialize{id}}};
  return {.actions = {model::CreateInitialize{id}}};
}

bool config_is_missing(const Situation& s) {
  const auto& config = cluster(s).config;
  return holder(s) && (!config || !config->valid) && !s.seen.dynamic().document.empty() && !under_way(s, WriteKind::kConfig);
}
Plan write_config(const Situation& s) { return {.actions = {model::WriteConfig{s.seen.dynamic().document}}}; }

// The request that this lease answers; one that comes later is judged as a request to this leader.
bool is_new_term(const Situation& s) { return serving(s) && s.memory.request_term != s.seen.lease.term; }
bool request_was_answered(const Situation& s) {
  const auto& request = cluster(s).failover;
  return is_new_term(s) && request && (!paused(s) || request->candidate == me(s)) && !under_way(s, WriteKind::kFailover);
}
Plan clear_answered_request(const Situation& s) {
  return {.actions = {model::ClearFailover{cluster(s).failover->revision}}, .notes = {"Cleaning up failover key after acquiring leader lock..."}};
}
bool term_begins(const Situation& s) { return is_new_term(s) && !request_was_answered(s) && !under_way(s, WriteKind::kFailover); }
Plan begin_term(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.request_term = s.seen.lease.term;
            memory.retained_slots.clear();  // the clocks of the published ones start again
          })};
}

std::map<model::MemberName, std::string> failsafe_topology(const Situation& s) {
  std::map<model::MemberName, std::string> members;
  for (const auto& [name, member] : cluster(s).members) {
    if (!member.api_url.empty()) members.emplace(name, member.api_url);
  }
  members.insert_or_assign(me(s), s.seen.settings->restapi.api_url());
  return members;
}
bool failsafe_topology_changed(const Situation& s) {
  return holder(s) && s.seen.dynamic().failsafe_mode && cluster(s).failsafe != failsafe_topology(s) && !under_way(s, WriteKind::kFailsafe);
}
Plan write_failsafe_topology(const Situation& s) { return {.actions = {model::WriteFailsafe{failsafe_topology(s)}}}; }

bool request_is_pending(const Situation& s) {
  const bool is_addressed_to_me = s.memory.request_term == s.seen.lease.term || in_standby_cluster(s);
  return holder(s) && is_addressed_to_me && cluster(s).failover && (!paused(s) || serving(s)) && !under_way(s, WriteKind::kFailover);
}
Plan consider_request(const Situation&) { return {.next = "failover-request"}; }

bool watchdog_sleeps(const Situation& s) { return holder(s) && !paused(s) && !in_standby_cluster(s) && !s.seen.watchdog_active && s.seen.settings->watchdog.mode != model::WatchdogMode::kOff; }
Plan wake_watchdog(const Situation&) { return {.actions = {model::ActivateWatchdog{}}}; }

bool keeps_standbys(const Situation& s) { return serving(s) && !in_standby_cluster(s); }
Plan to_synchronous(const Situation&) { return {.next = "synchronous"}; }

// ---- the lease -----------------------------------------------------------------------------------------------------

bool acquiring(const Situation& s) { return s.seen.lease.acquiring; }
Plan await_acquisition(const Situation&) { return {.says = "trying to obtain the leader lock", .keep_lease = true}; }

bool own_key_of_an_earlier_life(const Situation& s) {
  return !s.seen.is_leader() && !under_way(s, WriteKind::kReleaseLease) && (!had_a_lease(s) || is_standby(s));
}

// The key is in the view before the keeper's own news of it, or the request was lost: it is asked for again a little later.
bool asked_lately(const Situation& s) {
  return !s.seen.is_leader() && s.memory.acquire_asked_at != Instant{} && s.seen.now < s.memory.acquire_asked_at + kAskAgainAfter;
}
Plan await_news(const Situation& s) {
  return {.says = "trying to obtain the leader lock", .keep_lease = true, .wake_at = s.memory.acquire_asked_at + kAskAgainAfter};
}

bool lost_in_pause(const Situation& s) { return paused(s) && !holds_lease(s); }
Plan go_on_in_pause(const Situation& s) {
  return {.says = may_write(s) ? "continue to run as primary after failing to update leader lock in DCS"
                               : "not promoting because failed to update leader lock in DCS"};
}

bool primary_lost_it(const Situation& s) { return !paused(s) && !holds_lease(s) && may_write(s) && had_a_lease(s); }
Plan demote_at_once(const Situation&) {
  return {.actions = {model::FencePostgres{"the lease was lost"}}, .says = "demoted self because failed to update leader lock in DCS"};
}

bool standby_lost_it(const Situation& s) { return !holds_lease(s); }
Plan stay_standby(const Situation& s) {
  return {.says = "not promoting because failed to update leader lock in DCS", .needs = {.linearizable_view = true}, .wake_at = s.seen.now + loop_wait(s)};
}

// ---- pause ---------------------------------------------------------------------------------------------------------

bool asked_for_in_pause(const Situation& s) {
  return paused(s) && !s.seen.postgres.is_primary && cluster(s).failover && cluster(s).failover->candidate == me(s);
}
bool promoting_in_pause(const Situation& s) { return asked_for_in_pause(s) && s.seen.postgres.role == PostgresRole::kPromoted; }
Plan await_promotion_in_pause(const Situation&) { return {.says = "waiting to become primary after promote...", .keep_lease = true}; }
Plan to_promotion(const Situation&) { return {.next = "promotion"}; }

bool not_a_primary_in_pause(const Situation& s) { return paused(s) && !s.seen.postgres.is_primary && !in_standby_cluster(s); }
Plan give_back_in_pause(const Situation&) {
  return {.actions = {model::ReleaseLease{.reason = "postgres is not running as primary"}},
          .says = "removed leader lock because postgres is not running as primary"};
}

// ---- giving way ----------------------------------------------------------------------------------------------------

bool switchover_can_begin(const Situation& s) { return request_is_pending(s) && request_can_be_met(s); }
Plan step_down(const Situation& s) {
  const std::string name = fmt::format("{}: demote", action_name(s));
  return {.actions = {model::StartTask{{.kind = TaskKind::kDemote, .name = name, .demote = model::DemoteMode::kGraceful}}},
          .says = fmt::format("{}: demoting myself", action_name(s)),
          .keep_lease = true};
}

bool wishes_wait(const Situation& s) { return wish_needs_the_server(s); }
Plan to_wishes(const Situation&) { return {.next = "wishes", .keep_lease = true}; }

// ---- a standby cluster ---------------------------------------------------------------------------------------------

bool primary_of_standby_cluster(const Situation& s) { return in_standby_cluster(s) && !paused(s) && s.seen.postgres.is_primary; }
Plan become_standby_cluster(const Situation&) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kDemote, .name = "demoting to a standby cluster", .role = PostgresRole::kStandbyLeader,
                                        .demote = model::DemoteMode::kCluster}}},
          .says = "cannot be a real primary in standby cluster",
          .keep_lease = true};
}

bool leads_standby_cluster(const Situation& s) { return in_standby_cluster(s); }
Plan lead_standby_cluster(const Situation& s) {
  const bool is_new = s.seen.postgres.role != PostgresRole::kStandbyLeader;
  return {.says = is_new ? "promoted self to a standby leader because i had the session lock"
                         : fmt::format("no action. I am ({}), the standby leader with the lock", me(s)),
          .next = "following",
          .keep_lease = true};
}

// ---- a normal cluster ----------------------------------------------------------------------------------------------

bool watchdog_failed(const Situation& s) {
  return !paused(s) && s.seen.settings->watchdog.mode == model::WatchdogMode::kRequired && !s.seen.watchdog_active && !s.seen.watchdog_healthy;
}
bool primary_without_watchdog(const Situation& s) { return watchdog_failed(s) && may_write(s); }
Plan demote_without_watchdog(const Situation&) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kDemote, .name = "immediate: demote", .demote = model::DemoteMode::kImmediate}}},
          .says = "Demoting self because watchdog could not be activated",
          .keep_lease = true};
}
Plan give_back_without_watchdog(const Situation& s) {
  return {.actions = {model::ReleaseLease{.reason = "the watchdog could not be activated"}},
          .says = "Not promoting self because watchdog could not be activated",
          .memory = remembering(s, [&](Memory& memory) { memory.abstain_until = s.seen.now + ttl(s); })};
}

bool pre_promote_refused(const Situation& s) { return !paused(s) && s.memory.pre_promote_failed && !may_write(s); }
Plan give_back_after_pre_promote(const Situation& s) {
  return {.actions = {model::ReleaseLease{.reason = "the pre_promote script failed"}},
          .says = "Promotion cancelled because the pre-promote script failed",
          .memory = remembering(s, [&](Memory& memory) {
            memory.abstain_until = s.seen.now + ttl(s);
            memory.pre_promote_failed = false;
          })};
}

bool cannot_be_promoted(const Situation& s) { return !paused(s) && s.memory.failed_promotions >= kMaxFailedPromotions && is_standby(s); }
Plan give_back_after_failures(const Situation& s) {
  return {.actions = {model::ReleaseLease{.reason = "the promotion failed repeatedly"},
                      model::RecordEvent{"promotion_failed", {{"attempts", s.memory.failed_promotions}}}},
          .says = "released the leader lock because the promotion failed repeatedly",
          .memory = remembering(s, [&](Memory& memory) {
            memory.abstain_until = s.seen.now + ttl(s);
            memory.failed_promotions = 0;
          })};
}

bool is_primary(const Situation& s) { return s.seen.postgres.is_primary; }
Plan serve(const Situation& s) {
  Plan plan{.says = fmt::format("no action. I am ({}), the leader with the lock", me(s)), .keep_lease = true};
  if (s.seen.postgres.role != PostgresRole::kPrimary) plan.actions.emplace_back(model::SetRole{PostgresRole::kPrimary});
  return plan;
}

// The promote signal was accepted: the next status query shows whether recovery has ended.
bool is_promoted(const Situation& s) { return s.seen.postgres.role == PostgresRole::kPromoted; }
Plan await_production(const Situation& s) {
  return {.says = fmt::format("no action. I am ({}), the leader with the lock", me(s)), .keep_lease = true, .needs = {.fresh_positions = true},
          .wake_at = s.seen.now + Milliseconds(100)};
}

}  // namespace

Table leader_table() {
  std::vector<Rule> duties = {
      {"activate-watchdog", watchdog_sleeps, wake_watchdog, "The lock holder's watchdog is not active: activate it."},
      {"write-initialize", initialize_is_invalid, write_initialize, "The store has no valid system identifier: write ours."},
      {"write-config", config_is_missing, write_config, "The store has no valid configuration: write the one in force."},
      {"failsafe-topology", failsafe_topology_changed, write_failsafe_topology, "With failsafe mode, keep the list of members in the store."},
      {"failover-request", request_is_pending, consider_request, "An operator asked this leader to give way: see whether that is possible."},
      {"answered-request", request_was_answered, clear_answered_request, "The request that this lease answers is done: clear it (S20)."},
      {"term-begins", term_begins, begin_term, "From now on a request in /failover is addressed to this leader."},
  };
  for (const Rule& rule : standby_duties()) duties.push_back(rule);
  duties.insert(duties.end(), {
      {"synchronous-replication", keeps_standbys, to_synchronous, "Keep /sync and synchronous_standby_names as configured."},
  });
  for (const Rule& rule : leader_history_duties()) duties.push_back(rule);
  return {
      .name = "leader",
      .about = "This node's name is in the leader key.",
      .duties = std::move(duties),
      .verdicts =
          {
              {"lease-ran-out", primary_lost_it, demote_at_once, "The lease was lost: kill the primary at once (S15)."},
              {"binding", acquiring, await_acquisition, "Our request for the lock is on its way."},
              {"lock-awaited", asked_lately, await_news, "We asked for the lock a moment ago and the key is ours: the keeper's news follow."},
              {"own-key", own_key_of_an_earlier_life, take_over_own_key, "The leader key carries our name, but not from this run of the agent: bind it to our session."},
              {"lost-lock-in-pause", lost_in_pause, go_on_in_pause, "In pause a lost lease changes nothing."},
              {"lease-ran-out-as-standby", standby_lost_it, stay_standby, "The lease was lost before a promotion: do not promote (S4)."},
              {"promoting-in-pause", promoting_in_pause, await_promotion_in_pause, "In pause, a requested promotion is under way."},
              {"promote-in-pause", asked_for_in_pause, to_promotion, "In pause an operator asked for this node."},
              {"not-primary-in-pause", not_a_primary_in_pause, give_back_in_pause, "In pause the lock holder is not a primary: drop the lock."},
              {"give-way", switchover_can_begin, step_down, "An operator asked this leader to give way and somebody can take over: begin."},
              {"leader-wishes", wishes_wait, to_wishes, "An operator asked for something that needs the server."},
              {"become-standby-cluster", primary_of_standby_cluster, become_standby_cluster, "This cluster became a standby cluster: its primary steps down and follows the remote one."},
              {"lead-standby-cluster", leads_standby_cluster, lead_standby_cluster, "The leader of a standby cluster follows the remote primary."},
              {"primary-without-watchdog", primary_without_watchdog, demote_without_watchdog, "The watchdog is required and cannot be activated: step down."},
              {"standby-without-watchdog", watchdog_failed, give_back_without_watchdog, "The watchdog is required and cannot be activated: do not promote."},
              {"pre-promote-refused", pre_promote_refused, give_back_after_pre_promote, "The site's pre_promote script refused: give the lock back and abstain for a ttl."},
              {"promotion-failed-repeatedly", cannot_be_promoted, give_back_after_failures, "The promotion failed three times: give the lock to somebody who can."},
              {"serve", is_primary, serve, "A healthy leader: go on."},
              {"promoted", is_promoted, await_production, "The promote signal was accepted: wait for the end of recovery."},
              {"promote-me", always, to_promotion, "The lock holder is still a standby: promote it."},
          },
  };
}

}  // namespace matriarch::rules
