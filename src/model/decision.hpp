// What rules::decide answers: actions in order, and why.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/memory.hpp"
#include "model/observation.hpp"
#include "model/task.hpp"

namespace matriarch::model {

// ---- lease -------------------------------------------------------------------------------------------------------
// Create-if-absent of the leader key by the keeper; guarded by the versions of /sync and /failover that the decision
// was based on (nothing: not compared). Acquire -> guardian armed -> linearizable read -> the next decision sees `fresh`.
struct AcquireLease {
  std::optional<Revision> sync_revision, failover_revision;
  // Only a key that carries our name already is bound to our session; an absent one is not created. As long as the key was
  // ours nobody else can have led; once it was gone somebody may have, and only the race may judge that (S10, S11).
  bool only_if_ours = false;
  bool operator==(const AcquireLease&) const = default;
};
// Only emitted when no postmaster can acknowledge a commit any more (S8). Writes optime to /status first.
struct ReleaseLease {
  std::optional<Lsn> optime;
  std::string reason;
  bool operator==(const ReleaseLease&) const = default;
};
// The very first leader after bootstrap: sets the key unconditionally.
// The lease may be renewed until now + for. Absent from a decision: the permit runs out (S25, S24).
struct GrantPermit {
  Milliseconds valid_for{0};
  bool operator==(const GrantPermit&) const = default;
};

// All members of /failsafe agreed to a round sent at `sent_at`: the lease runs until sent_at + ttl - margin (S14).
struct ExtendLease {
  Instant sent_at{};
  bool operator==(const ExtendLease&) const = default;
};

// ---- store -------------------------------------------------------------------------------------------------------
struct CreateInitialize { std::string text; bool operator==(const CreateInitialize&) const = default; };   // create-only; empty text is bound to our session
struct SetInitialize { std::string system_id; bool operator==(const SetInitialize&) const = default; };
struct CancelInitialize { bool operator==(const CancelInitialize&) const = default; };
struct WriteConfig { boost::json::object document; bool operator==(const WriteConfig&) const = default; };
struct PublishMember { boost::json::object document; bool operator==(const PublishMember&) const = default; };  // bound to our session; skipped if unchanged
struct WriteStatus { StatusKey status; bool operator==(const WriteStatus&) const = default; };       // guarded by leader == me; skipped if unchanged
struct WriteFailsafe { std::map<MemberName, std::string> members; bool operator==(const WriteFailsafe&) const = default; };
struct WriteSync {
  MemberName leader;
  std::set<MemberName> voters;
  int quorum = 0;
  Revision expected;  // absent: the key must not exist
  bool operator==(const WriteSync&) const = default;
};
struct DeleteSync { Revision expected; bool operator==(const DeleteSync&) const = default; };
struct ClearFailover {
  std::optional<Revision> expected;  // nothing: any version (after winning the lease)
  bool operator==(const ClearFailover&) const = default;
};
struct WriteHistory { std::vector<HistoryLine> lines; bool operator==(const WriteHistory&) const = default; };

// ---- PostgreSQL, quick -------------------------------------------------------------------------------------------
struct SetSyncNames { std::string text; bool operator==(const SetSyncNames&) const = default; };  // writes the file and reloads; the effect is seen in the next observation
struct FollowByReload { Upstream upstream; bool operator==(const FollowByReload&) const = default; };
struct SyncSlots { bool operator==(const SyncSlots&) const = default; };                            // the postgres room reconciles with the view
struct ResumeReplay { bool operator==(const ResumeReplay&) const = default; };
struct StartCheckpoint { bool operator==(const StartCheckpoint&) const = default; };
struct SetRole { PostgresRole role; bool operator==(const SetRole&) const = default; };
struct SetStopped { bool operator==(const SetStopped&) const = default; };                          // state := stopped or crashed, mirrored in pause
struct MarkCrashed { bool operator==(const MarkCrashed&) const = default; };
struct RunCallback { std::string event; bool operator==(const RunCallback&) const = default; };     // on_start, on_role_change, ...
// Everything of PostgreSQL dies now: postmaster first, then every backend. Never waits for a task.
struct FencePostgres { std::string reason; bool operator==(const FencePostgres&) const = default; };

// ---- tasks and process -------------------------------------------------------------------------------------------
struct StartTask { TaskRequest request; bool operator==(const StartTask&) const = default; };
struct CancelTask { bool operator==(const CancelTask&) const = default; };
struct AnswerWish { std::uint64_t id = 0; int status = 200; std::string text; bool operator==(const AnswerWish&) const = default; };
struct ActivateWatchdog { bool operator==(const ActivateWatchdog&) const = default; };
struct DisableWatchdog { bool operator==(const DisableWatchdog&) const = default; };
struct RecordEvent { std::string kind; boost::json::object details; bool operator==(const RecordEvent&) const = default; };  // for /matriarch/events
// The agent ends. `set_data_aside`: after the stop the data directory is renamed to ".failed" (a bootstrap that failed).
struct Exit { int code = 1; bool stop_postgres = true; std::string reason; bool set_data_aside = false; bool operator==(const Exit&) const = default; };

using Action = std::variant<AcquireLease, ReleaseLease, GrantPermit, ExtendLease, CreateInitialize, SetInitialize, CancelInitialize,
                            WriteConfig, PublishMember, WriteStatus, WriteFailsafe, WriteSync, DeleteSync, ClearFailover, WriteHistory,
                            SetSyncNames, FollowByReload, SyncSlots, ResumeReplay, StartCheckpoint, SetRole, SetStopped, MarkCrashed,
                            RunCallback, FencePostgres, StartTask, CancelTask, AnswerWish, ActivateWatchdog, DisableWatchdog,
                            RecordEvent, Exit>;

// Inputs that are missing. Their arrival is an event that causes a new decision; nothing waits for them inside a rule.
struct Needs {
  std::set<MemberName> poll_peers;             // ask these members now, in parallel
  bool control_data = false;                   // read pg_controldata
  std::optional<MemberName> divergence_check;  // compare with this leader
  bool fresh_positions = false;                // run the status query now, not at the next beat
  std::optional<Timeline> history;             // read this local timeline history file
  bool linearizable_view = false;              // read the store again, linearizably
  bool failsafe_round = false;
  bool empty() const {
    return poll_peers.empty() && !control_data && !divergence_check && !fresh_positions && !history && !linearizable_view && !failsafe_round;
  }
  bool operator==(const Needs&) const = default;
};

struct Decision {
  std::string table;               // "leaderless", "leader", "follower", ...
  std::string rule;                // name of the verdict's row
  std::string says;                // the status line for the operator (Patroni's text where there is one)
  std::vector<std::string_view> path;    // every verdict row taken on the way to `rule`, table by table; names are literals
  std::vector<std::string_view> duties;  // names of the duty rows that fired
  std::vector<std::string> notes;  // log lines beside the status line: why a candidate was refused, what was cleaned up
  std::vector<Action> actions;     // in order
  Needs needs;
  std::optional<Instant> wake_at;  // look again at the latest then (besides loop_wait)
  Memory memory;                   // for the next decision
};

}  // namespace matriarch::model
