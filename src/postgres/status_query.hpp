// The one query that tells how the server is doing, and its answer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/postgres.hpp"
#include "postgres/slot_row.hpp"

namespace matriarch::postgres {

struct WalReceiver {
  int pid = 0;                // 0: none runs
  model::Timeline timeline;   // only while it has received something
  model::Lsn latest_end;      // of the upstream's WAL, as its sender last said
  std::string state;          // "streaming", ...
  std::string slot, conninfo; // the password is masked by the server
  bool operator==(const WalReceiver&) const = default;
};

struct Status {
  bool in_recovery = false;
  model::Timeline timeline;          // out of recovery: of the current WAL file
  model::Lsn flushed;                // out of recovery
  model::Lsn replayed, received;     // received: the larger of flushed and written by the receiver
  std::string replayed_at;           // of the last replayed commit; empty: none
  bool replay_paused = false;
  model::Timeline control_timeline;  // asked for a standby leader only
  WalReceiver receiver;
  std::string restore_command, archive_mode, synchronous_commit, synchronous_standby_names;
  std::vector<SlotRow> slots;        // not temporary, not synchronised from the primary by the server
  std::vector<model::WalSender> wal_senders;  // streaming ones
  std::string started_at;            // "2026-07-01 10:00:00.123456+00:00"
  std::string configuration_loaded_at;
  bool operator==(const Status&) const = default;
};

struct StatusQuery {
  int server_version = 150000;
  bool is_standby_leader = false;
};
std::string status_query(const StatusQuery& query);
// The one row of its answer; nothing when it is not such a row.
std::optional<Status> parse_status(std::span<const std::optional<std::string>> row);

// Positions, rows and what follows from them. Leaves state, role and everything read from files alone.
void apply(const Status& status, model::PostgresNode& node);

}  // namespace matriarch::postgres
