// A node without data: it creates the cluster, or makes a copy, or waits for somebody to copy from.
#include <algorithm>
#include <fmt/format.h>
#include <functional>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/sync_names.hpp"
#include "rules/tables.hpp"
#include "rules/upstream.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Member;
using model::MemberName;
using model::Memory;
using model::PostgresRole;
using model::TaskKind;
using model::WriteKind;

// ---- /initialize ---------------------------------------------------------------------------------------------------

bool initialize_is_free(const Situation& s) { return !cluster(s).initialize; }
// "" is bound to the session of whoever creates the cluster, so that it vanishes with it.
bool initialize_is_mine(const Situation& s) {
  return cluster(s).initialize && cluster(s).initialize->empty() && s.seen.lease.session.valid() &&
         cluster(s).initialize_session == s.seen.lease.session.value;
}
bool initialize_is_my_system_id(const Situation& s) {
  return system_id_is_known(s) && cluster(s).system_id() == s.seen.postgres.system_id;
}

// ---- no data -------------------------------------------------------------------------------------------------------

bool holder_without_data(const Situation& s) { return has_lock(s) || s.seen.is_leader(); }
Plan release_without_data(const Situation& s) {
  const bool is_empty = s.seen.postgres.data_directory == model::DataDirectory::kEmpty;
  Plan plan{.says = fmt::format("released leader key voluntarily as data dir {} and currently leader", is_empty ? "empty" : "not accessible")};
  plan.actions.emplace_back(model::SetRole{PostgresRole::kUninitialized});
  plan.actions.emplace_back(model::ReleaseLease{.reason = "the data directory is gone"});
  return plan;
}

bool server_without_data(const Situation& s) { return s.seen.postgres.is_running && !paused(s); }
Plan kill_server_without_data(const Situation&) {
  return {.actions = {model::FencePostgres{"the data directory is gone"}, model::SetRole{PostgresRole::kUninitialized}},
          .says = "stopping PostgreSQL because its data directory is gone"};
}

bool data_is_inaccessible(const Situation& s) { return s.seen.postgres.data_directory == model::DataDirectory::kInaccessible; }
Plan report_inaccessible(const Situation& s) {
  return {.says = fmt::format("data directory is not accessible: {}", s.seen.postgres.data_directory_error)};
}

bool in_pause(const Situation& s) { return paused(s); }
Plan stay_empty(const Situation&) { return {.says = "running with empty data directory"}; }

bool may_create_the_cluster(const Situation& s) {
  return unlocked(s) && !my_tags(s).nofailover() && s.seen.settings->bootstrap && s.seen.lease.session.valid();
}
bool initialize_is_being_written(const Situation& s) { return may_create_the_cluster(s) && under_way(s, WriteKind::kInitialize); }
Plan await_initialize(const Situation&) { return {.says = "trying to acquire initialize lock"}; }

bool can_claim(const Situation& s) { return may_create_the_cluster(s) && initialize_is_free(s); }
Plan claim(const Situation&) { return {.actions = {model::CreateInitialize{}}, .says = "trying to acquire initialize lock"}; }

bool claimed_standby_cluster(const Situation& s) { return may_create_the_cluster(s) && initialize_is_mine(s) && in_standby_cluster(s); }
Plan create_standby_cluster(const Situation& s) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kBootstrapStandbyLeader, .name = "bootstrap_standby_leader",
                                        .upstream = remote_member(s), .role = PostgresRole::kStandbyLeader}}},
          .says = "trying to bootstrap a new standby leader",
          .memory = remembering(s, [](Memory& memory) {
            memory.bootstrapping = true;
            memory.bootstrap_ended = false;
            memory.post_bootstrap_ok.reset();
          })};
}
bool claimed(const Situation& s) { return may_create_the_cluster(s) && initialize_is_mine(s); }
Plan create_cluster(const Situation& s) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kBootstrap, .name = "bootstrap", .role = PostgresRole::kPrimary}}},
          .says = "trying to bootstrap a new cluster",
          .memory = remembering(s, [](Memory& memory) {
            memory.bootstrapping = true;
            memory.bootstrap_ended = false;
            memory.post_bootstrap_ok.reset();
          })};
}

// ---- copies --------------------------------------------------------------------------------------------------------

bool copy_failed_lately(const Situation& s) { return s.seen.now < s.memory.retry_at; }
Plan wait_before_copy(const Situation& s) {
  return {.says = "waiting before another attempt to copy the data", .wake_at = s.memory.retry_at};
}

