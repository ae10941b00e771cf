// What the rules remember from one decision to the next. Lost when the agent restarts, and nothing here is needed for safety.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "model/cluster.hpp"
#include "model/postgres.hpp"
#include "model/time.hpp"

namespace matriarch::model {

// What is known about divergence from the leader (docs/rules.md, "rewind").
enum class RewindState { kInitial, kCheckpointDone, kCheck, kNeeded, kNotNeeded, kSucceeded, kFailed };

// Who confirmed what since synchronous_standby_names last changed.
struct SyncProgress {
  std::string text;               // the names in effect when `flush_at_change` was read
  Lsn flush_at_change;            // own flush LSN after the change took effect
  std::set<MemberName> ready;     // reached flush_at_change since
  bool operator==(const SyncProgress&) const = default;
};

struct ScheduledRestart {
  WallTime at{};
  boost::json::object filters;    // role, postgres_version, restart_pending, timeout as requested
  std::string postmaster_start_time;
  bool operator==(const ScheduledRestart&) const = default;
};

struct Memory {
  std::shared_ptr<const Cluster> last_locked_view;  // last view that had a leader
  Lsn last_lsn, previous_lsn;                       // last published own LSN, and the one before
  bool was_paused = false;
  bool recovering = false;                          // a start was tried and not judged yet
  Instant crash_recovery_at{};                      // 0: none since the last successful start
  std::optional<Milliseconds> start_timeout;        // of a requested restart
  Instant leaderless_since{};                       // 0: there is a leader
  Instant abstain_until{};                          // after a failed pre_promote or repeated failed promotions
  int failed_promotions = 0;
  bool bootstrapping = false;
  std::optional<bool> post_bootstrap_ok;
  RewindState rewind = RewindState::kInitial;
  bool role_event_seen = false;                     // some start/stop/role event was processed by this process
  int leaving_sync = 0;                             // > 0: publish nosync
  SyncProgress sync;
  std::optional<ScheduledRestart> scheduled_restart;
  std::map<std::string, Instant> retained_slots;    // slot -> last time its member was seen
  Timeline last_timeline;                           // last known own timeline as a standby
  std::string last_rule;                            // of the last verdict, for the log
  std::uint64_t last_term = 0;                      // lease term the last verdict acted under
  bool failover_key_cleaned_for_term = false;
  bool history_written_for_term = false;
  bool join_aborted = false;
  Instant unprotected_since{};                      // synchronous mode asked for, but no synchronous standby
  bool operator==(const Memory&) const = default;
};

}  // namespace matriarch::model
