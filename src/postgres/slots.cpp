#include "postgres/slots.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <boost/algorithm/hex.hpp>
#include <fmt/format.h>

#include "postgres/clone.hpp"
#include "postgres/configure.hpp"
#include "postgres/local_address.hpp"
#include "postgres/observe.hpp"
#include "postgres/slot_plan.hpp"
#include "postgres/start.hpp"
#include "postgres/stop.hpp"
#include "postgres/text.hpp"
#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

using Wanted = std::map<std::string, WantedSlot>;

SlotInputs inputs_of(const Site& site, const model::Cluster& cluster) {
  return {.cluster = cluster, .settings = *site.settings, .role = site.board.now().role, .is_primary = site.board.now().is_primary, .version = site.version()};
}

asio::awaitable<bool> run(Site& site, std::string sql, std::vector<std::string> parameters, std::string what) {
  const auto rows = co_await site.session.query(std::move(sql), std::move(parameters), deadline_in(model::Milliseconds(3000)));
  if (!rows) site.log(ports::Level::kError, fmt::format("{}: {}", what, rows.error().what));
  co_return rows.has_value();
}

asio::awaitable<void> drop(Site& site, const std::string& name) {
  // One statement: a slot that somebody takes meanwhile is not dropped.
  std::string sql =
      "WITH slot AS (SELECT slot_name, active FROM pg_catalog.pg_replication_slots WHERE slot_name = $1), dropped AS (SELECT "
      "pg_catalog.pg_drop_replication_slot(slot_name) FROM slot WHERE NOT active) SELECT (SELECT active FROM slot), (SELECT count(*) FROM dropped)";
  std::vector<std::string> parameters{name};
  const auto rows = co_await site.session.query(std::move(sql), std::move(parameters), deadline_in(model::Milliseconds(3000)));
  if (rows && !rows->empty() && rows->front()[0] == "t") {
    site.warn(fmt::format("Unable to drop replication slot '{}', slot is active", name));
  } else if (!rows) {
    site.log(ports::Level::kError, fmt::format("Failed to drop replication slot '{}': {}", name, rows.error().what));
  } else {
    site.info(fmt::format("Dropped replication slot '{}'", name));
  }
}

asio::awaitable<void> change_physical(Site& site, const SlotPlan& plan) {
  for (const auto& name : plan.create_physical) {
    std::string sql =
        "SELECT pg_catalog.pg_create_physical_replication_slot($1, true) WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots WHERE "
        "slot_type = 'physical' AND slot_name = $1)";
    std::vector<std::string> parameters{name};
    const bool created = co_await run(site, std::move(sql), std::move(parameters), fmt::format("Failed to create physical replication slot '{}'", name));
    if (created) site.info(fmt::format("Created replication slot '{}'", name));
  }
  for (const auto& [name, lsn] : plan.advance_physical) {
    std::string sql = "SELECT pg_catalog.pg_replication_slot_advance($1, $2)";
    std::vector<std::string> parameters{name, model::format_lsn(lsn)};
    co_await run(site, std::move(sql), std::move(parameters), fmt::format("Failed to advance physical replication slot '{}'", name));
  }
}

// Logical slots belong to a database: a connection for each.
asio::awaitable<void> change_logical_in(std::shared_ptr<Site> site, const std::string& database, const SlotPlan& plan, const Wanted& wanted) {
  const Deadline deadline = site->tool_deadline();
  Conninfo conninfo = unhurried_conninfo(*site->settings, site->postmaster.file, database);
  const auto connection = co_await Connection::open(std::move(conninfo), deadline);
  if (!connection) {
    site->log(ports::Level::kError, fmt::format("Failed to connect to database {} for its replication slots: {}", database, connection.error().what));
    co_return;
  }
  for (const auto& name : plan.create_logical) {
    if (wanted.at(name).database != database) continue;
    std::string sql =
        "SELECT pg_catalog.pg_create_logical_replication_slot($1, $2) WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots WHERE slot_type = "
        "'logical' AND slot_name = $1)";
    std::vector<std::string> parameters{name, wanted.at(name).plugin};
    const auto created = co_await (*connection)->query(std::move(sql), std::move(parameters), deadline);
    if (!created) site->log(ports::Level::kError, fmt::format("Failed to create logical replication slot '{}': {}", name, created.error().what));
    else site->info(fmt::format("Created replication slot '{}'", name));
  }
  for (const auto& [name, lsn] : plan.advance_logical) {
    if (wanted.at(name).database != database) continue;
    std::string sql = "SELECT pg_catalog.pg_replication_slot_advance($1, $2)";
    std::vector<std::string> parameters{name, model::format_lsn(lsn)};
    const auto advanced = co_await (*connection)->query(std::move(sql), std::move(parameters), deadline);
    if (!advanced) site->log(ports::Level::kError, fmt::format("Failed to advance logical replication slot '{}': {}", name, advanced.error().what));
  }
}

asio::awaitable<void> change_logical(std::shared_ptr<Site> site, const SlotPlan& plan, const Wanted& wanted) {
  std::set<std::string> databases;
  for (const auto& name : plan.create_logical) databases.insert(wanted.at(name).database);
  for (const auto& slot : plan.advance_logical) databases.insert(wanted.at(slot.first).database);
  for (const auto& database : databases) co_await change_logical_in(site, database, plan, wanted);
}

