// Which table decides: the root of the tree.
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

using model::DataDirectory;
using model::Memory;
using model::WriteKind;

Plan to_store_unreachable(const Situation&) { return {.next = "store-unreachable"}; }
Plan to_task_running(const Situation&) { return {.next = "task-running"}; }
Plan to_starting(const Situation&) { return {.next = "starting"}; }
Plan to_bootstrapping(const Situation&) { return {.next = "bootstrapping"}; }
Plan to_no_data(const Situation&) { return {.next = "no-data"}; }
Plan to_postgres_down(const Situation&) { return {.next = "postgres-down"}; }
Plan to_leaderless(const Situation&) { return {.next = "leaderless"}; }
Plan to_leader(const Situation&) { return {.next = "leader"}; }
Plan to_follower(const Situation&) { return {.next = "follower"}; }

// ---- shutdown ------------------------------------------------------------------------------------------------------

bool shutting_down(const Situation& s) { return s.seen.shutting_down; }
// The agent stops PostgreSQL and gives the lease back in order; until then the lease is kept, and lost is lost.
Plan keep_order_of_shutdown(const Situation& s) {
  if (!paused(s) && may_write(s) && !holds_lease(s) && (had_a_lease(s) || another_holds_the_lock(s))) {
    return {.actions = {model::FencePostgres{"the lease ended during the shutdown"}}, .says = "shutting down without the lease"};
  }
  return {.says = "shutting down", .keep_lease = holds_lease(s)};
}

// ---- the store -----------------------------------------------------------------------------------------------------

// The keeper could not renew, or the view is not fed any more.
bool store_is_unreachable(const Situation& s) {
  const bool renewal_failed = s.seen.lease.outcome == model::LeaseOutcome::kUnreachable && s.seen.lease.term != 0;
  return !s.seen.store.reachable || (renewal_failed && (s.seen.is_leader() || may_write(s)));
}

// ---- a primary that must not wait until it is known who it is ---------------------------------------------------------

bool data_belongs_to_another_cluster(const Situation& s) {
  const auto expected = cluster(s).system_id();
  return expected && system_id_is_known(s) && *expected != *s.seen.postgres.system_id;
}
bool is_not_identified(const Situation& s) {
  return s.seen.postgres.data_directory != DataDirectory::kPresent || !system_id_is_known(s) || data_belongs_to_another_cluster(s);
}
bool unidentified_primary_without_lease(const Situation& s) {
  const bool is_gone = another_holds_the_lock(s) || (had_a_lease(s) && !s.seen.is_leader());
  return !paused(s) && may_write(s) && !s.memory.bootstrapping && is_gone && is_not_identified(s);
}
Plan fence_unidentified(const Situation&) {
  return {.actions = {model::FencePostgres{"a primary without the lease, whose data is not identified"}},
          .says = "demoting self because I do not have the lock and I was a leader"};
}

// ---- who this node is ----------------------------------------------------------------------------------------------

bool task_runs(const Situation& s) { return s.seen.task.has_value(); }
bool is_starting_as_holder(const Situation& s) {
  return s.seen.postgres.is_starting() && !paused(s) && !s.memory.bootstrapping && (has_lock(s) || s.seen.is_leader());
}
bool is_bootstrapping(const Situation& s) { return s.memory.bootstrapping; }
bool has_no_data(const Situation& s) { return s.seen.postgres.data_directory != DataDirectory::kPresent; }

bool replaces_unreadable(const Situation& s) { return new_copy_is_asked(s) && !s.seen.postgres.is_running && !system_id_is_known(s); }
Plan to_wishes(const Situation&) { return {.next = "wishes"}; }

bool system_id_is_unreadable(const Situation& s) { return !system_id_is_known(s); }
Plan read_system_id(const Situation& s) {
  Plan plan{.says = "data dir for the cluster is not empty, but system ID is invalid; consider doing reinitialize",
            .needs = {.control_data = true},
            .wake_at = s.seen.now + loop_wait(s)};
  if (!s.seen.postgres.control) plan.says = "reading the system ID of the data directory";
  return plan;
}

std::string mismatch(const Situation& s) {
  return fmt::format("{} != {}", cluster(s).system_id()->text, s.seen.postgres.system_id->text);
}

bool other_data_with_lock_in_pause(const Situation& s) { return paused(s) && has_lock(s) && data_belongs_to_another_cluster(s); }
Plan give_lock_of_other_data_back(const Situation&) {
  return {.actions = {model::ReleaseLease{.reason = "system ID mismatch"}},
          .says = "released leader key voluntarily due to the system ID mismatch"};
}

