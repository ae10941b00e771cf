// The local PostgreSQL instance as the agent knows it.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster.hpp"
#include "model/lsn.hpp"
#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::model {

// Published in the member key and in metrics; texts by to_text, metric index = the enum's value.
enum class PostgresState {
  kInitializing = 0,
  kInitdbFailed = 1,
  kCustomBootstrap = 2,
  kCustomBootstrapFailed = 3,
  kCreatingReplica = 4,
  kRunning = 5,
  kStarting = 6,
  kStartingAfterCustomBootstrap = 7,
  kStartFailed = 8,
  kRestarting = 9,
  kRestartFailed = 10,
  kStopping = 11,
  kStopped = 12,
  kStopFailed = 13,
  kCrashed = 14,
};
std::string_view to_text(PostgresState state);

enum class PostgresRole { kUninitialized, kReplica, kStandbyLeader, kPromoted, kPrimary, kDemoted };
std::string_view to_text(PostgresRole role);

enum class DataDirectory { kEmpty, kPresent, kInaccessible };

// What pg_controldata says. "Cluster state" texts are PostgreSQL's ("in production", "shut down", ...).
struct ControlData {
  SystemId system_id;
  std::string cluster_state;
  Lsn checkpoint_lsn;
  Timeline checkpoint_timeline;
  std::string checkpoint_redo_wal_file;
  Lsn min_recovery_lsn;
  Timeline min_recovery_timeline;
  bool wal_log_hints = false;
  bool data_checksums = false;
  std::map<std::string, std::string> settings;  // max_connections and the like
  bool was_cleanly_shut_down() const { return cluster_state == "shut down" || cluster_state == "shut down in recovery"; }
  bool operator==(const ControlData&) const = default;
};

enum class SyncState { kAsync, kPotential, kSync, kQuorum };

// One streaming row of pg_stat_replication.
struct WalSender {
  int pid = 0;
  MemberName application_name;
  SyncState sync_state = SyncState::kAsync;
  Lsn write, flush, replay;
  std::string usename, client_addr;      // for /patroni; client_addr is empty for a Unix socket
  int sync_priority = 0;
  bool operator==(const WalSender&) const = default;
};

// synchronous_standby_names as PostgreSQL has it in effect.
struct SyncNames {
  enum class Kind { kOff, kPriority, kQuorum };
  Kind kind = Kind::kOff;
  int num = 0;
  std::set<MemberName> members;
  bool star = false;
  std::string text;
  bool operator==(const SyncNames&) const = default;
};
// Texts that PostgreSQL would not accept are off. Accepts "a,b", "N (a,b)", "FIRST N (..)", "ANY N (..)", quotes, "*".
SyncNames parse_sync_names(std::string_view text);

struct PhysicalOrLogicalSlot {
  std::string name;
  bool logical = false;
  std::string database, plugin;
  Lsn restart_lsn, confirmed_flush_lsn;
  bool active = false;
  bool has_xmin = false;
  bool operator==(const PhysicalOrLogicalSlot&) const = default;
};

enum class ReplicationState { kNone, kStreaming, kInArchiveRecovery };

// The upstream a standby is configured for (not necessarily connected to).
struct Upstream {
  MemberName name;           // empty for a remote member
  std::string host;          // may be a comma list for a remote member
  std::string port;
  std::string slot;          // empty: no slot
  std::string restore_command, archive_cleanup_command, recovery_min_apply_delay;  // standby clusters only
  bool remote = false;
  bool operator==(const Upstream&) const = default;
};

// A local timeline history file. A timeline without one has no lines.
struct HistoryFile {
  Timeline timeline;
  std::vector<HistoryLine> lines;
  std::string written_at;                // local time, ISO 8601; empty: there is no file
  bool operator==(const HistoryFile&) const = default;
};

// Everything known of the local instance at one moment. Kept by the postgres room; never read from disk by rules.
struct PostgresNode {
  DataDirectory data_directory = DataDirectory::kEmpty;
  std::string data_directory_error;
  bool is_running = false;               // a postmaster exists
  PostgresState state = PostgresState::kStopped;
  Instant state_since{};
  PostgresRole role = PostgresRole::kUninitialized;
  bool is_primary = false;               // out of recovery by the last query; if it failed: running and role primary
  bool query_failed = false;             // the last status query did not answer
  std::optional<SystemId> system_id;
  std::optional<ControlData> control;    // read when not running, and when asked for
  int server_version = 0;                // 150020, 0 = unknown
  Lsn lsn;                               // primary: flush LSN; standby: max(received, written, replayed)
  Lsn received, replayed;                // standby
  Lsn latest_end;                        // standby: the upstream's end of WAL as its sender last reported it
  std::string replayed_timestamp;        // standby: of the last replayed commit, as postmaster_start_time; empty: none
  Timeline timeline;                     // primary: of the current WAL file
  Timeline replica_timeline;             // standby: by IDENTIFY_SYSTEM, cached
  Timeline received_timeline;            // of the WAL receiver while streaming
  ReplicationState replication_state = ReplicationState::kNone;
  bool replay_paused = false;
  bool has_recovery_signal = false;      // standby.signal or recovery.signal
  bool was_restored = false;             // server >= 15 and backup_label exists
  SyncNames sync_names;
  bool sync_names_pending = false;       // shown as in effect, but commits may not wait for them yet
  std::string synchronous_commit = "on";
  std::vector<WalSender> wal_senders;
  std::vector<PhysicalOrLogicalSlot> slots;
  std::vector<std::string> slots_to_copy;  // permanent logical slots that the leader has and this standby lacks
  std::string postmaster_start_time;     // "2026-07-01 10:00:00.123456+00:00", empty if not running
  std::map<std::string, std::pair<std::string, std::string>> pending_restart;  // GUC -> old, new value
  std::optional<Upstream> upstream;      // what the recovery settings say
  Instant observed_at{};                 // when positions and rows were read
  std::shared_ptr<const HistoryFile> history;  // read when asked for; null: none was read
  bool is_starting() const {
    return state == PostgresState::kStarting || state == PostgresState::kStartingAfterCustomBootstrap;
  }
};

}  // namespace matriarch::model