bool has_clone_source(const Situation& s) { return !unlocked(s) && clone_source(s); }
Plan copy(const Situation& s) {
  const Member& source = *clone_source(s);
  const auto kind = cluster(s).is_led_by(source.name) ? "leader" : "replica";
  const std::string name = fmt::format("bootstrap from {} '{}'", kind, source.name);
  return {.actions = {model::StartTask{{.kind = TaskKind::kClone, .name = name, .source = source.name, .upstream = upstream_for(s)}}},
          .says = "trying to " + name};
}

bool can_copy_without_leader(const Situation& s) {
  const bool somebody_creates_the_cluster = cluster(s).initialize && cluster(s).initialize->empty();
  const auto methods = model::methods_for_remote(*s.seen.settings);
  return !somebody_creates_the_cluster && std::any_of(methods.begin(), methods.end(), [](const auto& method) {
    return method.name != "basebackup" && method.no_leader;
  });
}
Plan copy_without_leader(const Situation& s) {
  return {.actions = {model::StartTask{{.kind = TaskKind::kClone, .name = "bootstrap (without leader)", .upstream = upstream_for(s)}}},
          .says = "trying to bootstrap (without leader)"};
}

Plan wait_for_leader(const Situation& s) {
  return {.says = in_standby_cluster(s) ? "waiting for standby_leader to bootstrap" : "waiting for leader to bootstrap"};
}

// ---- creating the cluster ------------------------------------------------------------------------------------------

// While we created it, somebody else did: ours is not the cluster.
bool somebody_was_faster(const Situation& s) {
  const bool is_led_by_another = !unlocked(s) && !has_lock(s);
  const bool is_claimed_by_another = cluster(s).initialize && !initialize_is_mine(s) && !initialize_is_my_system_id(s);
  return is_led_by_another || is_claimed_by_another;
}
// The data of a failed creation is kept aside; a node that already leads with it only stops.
model::Exit exit_because(const Situation& s, std::string reason) {
  return {.code = 1, .reason = std::move(reason), .set_data_aside = !has_lock(s) && !s.seen.is_leader()};
}
Plan give_way(const Situation& s) {
  const std::string reason = "another node created the cluster meanwhile";
  return {.actions = {exit_because(s, reason)}, .says = reason};
}

bool not_begun(const Situation& s) {
  const bool may_begin = unlocked(s) && !paused(s) && s.seen.postgres.data_directory == model::DataDirectory::kEmpty;
  return may_begin && !s.memory.bootstrap_ended && !s.seen.postgres.is_running && !s.memory.post_bootstrap_ok;
}
Plan begin(const Situation& s) { return in_standby_cluster(s) ? create_standby_cluster(s) : create_cluster(s); }

bool creation_failed(const Situation& s) {
  return (s.memory.post_bootstrap_ok && !*s.memory.post_bootstrap_ok) || (!s.seen.postgres.is_running && !s.seen.is_leader());
}
Plan clean_up(const Situation& s) {
  return {.actions = {model::CancelInitialize{}, exit_because(s, "Failed to bootstrap cluster")},
          .says = "removing initialize key after failed attempt to bootstrap the cluster"};
}

bool recovers_after_bootstrap(const Situation& s) {
  return !s.memory.post_bootstrap_ok && (!s.seen.postgres.is_primary || s.seen.postgres.is_starting());
}
Plan await_end_of_recovery(const Situation& s) {
  return {.says = "waiting for end of recovery after bootstrap", .needs = {.fresh_positions = true}, .wake_at = s.seen.now + model::Milliseconds(500)};
}

bool is_ready_for_users(const Situation& s) { return !s.memory.post_bootstrap_ok; }
Plan create_users(const Situation&) {
  return {.actions = {model::SetRole{PostgresRole::kPrimary},
                      model::StartTask{{.kind = TaskKind::kPostBootstrap, .name = "post_bootstrap", .role = PostgresRole::kPrimary}}},
          .says = "running post_bootstrap"};
}

bool watchdog_is_missing(const Situation& s) {
  return !in_standby_cluster(s) && s.seen.settings->watchdog.mode == model::WatchdogMode::kRequired && !s.seen.watchdog_active &&
         !s.seen.watchdog_healthy;
}
Plan cancel_without_watchdog(const Situation& s) {
  Plan plan = clean_up(s);
  plan.notes.emplace_back("Cancelling bootstrap because watchdog activation failed");
  return plan;
}

bool system_id_is_missing(const Situation& s) { return !system_id_is_known(s); }
Plan read_system_id(const Situation&) { return {.says = "reading the system ID of the new cluster", .needs = {.control_data = true}}; }

bool is_being_written(const Situation& s) { return under_way(s, WriteKind::kInitialize) || s.seen.lease.acquiring; }
Plan await_writes(const Situation&) { return {.says = "writing the new cluster to the store", .keep_lease = true}; }

