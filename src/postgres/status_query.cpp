#include "postgres/status_query.hpp"

#include <algorithm>
#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "model/json_text.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

// Columns in this order.
enum Column {
  kInRecovery, kTimeline, kFlushed, kReplayed, kReceived, kReplayPaused, kControlTimeline, kReceiverPid, kReceiverTimeline, kReceiverWritten,
  kReceiverLatestEnd, kReplayedAt, kReceiverState, kReceiverSlot, kReceiverConninfo, kRestoreCommand, kArchiveMode, kSynchronousCommit, kSyncNames, kSlots, kWalSenders,
  kStartedAt, kLoadedAt, kColumnCount,
};

std::string bytes(std::string_view lsn) {
  return fmt::format("pg_catalog.pg_wal_lsn_diff({}, '0/0')::bigint", lsn);
}

// As Python prints it: "2026-07-01 10:00:00.123456+00:00".
std::string moment(std::string_view timestamp) {
  return fmt::format("pg_catalog.to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00:00'", timestamp);
}

std::string slots_query(int version) {
  return fmt::format(
      "(SELECT pg_catalog.json_agg(s) FROM (SELECT slot_name, slot_type, active, plugin, d.datname AS database, xmin::text, catalog_xmin::text, "
      "{} AS restart_lsn, {} AS confirmed_flush_lsn{}{} FROM pg_catalog.pg_get_replication_slots() LEFT JOIN pg_catalog.pg_database d ON d.oid = datoid "
      "WHERE NOT temporary{}) s)",
      bytes("restart_lsn"), bytes("confirmed_flush_lsn"), version >= 130000 ? ", wal_status" : "", version >= 170000 ? ", failover, synced" : "",
      version >= 170000 ? " AND (NOT failover OR NOT synced)" : "");
}

std::string wal_senders_query() {
  return fmt::format(
      "(SELECT pg_catalog.json_agg(r) FROM (SELECT w.pid, a.application_name, w.sync_state, w.sync_priority, "
      "pg_catalog.pg_get_userbyid(a.usesysid) AS usename, pg_catalog.host(a.client_addr) AS client_addr, {} AS write_lsn, {} AS flush_lsn, {} AS replay_lsn "
      "FROM pg_catalog.pg_stat_get_wal_senders() w, pg_catalog.pg_stat_get_activity(w.pid) a WHERE w.state = 'streaming') r)",
      bytes("w.write_lsn"), bytes("w.flush_lsn"), bytes("w.replay_lsn"));
}

std::uint64_t number_of(const boost::json::object& row, std::string_view key) {
  const auto* value = row.if_contains(key);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}
bool truth_of(const boost::json::object& row, std::string_view key) {
  const auto* value = row.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

template <typename Read>
void for_each_row(const std::optional<std::string>& json, Read read) {
  if (!json) return;
  boost::system::error_code error;
  const auto document = boost::json::parse(*json, error);
  if (error || !document.is_array()) return;
  for (const auto& item : document.get_array()) {
    if (item.is_object()) read(item.get_object());
  }
}

std::vector<SlotRow> read_slots(const std::optional<std::string>& json) {
  std::vector<SlotRow> slots;
  for_each_row(json, [&](const boost::json::object& row) {
    SlotRow slot;
    slot.name = model::text_at(row, "slot_name");
    slot.logical = model::text_at(row, "slot_type") == "logical";
    slot.database = model::text_at(row, "database");
    slot.plugin = model::text_at(row, "plugin");
    slot.restart_lsn = {number_of(row, "restart_lsn")};
    slot.confirmed_flush_lsn = {number_of(row, "confirmed_flush_lsn")};
    slot.active = truth_of(row, "active");
    slot.has_xmin = !model::text_at(row, "xmin").empty();
    slot.catalog_xmin = to_number<std::uint32_t>(model::text_at(row, "catalog_xmin"));
    slot.wal_status = model::text_at(row, "wal_status");
    slot.failover = truth_of(row, "failover");
    slot.synced = truth_of(row, "synced");
    slots.push_back(std::move(slot));
  });
  std::sort(slots.begin(), slots.end(), [](const SlotRow& a, const SlotRow& b) { return a.name < b.name; });
  return slots;
}

model::SyncState to_sync_state(std::string_view text) {
  if (text == "sync") return model::SyncState::kSync;
  if (text == "quorum") return model::SyncState::kQuorum;
  return text == "potential" ? model::SyncState::kPotential : model::SyncState::kAsync;
}

std::vector<model::WalSender> read_wal_senders(const std::optional<std::string>& json) {
  std::vector<model::WalSender> senders;
  for_each_row(json, [&](const boost::json::object& row) {
    senders.push_back({.pid = static_cast<int>(number_of(row, "pid")),
                       .application_name = model::MemberName(model::text_at(row, "application_name")),
                       .sync_state = to_sync_state(model::text_at(row, "sync_state")),
                       .write = {number_of(row, "write_lsn")},
                       .flush = {number_of(row, "flush_lsn")},
                       .replay = {number_of(row, "replay_lsn")},
                       .usename = model::text_at(row, "usename"),
                       .client_addr = model::text_at(row, "client_addr"),
                       .sync_priority = static_cast<int>(number_of(row, "sync_priority"))});
  });
  std::sort(senders.begin(), senders.end(), [](const model::WalSender& a, const model::WalSender& b) { return a.pid < b.pid; });
  return senders;
}

}  // namespace

