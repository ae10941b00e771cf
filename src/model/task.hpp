// What takes time runs as a task: one at a time for PostgreSQL, visible in the observation.
#pragma once

#include <optional>
#include <string>

#include "model/names.hpp"
#include "model/postgres.hpp"
#include "model/time.hpp"

namespace matriarch::model {

enum class TaskKind {
  kBootstrap,             // initdb or a custom method, up to a running server
  kBootstrapStandbyLeader,
  kPostBootstrap,         // users, post_bootstrap script
  kClone,                 // from a leader, a replica or a backup, then start as a standby
  kReinitialize,
  kStart,                 // as primary after a crash
  kFollow,                // start as, or restart into, a standby of an upstream
  kRestart,
  kPromote,
  kCrashRecovery,         // single-user
  kRewind,
  kDemote,                // stop, hand the lease over, start as a standby
  kCopySlots,
};

// How a demotion treats clients, WAL and lease (docs/rules.md, "demotion").
enum class DemoteMode {
  kGraceful,         // checkpoint, fast stop, release when a candidate has everything
  kImmediate,        // immediate stop, release
  kImmediateNoLock,  // immediate stop; the lease is not ours
  kOffline,          // the store is unreachable: stop within the remaining lease, cannot release
  kCluster,          // becoming a standby cluster
};

// What the task has to do. Which members matter depends on the kind.
struct TaskRequest {
  TaskKind kind = TaskKind::kFollow;
  std::string name;                    // Patroni's slot name, as in "updated leader lock during {name}"
  MemberName source;                   // clone, rewind: the member to take data from; empty: none
  bool from_leader = false;            // reinitialize: only from the leader
  std::optional<Upstream> upstream;    // follow, clone: afterwards
  PostgresRole role = PostgresRole::kReplica;
  std::optional<Milliseconds> timeout; // start, restart
  std::optional<DemoteMode> demote;
  SyncNames sync_names_before_start;   // promote: synchronous_standby_names to be in effect first
  bool operator==(const TaskRequest&) const = default;
};

// The server comes up out of recovery: a start is always one of a primary, a restart ends as what it was.
inline bool brings_up_a_primary(const TaskRequest& request) {
  return request.kind == TaskKind::kStart || (request.kind == TaskKind::kRestart && request.role == PostgresRole::kPrimary);
}

enum class TaskPhase { kRunning, kPrePromote, kPromoteSignalled, kStopping, kHandedOver, kStarting };

// The task that owns the slot.
struct RunningTask {
  TaskRequest request;
  Instant started_at{};
  TaskPhase phase = TaskPhase::kRunning;
  bool cancelled = false;              // asked to stop; still winding down
  std::string progress;                // for people: "1.2 GB of 3.4 GB, 120 MB/s, 19 s left"
  bool operator==(const RunningTask&) const = default;
};

enum class TaskResult { kSucceeded, kFailed, kStillStarting, kCancelled };

// The last task that ended; shown to the rules exactly once (then cleared by the agent).
struct FinishedTask {
  TaskRequest request;
  TaskResult result = TaskResult::kSucceeded;
  bool pre_promote_failed = false;
  bool rewind_impossible = false;      // rewind: the source is fine and it failed for good
  std::string error;
  Instant ended_at{};
  bool operator==(const FinishedTask&) const = default;
};

}  // namespace matriarch::model
