#include "postgres/observe.hpp"

#include <libpq-fe.h>

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "postgres/local_address.hpp"
#include "postgres/postmaster.hpp"
#include "postgres/start.hpp"
#include "postgres/text.hpp"
#include "system/process.hpp"

namespace matriarch::postgres {
namespace {

// ---- the ends of replication connections ---------------------------------------------------------------------------

asio::awaitable<void> refresh_after(std::shared_ptr<Site> site, std::string event) {
  if (!site->is_running() || site->closed) co_return;
  (void)co_await query_status(site, deadline_in(model::Milliseconds(1000)));  // its failure shows in node()
  site->board.tell(std::move(event));
}

Watching watch_end(const std::shared_ptr<Site>& site, int pid, std::function<void(Site&)> on_end) {
  auto pidfd = system::open_pidfd(pid);
  if (!pidfd) return Watching();
  return Watching(site->executor, std::move(*pidfd), [weak = std::weak_ptr(site), on_end = std::move(on_end)] {
    if (const auto alive = weak.lock()) on_end(*alive);
    return false;
  });
}

// A sender that ends is the first sign of a standby that went away, a receiver that ends of an upstream.
void watch_ends(const std::shared_ptr<Site>& site, const Status& status) {
  auto& ends = site->walsender_ends;
  std::erase_if(ends, [&](const auto& entry) {
    return std::none_of(status.wal_senders.begin(), status.wal_senders.end(), [&](const model::WalSender& sender) { return sender.pid == entry.first; });
  });
  for (const auto& sender : status.wal_senders) {
    if (ends.contains(sender.pid)) continue;
    ends.emplace(sender.pid, watch_end(site, sender.pid, [](Site& s) {
                   s.replication_ended.notify_all();
                   asio::co_spawn(s.executor, refresh_after(s.shared_from_this(), "a WAL sender ended"), asio::detached);
                 }));
  }
  if (status.receiver.pid == site->receiver_end.first) return;
  site->receiver_end.first = status.receiver.pid;
  site->receiver_end.second = Watching();
  if (status.receiver.pid == 0) return;
  site->receiver_end.second = watch_end(site, status.receiver.pid, [](Site& s) {
    s.replication_ended.notify_all();
    asio::co_spawn(s.executor, refresh_after(s.shared_from_this(), "the WAL receiver ended"), asio::detached);
  });
}

// ---- what only a standby is asked ----------------------------------------------------------------------------------

// The settings of a standby as the server has them; they can only change when it loads its configuration.
asio::awaitable<void> learn_recovery_settings(Site& site, const Status& status, Deadline deadline) {
  RecoveryInEffect& in_effect = site.recovery.in_effect;
  in_effect.receiver_runs = status.receiver.pid != 0 && !status.receiver.conninfo.empty();
  in_effect.receiver_conninfo = status.receiver.conninfo;
  in_effect.receiver_slot = status.receiver.slot;
  in_effect.has_standby_signal = site.board.now().has_recovery_signal;
  if (site.recovery.loaded_at == status.configuration_loaded_at && site.recovery.started_at == status.started_at) co_return;

  std::string sql =
      "SELECT name, setting, COALESCE(sourcefile, '') FROM pg_catalog.pg_settings WHERE name IN ('archive_cleanup_command', 'primary_conninfo', "
      "'primary_slot_name', 'promote_trigger_file', 'recovery_end_command', 'recovery_min_apply_delay', 'recovery_target', 'recovery_target_lsn', "
      "'recovery_target_name', 'recovery_target_time', 'recovery_target_timeline', 'recovery_target_xid', 'restore_command')";
  const auto rows = co_await site.session.query(std::move(sql), deadline);
  if (!rows) co_return;
  in_effect.settings.clear();
  in_effect.set_elsewhere.clear();
  const std::string ours = site.paths().conf();
  for (const auto& row : *rows) {
    const std::string name = row[0].value_or(""), value = row[1].value_or(""), file = row[2].value_or("");
    in_effect.settings[name] = value;
    if (!file.empty() && file != ours) in_effect.set_elsewhere[name] = value;
  }
  site.recovery.loaded_at = status.configuration_loaded_at;
  site.recovery.started_at = status.started_at;
}

// The upstream that primary_conninfo names. Its member name is known only if we wrote it.
std::optional<model::Upstream> upstream_of(const Site& site) {
  const auto& settings = site.recovery.in_effect.settings;
  const auto found = settings.find("primary_conninfo");
  if (found == settings.end() || found->second.empty()) return std::nullopt;
  const auto conninfo = parse_conninfo(found->second);
  if (!conninfo) return std::nullopt;
  const auto value = [&](const char* keyword) {
    const auto entry = conninfo->find(keyword);
    return entry == conninfo->end() ? std::string{} : entry->second;
  };
  model::Upstream upstream{.host = value("host"), .port = value("port")};
  if (const auto slot = settings.find("primary_slot_name"); slot != settings.end()) upstream.slot = slot->second;
  const auto& written = site.configuration.upstream;
  if (written && written->host == upstream.host && written->port == upstream.port) return written;
  return upstream;
}

// Which timeline is being replayed, by the replication protocol: asked while nothing is received, at most once a second.
asio::awaitable<void> learn_replica_timeline(Site& site, const Status& status, Deadline deadline) {
  if (status.receiver.timeline.known()) {
    site.board.change([&](model::PostgresNode& node) { node.replica_timeline = status.receiver.timeline; });
    co_return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (site.timeline_asked_at && now - *site.timeline_asked_at < std::chrono::seconds(1)) co_return;
  site.timeline_asked_at = now;
  Conninfo conninfo = local_replication_conninfo(*site.settings, site.postmaster.file);
  auto connection = co_await Connection::open(std::move(conninfo), deadline);
  if (!connection) co_return;  // pg_hba.conf may not let us: the control file answers then
  std::string sql = "IDENTIFY_SYSTEM";
  const auto rows = co_await (*connection)->query(std::move(sql), deadline);
  if (!rows || rows->empty() || rows->front().size() < 2) co_return;
  const model::Timeline timeline{to_number<std::uint32_t>(rows->front()[1].value_or("")).value_or(0)};
  site.board.change([&](model::PostgresNode& node) { node.replica_timeline = timeline; });
}

void note_failure(Site& site) {
  site.board.change([](model::PostgresNode& node) {
    node.query_failed = true;
    node.is_primary = node.is_running && node.role == model::PostgresRole::kPrimary;
  });
}

// ---- synchronous commits -------------------------------------------------------------------------------------------

// Whether a commit waits at all is one flag in shared memory (syncrep.c, WalSndCtl->sync_standbys_defined) that no view shows. The
// checkpointer alone sets it, when it takes over the configuration: between two checkpoints, and before it sleeps between two writes
// of one (checkpointer.c, CheckpointWriteDelay), but not in a checkpoint in haste, nor while it syncs files. So it has to be seen in
// one of these two waits, so long after the reload that this wait began after it. Who may not look is told nothing, and trusts in time.
asio::awaitable<void> learn_whether_commits_wait(Site& site, bool were_none, Deadline deadline) {
  constexpr model::Milliseconds kLongestWait(110);  // CheckpointWriteDelay sleeps 100 ms at most
  const auto now = std::chrono::steady_clock::now();
  if (site.board.now().sync_names.kind == model::SyncNames::Kind::kOff) {
    site.sync_names_seen_at.reset();
  } else if (were_none) {
    site.sync_names_seen_at = now;
  }
  if (site.sync_names_seen_at && now >= *site.sync_names_seen_at + kLongestWait) {
    std::string sql = "SELECT wait_event FROM pg_catalog.pg_stat_activity WHERE backend_type = 'checkpointer'";
    if (site.major_version() < 100000) sql = "SELECT 'CheckpointerMain'";  // it is not in that view
    const auto rows = co_await site.session.query(std::move(sql), deadline);
    const std::string waits = rows && !rows->empty() ? rows->front().front().value_or("") : std::string();
    const bool cannot_be_seen = rows && rows->empty();
    if (cannot_be_seen || waits == "CheckpointerMain" || waits == "CheckpointWriteDelay") site.sync_names_seen_at.reset();
  }
  const bool is_pending = site.sync_names_seen_at.has_value();
  if (is_pending != site.board.now().sync_names_pending) {
    site.board.change([is_pending](model::PostgresNode& node) { node.sync_names_pending = is_pending; });
  }
}

// ---- a stopped server ----------------------------------------------------------------------------------------------

asio::awaitable<Outcome> look_at_stopped(std::shared_ptr<Site> site) {
  co_await look_at_directory(*site);
  const auto state = site->board.now().state;
  const bool is_being_made = state == model::PostgresState::kCreatingReplica || state == model::PostgresState::kInitializing ||
                             state == model::PostgresState::kCustomBootstrap;
  if (site->is_running() || is_being_made || site->directory.state != model::DataDirectory::kPresent) co_return Outcome();
  // Somebody else may have started it.
  const bool adopted = co_await adopt_running(site);
  if (adopted || site->board.now().control) co_return Outcome();
  co_return co_await read_control_data(*site);
}

// ---- the beat between two refreshes --------------------------------------------------------------------------------

bool deserves_attention(const Site& site) {
  const auto& node = site.board.now();
  if (node.state != model::PostgresState::kRunning) return false;
  if (node.is_primary) return site.settings->dynamic.synchronous();
  return node.replication_state != model::ReplicationState::kStreaming;
}

}  // namespace

asio::awaitable<Outcome> query_status(std::shared_ptr<Site> site, Deadline deadline) {
  const auto process = site->postmaster.process;
  const StatusQuery query{.server_version = std::max(site->version(), 120000), .is_standby_leader = site->board.now().role == model::PostgresRole::kStandbyLeader};
  auto rows = co_await site->session.query(status_query(query), deadline);
  // A kept connection may have been lost long ago: the second attempt has a new one.
  if (!rows && rows.error().connection_lost && !rows.error().timed_out) rows = co_await site->session.query(status_query(query), deadline);
  if (site->postmaster.process != process) co_return failure("the server was restarted");
  auto status = rows && rows->size() == 1 ? parse_status(rows->front()) : std::nullopt;
  if (!status) {
    note_failure(*site);
    co_return failure(rows ? "the status query gave no answer that can be read" : rows.error().what);
  }
  // The first answer tells the version; what it was asked with may have been the oldest.
  const bool was_in_recovery = site->status && site->status->in_recovery;
  const bool were_none = !site->status || site->board.now().sync_names.kind == model::SyncNames::Kind::kOff;
  site->status = *status;
  site->archive_mode = status->archive_mode;
  site->board.change([&](model::PostgresNode& node) {
    apply(*status, node);
    node.observed_at = boot_now();
    node.server_version = site->session.server_version();
    if (!status->in_recovery) node.has_recovery_signal = false;
  });
  watch_ends(site, *status);
  co_await learn_whether_commits_wait(*site, were_none, deadline);
  if (was_in_recovery && !status->in_recovery) site->board.tell("left recovery");
  if (status->in_recovery) {
    co_await learn_recovery_settings(*site, *status, deadline);
    co_await learn_replica_timeline(*site, *status, deadline);
  }
  auto upstream = status->in_recovery ? upstream_of(*site) : std::nullopt;
  site->board.change([&](model::PostgresNode& node) { node.upstream = std::move(upstream); });
  co_return Outcome();
}

asio::awaitable<bool> is_rejecting(Site& site) {
  auto ping = [conninfo = site.session.target()] {
    std::vector<const char*> keywords, values;
    for (const auto& [keyword, value] : conninfo) {
      keywords.push_back(keyword.c_str());
      values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    return PQpingParams(keywords.data(), values.data(), 0);
  };
  const PGPing answer = co_await on_file_thread(site.files, std::move(ping));
  co_return answer == PQPING_REJECT || answer == PQPING_NO_RESPONSE;
}

asio::awaitable<Outcome> refresh(std::shared_ptr<Site> site, Deadline deadline) {
  if (!site->is_running()) co_return co_await look_at_stopped(site);
  if (site->board.now().is_starting()) co_return failure("PostgreSQL is starting");
  const auto process = site->postmaster.process;
  const auto outcome = co_await query_status(site, deadline);
  if (outcome || site->board.now().state != model::PostgresState::kRunning) co_return outcome;
  const bool rejecting = co_await is_rejecting(*site);
  if (rejecting && site->postmaster.process == process && !site->postmaster.end_expected && site->board.now().state == model::PostgresState::kRunning) {
    // A backend crashed and the server reinitialises: it is not gone, but does not serve.
    site->set_state(model::PostgresState::kStarting);
    site->postmaster.stirred.notify_all();
    site->board.tell("rejects connections");
  }
  co_return outcome;
}

// What begins is no event: it is looked for, often after something changed, rarely when all is calm. What ends is one.
asio::awaitable<void> watch_replication(std::shared_ptr<Site> site, ProcessId process) {
  constexpr model::Milliseconds kBeat(200), kCalmBeat(1'000), kCalmAfter(10'000);
  std::string last;
  std::uint64_t seen = site->replication_ended.count();
  bool was_attentive = false;
  Deadline calm_from = deadline_in(kCalmAfter);
  while (site->postmaster.is(process) && !site->closed) {
    const bool is_calm = std::chrono::steady_clock::now() >= calm_from;
    const bool ended = co_await site->replication_ended.wait_beyond(seen, deadline_in(is_calm ? kCalmBeat : kBeat));
    seen = site->replication_ended.count();
    if (!site->postmaster.is(process)) continue;
    const bool is_attentive = deserves_attention(*site);
    if (ended || is_attentive != std::exchange(was_attentive, is_attentive)) calm_from = deadline_in(kCalmAfter);
    if (!is_attentive) continue;
    // The agent's own looks show as much.
    if (is_calm && !ended && boot_now() - site->board.now().observed_at < kCalmBeat) continue;
    std::string sql =
        "SELECT (SELECT pg_catalog.string_agg(pid || sync_state, ' ' ORDER BY pid) FROM pg_catalog.pg_stat_get_wal_senders() WHERE state = 'streaming'), "
        "(SELECT status FROM pg_catalog.pg_stat_get_wal_receiver())";
    const auto rows = co_await site->session.query(std::move(sql), deadline_in(model::Milliseconds(1000)));
    if (!rows || rows->empty()) continue;
    const std::string now = rows->front()[0].value_or("") + "/" + rows->front()[1].value_or("");
    // A receiver that ended and came back between two looks has the same state as before; node() knows only of its end.
    const bool has_resumed = rows->front()[1] == "streaming" && site->board.now().replication_state != model::ReplicationState::kStreaming;
    if (now == std::exchange(last, now) && !has_resumed) continue;
    calm_from = deadline_in(kCalmAfter);
    co_await refresh_after(site, "replication changed");
  }
}

}  // namespace matriarch::postgres