asio::awaitable<void> follow_feedback_rule(std::shared_ptr<Site> site, bool needed) {
  if (site->configuration.hot_standby_feedback == needed) co_return;
  site->configuration.hot_standby_feedback = needed;
  const auto done = co_await reload_configuration(site, false);
  if (!done) site->warn("hot_standby_feedback: " + done.error().what);
}

// ---- copying -------------------------------------------------------------------------------------------------------

struct SlotFile {
  std::string name, state;  // the bytes of pg_replslot/NAME/state
};

asio::awaitable<model::Result<std::vector<SlotFile>, std::string>> fetch_slot_files(Site& site, const ports::Source& leader, std::vector<std::string> names) {
  const auto& p = site.postgresql();
  auto conninfo = source_conninfo(*site.settings, leader, p.rewind ? *p.rewind : p.superuser);
  if (!conninfo) co_return tl::unexpected(fmt::format("the connection URL of {} cannot be read: {}", leader.name, leader.conn_url));
  (*conninfo)["connect_timeout"] = "3";
  (*conninfo)["options"] = "-c statement_timeout=2000 -c search_path=pg_catalog";
  const Deadline deadline = site.tool_deadline();
  const auto connection = co_await Connection::open(*conninfo, deadline);
  if (!connection) co_return tl::unexpected(connection.error().what);
  std::vector<SlotFile> files;
  for (const auto& name : names) {
    std::string sql =
        "SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file('pg_replslot/' || slot_name || '/state'), 'hex') FROM pg_catalog.pg_replication_slots "
        "WHERE slot_type = 'logical' AND slot_name = $1 AND NOT pg_catalog.pg_is_in_recovery()";
    std::vector<std::string> parameters{name};
    const auto rows = co_await (*connection)->query(std::move(sql), std::move(parameters), deadline);
    if (!rows) co_return tl::unexpected(rows.error().what);
    if (rows->empty()) continue;
    SlotFile file{.name = name, .state = {}};
    boost::algorithm::unhex(rows->front().front().value_or(""), std::back_inserter(file.state));
    files.push_back(std::move(file));
  }
  co_return files;
}

FileResult write_slot(const std::string& data_directory, const SlotFile& file) {
  const std::string slots = data_directory + "/pg_replslot", target = slots + "/" + file.name, temporary = target + ".tmp";
  if (auto removed = system::remove_tree(temporary); !removed) return tl::unexpected(removed.error().message());
  const mode_t mode = file_mode_in(data_directory);
  if (::mkdir(temporary.c_str(), mode == 0640 ? 0750 : 0700) != 0) return tl::unexpected("could not create " + temporary);
  if (auto written = system::write_atomically(temporary + "/state", file.state, mode); !written) return tl::unexpected(written.error().message());
  if (auto removed = system::remove_tree(target); !removed) return tl::unexpected(removed.error().message());
  if (auto renamed = system::rename_durably(temporary, target); !renamed) return tl::unexpected(renamed.error().message());
  return {};
}

}  // namespace

asio::awaitable<Outcome> sync_slots(std::shared_ptr<Site> site, std::shared_ptr<const model::Cluster> view) {
  const auto& node = site->board.now();
  if (!view || node.state != model::PostgresState::kRunning || node.query_failed || !site->status) co_return Outcome();
  const WantedSlots wanted = wanted_slots(inputs_of(*site, *view));
  if (wanted.complaints != site->slot_complaints) {
    for (const auto& complaint : wanted.complaints) site->log(ports::Level::kError, complaint);
    site->slot_complaints = wanted.complaints;
  }
  const SlotPlan plan = plan_slots(inputs_of(*site, *view), wanted.slots, site->status->slots, node.replayed);
  const bool needs_feedback = needs_hot_standby_feedback(inputs_of(*site, *view));
  site->board.change([&](model::PostgresNode& n) { n.slots_to_copy = plan.copy_logical; });
  for (const auto& name : plan.drop) co_await drop(*site, name);
  co_await change_physical(*site, plan);
  co_await change_logical(site, plan, wanted.slots);
  co_await follow_feedback_rule(site, needs_feedback);
  const bool changed = !plan.drop.empty() || !plan.create_physical.empty() || !plan.create_logical.empty();
  if (!changed) co_return Outcome();
  co_return co_await query_status(site, site->tool_deadline());
}

asio::awaitable<Outcome> copy_logical_slots(std::shared_ptr<Site> site, ports::Source leader, std::vector<std::string> names) {
  const auto files = co_await fetch_slot_files(*site, leader, std::move(names));
  if (!files) co_return failure("could not read the leader's replication slots: " + files.error());
  if (files->empty()) co_return Outcome();
  const auto role = site->board.now().role;
  const auto upstream = site->configuration.upstream;
  StopOptions stop{.request = {.mode = ports::StopMode::kFast, .checkpoint_first = true}};
  const auto stopped = co_await stop_server(site, std::move(stop));
  if (!stopped) co_return failure(stopped.error().what);
  auto write = [files = *files, path = site->data_directory()]() -> FileResult {
    for (const auto& file : files) {
      if (auto written = write_slot(path, file); !written) return written;
    }
    return system::sync_path(path + "/pg_replslot").map_error([](const system::SystemError& error) { return error.message(); });
  };
  const auto written = co_await on_file_thread(site->files, std::move(write));
  StartRequest start{.role = role, .upstream = upstream};
  const auto started = co_await start_server(site, std::move(start));
  if (!written) co_return failure("could not write the replication slots: " + written.error());
  co_return started;
}

}  // namespace matriarch::postgres