bool other_data(const Situation& s) { return !paused(s) && data_belongs_to_another_cluster(s); }
Plan refuse_other_data(const Situation& s) {
  const std::string reason = fmt::format("system ID mismatch, node {} belongs to a different cluster: {}", me(s), mismatch(s));
  return {.actions = {model::Exit{.code = 1, .stop_postgres = true, .reason = reason}}, .says = reason};
}

bool other_data_in_pause(const Situation& s) { return paused(s) && data_belongs_to_another_cluster(s); }
Plan warn_of_other_data(const Situation& s) {
  return {.notes = {fmt::format("system ID has changed while in paused mode. Patroni will exit when resuming unless system ID is reset: {}",
                                mismatch(s))}};
}

// ---- a store that knows nothing of existing data -------------------------------------------------------------------

bool store_is_uninitialised(const Situation& s) {
  return !cluster(s).system_id() && unlocked(s) && !paused(s) && !s.memory.role_event_seen;
}
bool replica_in_uninitialised_store(const Situation& s) { return store_is_uninitialised(s) && is_standby(s); }
Plan refuse_to_begin_with_replica(const Situation&) {
  return {.actions = {model::Exit{.code = 1, .stop_postgres = false,
                                  .reason = "No initialize key in DCS and PostgreSQL is running as replica, aborting start. "
                                            "Please first start Patroni on the node running as primary"}},
          .says = "No initialize key in DCS and PostgreSQL is running as replica, aborting start"};
}

bool initialize_is_being_written(const Situation& s) { return store_is_uninitialised(s) && under_way(s, WriteKind::kInitialize); }
Plan write_initialize(const Situation& s) {
  const std::string id = s.seen.postgres.system_id->text;
  Plan plan{.says = "writing the system ID of the existing data to the store"};
  if (cluster(s).initialize) plan.actions.emplace_back(model::SetInitialize{id});
  else plan.actions.emplace_back(model::CreateInitialize{id});
  return plan;
}
Plan await_initialize(const Situation&) { return {.says = "writing the system ID of the existing data to the store"}; }

// ---- the rest ------------------------------------------------------------------------------------------------------

bool postgres_is_down(const Situation& s) { return !s.seen.postgres.is_running; }

}  // namespace

Table situation_table() {
  return {
      .name = "situation",
      .about = "Which table decides.",
      .duties = {{"other-data-in-pause", other_data_in_pause, warn_of_other_data,
                  "In pause the data directory belongs to another cluster: warn."}},
      .verdicts =
          {
              {"shutting-down", shutting_down, keep_order_of_shutdown,
               "The agent was asked to stop: keep the lease until PostgreSQL is down; a primary without it is fenced."},
              {"store-unreachable", store_is_unreachable, to_store_unreachable, "The store does not answer."},
              {"task-running", task_runs, to_task_running, "A task occupies the server."},
              {"unidentified-primary", unidentified_primary_without_lease, fence_unidentified,
               "A primary has lost the lease and its data is not identified: kill it first (S15)."},
              {"starting", is_starting_as_holder, to_starting, "PostgreSQL of the lock holder is still starting."},
              {"bootstrapping", is_bootstrapping, to_bootstrapping, "This node is creating the cluster."},
              {"no-data", has_no_data, to_no_data, "The data directory is empty or cannot be read."},
              {"reinitialize-unreadable", replaces_unreadable, to_wishes, "There is data without a valid system identifier, and an operator asked for a new copy."},
              {"system-id-unreadable", system_id_is_unreadable, read_system_id,
               "There is data without a valid system identifier: touch nothing."},
              {"other-data-with-lock-in-pause", other_data_with_lock_in_pause, give_lock_of_other_data_back,
               "In pause, with the lock, but the data belongs to another cluster: give the lock back."},
              {"other-data", other_data, refuse_other_data, "The data belongs to another cluster: stop and exit (S12)."},
              {"replica-in-uninitialised-store", replica_in_uninitialised_store, refuse_to_begin_with_replica,
               "The store knows nothing and this server is a standby: the primary must come first."},
              {"initialize-being-written", initialize_is_being_written, await_initialize, "The system identifier is on its way to the store."},
              {"store-uninitialised", store_is_uninitialised, write_initialize,
               "The store knows nothing of the data this node has: write its system identifier."},
              {"postgres-down", postgres_is_down, to_postgres_down, "There is data, but no postmaster."},
              {"leaderless", unlocked, to_leaderless, "Nobody holds the leader lock."},
              {"lock-is-mine", has_lock, to_leader, "This node holds the leader lock."},
              {"lock-is-not-mine", always, to_follower, "Another node holds the leader lock."},
          },
  };
}

}  // namespace matriarch::rules