std::string status_query(const StatusQuery& query) {
  std::array<std::string, kColumnCount> columns;
  const auto unless_in_recovery = [](std::string_view expression) { return fmt::format("CASE WHEN r.in_recovery THEN 0 ELSE {} END", expression); };
  columns[kInRecovery] = "r.in_recovery";
  columns[kTimeline] = unless_in_recovery("('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int");
  columns[kFlushed] = unless_in_recovery(bytes("pg_catalog.pg_current_wal_flush_lsn()"));
  columns[kReplayed] = bytes("pg_catalog.pg_last_wal_replay_lsn()");
  columns[kReceived] = bytes("COALESCE(pg_catalog.pg_last_wal_receive_lsn(), '0/0')");
  columns[kReplayPaused] = "CASE WHEN r.in_recovery THEN pg_catalog.pg_is_wal_replay_paused() ELSE false END";
  columns[kControlTimeline] = query.is_standby_leader ? "(SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())" : "0";
  columns[kReceiverPid] = "wr.pid";
  columns[kReceiverTimeline] = "CASE WHEN wr.latest_end_lsn IS NULL THEN NULL ELSE wr.received_tli END";
  columns[kReceiverWritten] = query.server_version >= 130000 ? bytes("wr.written_lsn") : "NULL";
  columns[kReceiverLatestEnd] = bytes("wr.latest_end_lsn");
  columns[kReplayedAt] = moment("pg_catalog.pg_last_xact_replay_timestamp()");
  columns[kReceiverState] = "wr.status";
  columns[kReceiverSlot] = "wr.slot_name";
  columns[kReceiverConninfo] = "wr.conninfo";
  columns[kRestoreCommand] = "pg_catalog.current_setting('restore_command')";
  columns[kArchiveMode] = "pg_catalog.current_setting('archive_mode')";
  columns[kSynchronousCommit] = "pg_catalog.current_setting('synchronous_commit')";
  columns[kSyncNames] = "pg_catalog.current_setting('synchronous_standby_names')";
  columns[kSlots] = slots_query(query.server_version);
  columns[kWalSenders] = wal_senders_query();
  columns[kStartedAt] = moment("pg_catalog.pg_postmaster_start_time()");
  columns[kLoadedAt] = "pg_catalog.pg_conf_load_time()";
  return fmt::format("SELECT {} FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) r, pg_catalog.pg_stat_get_wal_receiver() wr",
                     fmt::join(columns, ", "));
}

std::optional<Status> parse_status(std::span<const std::optional<std::string>> row) {
  if (row.size() != kColumnCount || !row[kInRecovery]) return std::nullopt;
  const auto text = [&](Column column) { return row[column].value_or(std::string{}); };
  const auto number = [&](Column column) { return row[column] ? to_number<std::uint64_t>(*row[column]).value_or(0) : 0; };
  const auto timeline = [&](Column column) { return model::Timeline{static_cast<std::uint32_t>(number(column))}; };
  return Status{
      .in_recovery = text(kInRecovery) == "t",
      .timeline = timeline(kTimeline),
      .flushed = {number(kFlushed)},
      .replayed = {number(kReplayed)},
      .received = {std::max(number(kReceived), number(kReceiverWritten))},
      .replayed_at = text(kReplayedAt),
      .replay_paused = text(kReplayPaused) == "t",
      .control_timeline = timeline(kControlTimeline),
      .receiver = {.pid = static_cast<int>(number(kReceiverPid)),
                   .timeline = timeline(kReceiverTimeline),
                   .latest_end = {number(kReceiverLatestEnd)},
                   .state = text(kReceiverState),
                   .slot = text(kReceiverSlot),
                   .conninfo = text(kReceiverConninfo)},
      .restore_command = text(kRestoreCommand),
      .archive_mode = text(kArchiveMode),
      .synchronous_commit = text(kSynchronousCommit),
      .synchronous_standby_names = text(kSyncNames),
      .slots = read_slots(row[kSlots]),
      .wal_senders = read_wal_senders(row[kWalSenders]),
      .started_at = text(kStartedAt),
      .configuration_loaded_at = text(kLoadedAt),
  };
}

void apply(const Status& status, model::PostgresNode& node) {
  node.query_failed = false;
  node.is_primary = !status.in_recovery;
  node.timeline = status.timeline;
  node.received = status.in_recovery ? status.received : model::Lsn{};
  node.replayed = status.in_recovery ? status.replayed : model::Lsn{};
  node.lsn = status.in_recovery ? std::max(status.received, status.replayed) : status.flushed;
  node.latest_end = status.in_recovery ? status.receiver.latest_end : model::Lsn{};
  node.replayed_timestamp = status.in_recovery ? status.replayed_at : std::string{};
  node.received_timeline = status.in_recovery ? status.receiver.timeline : model::Timeline{};
  node.replication_state = model::ReplicationState::kNone;
  if (status.in_recovery && status.receiver.state == "streaming") {
    node.replication_state = model::ReplicationState::kStreaming;
  } else if (status.in_recovery && !status.restore_command.empty()) {
    node.replication_state = model::ReplicationState::kInArchiveRecovery;
  }
  node.replay_paused = status.replay_paused;
  node.sync_names = model::parse_sync_names(status.synchronous_standby_names);
  node.synchronous_commit = status.synchronous_commit.empty() ? "on" : status.synchronous_commit;
  node.wal_senders = status.wal_senders;
  node.slots.assign(status.slots.begin(), status.slots.end());
  node.postmaster_start_time = status.started_at;
}

}  // namespace matriarch::postgres