bool initialize_must_be_written(const Situation& s) { return !initialize_is_my_system_id(s); }
Plan write_initialize(const Situation& s) {
  const std::string id = s.seen.postgres.system_id->text;
  Plan plan{.says = "writing the new cluster to the store"};
  if (initialize_is_free(s)) plan.actions.emplace_back(model::CreateInitialize{id});
  else plan.actions.emplace_back(model::SetInitialize{id});
  if (!cluster(s).config || !cluster(s).config->valid) plan.actions.emplace_back(model::WriteConfig{s.seen.dynamic().document});
  return plan;
}

// Create-if-absent rather than Patroni's unconditional write: if anybody leads by now, ours is not the cluster.
bool lease_must_be_taken(const Situation& s) { return !s.seen.is_leader(); }
Plan take_lease(const Situation& s) {
  if (asked_for_the_lock_already(s)) return {.says = "taking the leader lock of the new cluster", .keep_lease = true, .wake_at = s.memory.acquire_asked_at + loop_wait(s)};
  Plan plan = acquire(s, "taking the leader lock of the new cluster");
  plan.actions.emplace_back(model::ActivateWatchdog{});
  return plan;
}

Plan finish(const Situation& s) {
  Plan plan{.actions = {model::StartCheckpoint{}},
            .says = "initialized a new cluster",
            .keep_lease = true,
            .memory = remembering(s, [&](Memory& memory) {
              memory.bootstrapping = false;
              memory.post_bootstrap_ok.reset();
              memory.promoted_at = s.seen.now;
            })};
  if (sync_requested(s)) plan.actions.emplace_back(model::SetSyncNames{sync_names_text({}, min_sync(s), quorum_requested(s))});
  return plan;
}

}  // namespace

Table no_data_table() {
  return {
      .name = "no-data",
      .about = "A node without data creates the cluster, makes a copy, or waits for somebody to copy from.",
      .verdicts =
          {
              {"server-without-data", server_without_data, kill_server_without_data, "A server runs whose data directory is gone: kill it."},
              {"lock-without-data", holder_without_data, release_without_data, "The lock holder's data is gone: give the lock back."},
              {"data-inaccessible", data_is_inaccessible, report_inaccessible, "The data directory cannot be read: report it, touch nothing."},
              {"empty-in-pause", in_pause, stay_empty, "In pause nothing is created."},
              {"initialize-on-its-way", initialize_is_being_written, await_initialize, "Our claim to create the cluster is on its way to the store."},
              {"claim-initialize", can_claim, claim, "Nobody has created the cluster and nobody leads: claim to create it."},
              {"bootstrap-standby-cluster", claimed_standby_cluster, create_standby_cluster, "The claim is ours: copy the remote primary."},
              {"bootstrap-cluster", claimed, create_cluster, "The claim is ours: create the cluster."},
              {"copy-failed-lately", copy_failed_lately, wait_before_copy, "The last copy failed: wait a little longer each time."},
              {"copy", has_clone_source, copy, "There is a leader: copy it, or a member that offers itself."},
              {"copy-without-leader", can_copy_without_leader, copy_without_leader, "A method exists that needs no leader, such as a backup: use it."},
              {"wait-for-leader", always, wait_for_leader, "Wait for somebody to copy from."},
          },
  };
}

Table bootstrapping_table() {
  return {
      .name = "bootstrapping",
      .about = "This node is creating the cluster; it holds no lease until the new system is ready.",
      .verdicts =
          {
              {"cluster-created-elsewhere", somebody_was_faster, give_way, "Somebody else created the cluster meanwhile: set our data aside and exit."},
              {"bootstrap-begins", not_begun, begin, "The task that creates the system has not run yet: start it."},
              {"bootstrap-failed", creation_failed, clean_up, "The creation failed: withdraw the claim, set the data aside and exit."},
              {"recovery-after-bootstrap", recovers_after_bootstrap, await_end_of_recovery, "The new server is still in recovery, as after a restore: wait for it."},
              {"post-bootstrap", is_ready_for_users, create_users, "The new server runs: create users and run the site's script."},
              {"bootstrap-without-watchdog", watchdog_is_missing, cancel_without_watchdog, "The watchdog is required and unusable: do not begin."},
              {"new-system-id", system_id_is_missing, read_system_id, "Read the new system identifier."},
              {"bootstrap-writes-on-their-way", is_being_written, await_writes, "The records of the new cluster are on their way to the store."},
              {"write-new-system-id", initialize_must_be_written, write_initialize, "Write the system identifier and the configuration of the new cluster."},
              {"take-the-lease", lease_must_be_taken, take_lease, "The new cluster is ready: its creator takes the leader lock."},
              {"cluster-initialized", always, finish, "The creator leads the new cluster."},
          },
  };
}

}  // namespace matriarch::rules
