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
  std::string text;               // the names in effect, as last seen
  Instant changed_at{};           // when they were first seen; the walsenders may take a moment longer
  Lsn flush_at_change;            // own flush LSN after the change took effect everywhere; 0: not known yet
  std::set<MemberName> ready;     // reached flush_at_change since
  std::string asked;              // the names that were last asked for
  Instant asked_at{};             // when; 0: nothing is awaited
  bool strict_warned = false;
  bool operator==(const SyncProgress&) const = default;
};

struct ScheduledRestart {
  WallTime at{};
  std::string text;               // ISO 8601 in the zone that was given
  boost::json::object filters;    // role, postgres_version, restart_pending, timeout as requested
  std::string postmaster_start_time;
  bool operator==(const ScheduledRestart&) const = default;
};

// When something periodic was last done, so that changes of positions alone are written once a loop_wait.
struct Rhythm {
  Instant member_written_at{}, status_written_at{}, slots_synced_at{}, position_noted_at{};
  std::string slots_synced_for;   // members and role the slots were last reconciled for
  bool operator==(const Rhythm&) const = default;
};

// When each kind of input was last asked for, so that an answer that changes nothing does not ask for itself again.
struct Asked {
  Instant positions{}, view{}, control{}, history{}, divergence{};
  bool operator==(const Asked&) const = default;
};

struct Memory {
  std::shared_ptr<const Cluster> last_locked_view;  // last view that had a leader
  Lsn last_lsn;                                     // own LSN at the last beat of loop_wait
  bool was_paused = false;
  bool recovering = false;                          // a start was tried and not judged yet
  bool start_failed = false;                        // ... and it failed
  int failed_starts = 0;                            // in a row; also clones and rewinds
  Instant retry_at{};                               // no other start, clone or rewind before
  Instant crash_recovery_at{};                      // 0: none since the last successful start
  std::optional<Milliseconds> start_timeout;        // of a requested restart
  Instant leaderless_since{};                       // 0: there is a leader
  Instant acquire_asked_at{};                       // when the lease was last asked for; 0: not since there was a leader
  Revision acquire_asked_on;                        // the view it was asked on
  Revision sync_revision_won_on;                    // version of /sync that the won race was judged by
  Instant abstain_until{};                          // after a failed pre_promote or repeated failed promotions
  bool pre_promote_failed = false;
  int failed_promotions = 0;
  Instant promoted_at{};                            // 0: not promoted by this process
  bool bootstrapping = false;
  bool bootstrap_ended = false;                     // the task that creates the system ended, well or not
  std::optional<bool> post_bootstrap_ok;
  RewindState rewind = RewindState::kInitial;
  Instant divergence_wanted_at{};                   // of the last trigger: an older comparison does not answer it
  std::string divergence_compared_with;             // leader and timeline that were compared last
  std::string follow_asked;                         // upstream that was last asked for
  Instant follow_asked_at{};
  Instant checkpoint_asked_at{};                    // the one after a promotion; 0: not asked for
  bool role_event_seen = false;                     // some start/stop/role event was processed by this process
  SyncProgress sync;
  std::optional<ScheduledRestart> scheduled_restart;
  std::map<std::string, Instant> retained_slots;    // slot -> last time its member was seen
  Timeline last_timeline;                           // last known own timeline as a standby
  std::uint64_t request_term = 0;                   // lease term in which /failover is a request to this leader
  Instant leaving_sync_since{};                     // when this standby began to ask for its release; 0: it does not
  Rhythm rhythm;
  Asked asked;
  Instant failsafe_extended_from{};                 // send time of the round the lease was last extended by
  Instant failsafe_asked_at{};
  Instant unprotected_since{};                      // synchronous mode asked for, but no synchronous standby
  bool operator==(const Memory&) const = default;
};

}  // namespace matriarch::model
