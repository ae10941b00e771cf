#include "postgres/rewind.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "postgres/archive_command.hpp"
#include "postgres/clone.hpp"
#include "postgres/configure.hpp"
#include "postgres/divergence.hpp"
#include "postgres/history_file.hpp"
#include "postgres/stop.hpp"
#include "postgres/temporary_file.hpp"
#include "postgres/text.hpp"
#include "postgres/tool_options.hpp"
#include "postgres/waldump.hpp"
#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

namespace fs = std::filesystem;
using Secret = std::shared_ptr<TemporaryFile>;
constexpr model::Milliseconds kArchiveLimit(600'000);
constexpr int kMaxFetches = 1000;
constexpr std::array<std::string_view, 10> kRefusedByRewind = {"target-pgdata", "source-pgdata", "source-server", "write-recovery-conf", "dry-run",
                                                       "restore-target-wal", "config-file", "no-ensure-shutdown", "version", "help"};

const model::Credentials& rewind_user(const Site& site) {
  return site.postgresql().rewind ? *site.postgresql().rewind : site.postgresql().superuser;
}

// ---- divergence ----------------------------------------------------------------------------------------------------

asio::awaitable<std::optional<model::Lsn>> end_of_checkpoint(Site& site, model::Timeline timeline, model::Lsn checkpoint) {
  std::vector<std::string> arguments{"-t", fmt::format("{}", timeline.value), "-s", model::format_lsn(checkpoint), "-n", "2"};
  std::vector<std::string> environment{"LANG=C", "LC_ALL=C", "PGDATA=" + site.data_directory()};
  const auto outcome = co_await run_tool(site, "pg_waldump", std::move(arguments), std::move(environment), site.tool_deadline());
  if (!outcome) co_return std::nullopt;
  const auto end = parse_end_of_record(outcome->output, outcome->errors, checkpoint);
  if (!end) site.warn(fmt::format("the end of the shutdown checkpoint is not known; pg_waldump said: {} / {}", trim(outcome->output), trim(outcome->errors)));
  co_return end;
}

asio::awaitable<std::optional<LocalPosition>> local_position(Site& site) {
  const auto& node = site.board.now();
  if (node.is_running && !node.is_starting() && !node.query_failed && site.status && site.status->in_recovery) {
    const auto timeline = node.received_timeline.known() ? node.received_timeline : node.replica_timeline;
    if (timeline.known() && node.replayed.known()) co_return LocalPosition{.in_recovery = true, .timeline = timeline, .lsn = node.replayed};
  }
  if (node.is_running && !node.is_starting() && !(site.status && site.status->in_recovery)) co_return std::nullopt;
  const auto read = co_await read_control_data(site);
  if (!read) co_return std::nullopt;
  co_return position_from(*site.board.now().control);
}

struct Remote {
  model::Timeline timeline;
  std::vector<model::HistoryLine> history;
  bool has_history = false;
};

asio::awaitable<model::Result<void, std::string>> check_not_in_recovery(Site& site, const ports::Source& leader, Deadline deadline) {
  auto conninfo = source_conninfo(*site.settings, leader, rewind_user(site));
  if (!conninfo) co_return tl::unexpected(fmt::format("the connection URL of {} cannot be read: {}", leader.name, leader.conn_url));
  (*conninfo)["target_session_attrs"] = "read-write";
  (*conninfo)["connect_timeout"] = "3";
  (*conninfo)["options"] = "-c statement_timeout=2000 -c search_path=pg_catalog";
  const auto connection = co_await Connection::open(*conninfo, deadline);
  if (!connection) co_return tl::unexpected(connection.error().what);
  std::string sql = "SELECT pg_catalog.pg_is_in_recovery()";
  const auto rows = co_await (*connection)->query(std::move(sql), deadline);
  if (!rows || rows->size() != 1) co_return tl::unexpected(rows ? std::string("no answer") : rows.error().what);
  if (rows->front().front() != "f") co_return tl::unexpected(std::string("Leader is still in_recovery and therefore can't be used for rewind"));
  co_return model::Result<void, std::string>();
}

// A remote member publishes no "checkpoint_after_promote": its control file gets the present timeline by a checkpoint.
asio::awaitable<model::Result<void, std::string>> checkpoint_at(Site& site, const ports::Source& source, Deadline deadline) {
  auto conninfo = source_conninfo(*site.settings, source, site.postgresql().superuser);
  (*conninfo)["connect_timeout"] = "3";
  const auto connection = co_await Connection::open(*conninfo, deadline);
  if (!connection) co_return tl::unexpected(connection.error().what);
  std::string sql = "CHECKPOINT";
  const auto done = co_await (*connection)->query(std::move(sql), deadline_in(kArchiveLimit));
  if (!done) co_return tl::unexpected(done.error().what);
  co_return model::Result<void, std::string>();
}

asio::awaitable<model::Result<Remote, std::string>> ask_leader(Site& site, const ports::Source& leader, model::Timeline local, Deadline deadline) {
  const auto primary = co_await check_not_in_recovery(site, leader, deadline);
  if (!primary) co_return tl::unexpected(primary.error());
  auto conninfo = source_conninfo(*site.settings, leader, site.postgresql().replication);
  (*conninfo)["replication"] = "1";
  (*conninfo)["connect_timeout"] = "3";
  conninfo->erase("dbname");
  const auto connection = co_await Connection::open(*conninfo, deadline);
  if (!connection) co_return tl::unexpected(connection.error().what);
  std::string identify = "IDENTIFY_SYSTEM";
  const auto identity = co_await (*connection)->query(std::move(identify), deadline);
  if (!identity || identity->empty() || identity->front().size() < 2) co_return tl::unexpected(identity ? std::string("no answer") : identity.error().what);
  Remote remote{.timeline = {to_number<std::uint32_t>(identity->front()[1].value_or("")).value_or(0)}};
  if (!remote.timeline.known()) co_return tl::unexpected(std::string("the leader does not tell its timeline"));
  if (remote.timeline <= local || remote.timeline.value < 2) co_return remote;
  std::string ask = fmt::format("TIMELINE_HISTORY {}", remote.timeline.value);
  const auto history = co_await (*connection)->query(std::move(ask), deadline);
  if (!history || history->empty() || history->front().size() < 2) co_return tl::unexpected(history ? std::string("no answer") : history.error().what);
  remote.history = parse_history_file(history->front()[1].value_or(""));
  remote.has_history = true;
  co_return remote;
}

std::string describe(const LocalPosition& local, const Remote& remote, Divergence divergence) {
  return fmt::format("local timeline {} at {}{}, leader's timeline {}: {}", local.timeline, local.lsn, local.in_recovery ? " (in recovery)" : "",
                     remote.timeline, divergence == Divergence::kNone ? "the leader has everything" : "the local data went another way");
}

// ---- WAL that waits for the archive ----------------------------------------------------------------------------------

std::vector<std::string> ready_files(const std::string& data_directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(data_directory + "/pg_wal/archive_status", error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!is_ready_file(name)) continue;
    name.erase(name.rfind(".ready"));
    if (fs::exists(data_directory + "/pg_wal/" + name, error)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The value of a setting as the configuration files give it; empty: none, or it could not be asked.
asio::awaitable<std::string> configured(Site& site, std::string name) {
  std::vector<std::string> arguments{"-D", site.data_directory(), "-C", name, "--config-file=" + site.paths().conf()}, environment{"LC_ALL=C"};
  const auto outcome = co_await run_tool(site, "postgres", std::move(arguments), std::move(environment), site.tool_deadline());
  co_return outcome && outcome->success() ? std::string(trim(outcome->output)) : std::string{};
}

asio::awaitable<bool> run_in_shell(Site& site, std::string command, std::string what) {
  ChildRequest request{.argv = {"/bin/sh", "-c", command}, .working_directory = site.directory.real_path};
  const auto outcome = co_await run_child(site.files, std::move(request), deadline_in(kArchiveLimit));
  if (outcome && outcome->success()) co_return true;
  site.warn(fmt::format("{} {}", what, outcome ? outcome->describe() : outcome.error()));
  co_return false;
}

// A rewind, or a recovery with another archive_command, would lose what the server had not archived yet.
asio::awaitable<void> archive_leftovers(Site& site) {
  const std::string mode = co_await configured(site, "archive_mode");
  if (mode != "on" && mode != "always") co_return;
  const std::string command = co_await configured(site, "archive_command");
  if (command.empty()) co_return;
  auto list = [path = site.data_directory()] { return ready_files(path); };
  const auto files = co_await on_file_thread(site.files, std::move(list));
  for (const auto& file : files) {
    const std::map<char, std::string> values{{'p', site.directory.real_path + "/pg_wal/" + file}, {'f', file}, {'r', "000000010000000000000001"}};
    const bool archived = co_await run_in_shell(site, fill_placeholders(command, values), "archive_command for " + file);
    if (!archived) continue;
    auto mark = [status = site.data_directory() + "/pg_wal/archive_status/" + file] {
      return ::rename((status + ".ready").c_str(), (status + ".done").c_str()) == 0;
    };
    const bool marked = co_await on_file_thread(site.files, std::move(mark));
    if (!marked) site.warn(fmt::format("{} was archived but could not be marked so", file));
  }
}

// ---- pg_rewind -----------------------------------------------------------------------------------------------------

asio::awaitable<bool> can_rewind(Site& site) {
  std::vector<std::string> arguments{"--help"}, environment;
  const auto outcome = co_await run_tool(site, "pg_rewind", std::move(arguments), std::move(environment), site.tool_deadline());
  const auto& control = site.board.now().control;
  co_return outcome && outcome->success() && control && (control->wal_log_hints || control->data_checksums);
}

// pg_rewind can run restore_command itself, from the version on that lets us tell it where the configuration is.
std::vector<std::string> restore_options(const Site& site, const std::string& restore_command) {
  const ConfigPaths paths = site.paths();
  const bool is_elsewhere = paths.config_directory != paths.data_directory;
  if (restore_command.empty() || site.major_version() < 130000 || (is_elsewhere && site.major_version() < 150000)) return {};
  std::vector<std::string> options{"--restore-target-wal"};
  if (is_elsewhere) options.push_back("--config-file=" + paths.conf());
  return options;
}

asio::awaitable<model::Result<ChildOutcome, std::string>> run_rewind(Site& site, Conninfo conninfo, const std::vector<std::string>& restore) {
  CheckedOptions checked = check_options("pg_rewind", site.postgresql().rewind_options, kRefusedByRewind);
  for (const auto& complaint : checked.complaints) site.log(ports::Level::kError, complaint);
  std::vector<std::string> arguments = restore;
  arguments.insert(arguments.end(), {"-D", site.data_directory(), "--source-server", render(conninfo, site.version())});
  arguments.insert(arguments.end(), checked.accepted.begin(), checked.accepted.end());
  std::vector<std::string> environment{"LANG=C", "LC_ALL=C", "PGOPTIONS=-c statement_timeout=0"};
  Secret passfile;
  if (const auto content = passfile_content(conninfo)) {
    auto make = [text = *content] { return TemporaryFile::create(text); };
    const auto made = co_await on_file_thread(site.files, std::move(make));
    if (!made) co_return tl::unexpected(made.error());
    passfile = *made;
    environment.push_back("PGPASSFILE=" + passfile->path());
  }
  co_return co_await run_tool(site, "pg_rewind", std::move(arguments), std::move(environment), kNever);
}

asio::awaitable<bool> fetch(Site& site, const std::string& restore_command, const std::string& file) {
  const std::map<char, std::string> values{{'p', site.directory.real_path + "/pg_wal/" + file}, {'f', file}, {'r', "000000010000000000000001"}};
  const bool fetched = co_await run_in_shell(site, fill_placeholders(restore_command, values), "restore_command for " + file);
  co_return fetched;
}

// Repeats pg_rewind while the archive has what it lacks.
asio::awaitable<model::Result<ChildOutcome, std::string>> rewind_with_archive(Site& site, Conninfo conninfo) {
  const std::string restore_command = co_await configured(site, "restore_command");
  const auto options = restore_options(site, restore_command);
  std::string last;
  for (int attempt = 0;; ++attempt) {
    auto outcome = co_await run_rewind(site, conninfo, options);
    if (!outcome || outcome->success() || !options.empty() || restore_command.empty() || attempt >= kMaxFetches) co_return outcome;
    std::string missing = missing_wal_file(outcome->errors);
    if (missing.empty()) missing = missing_wal_file(outcome->output);
    if (missing.empty() || missing == last) co_return outcome;
    const bool fetched = co_await fetch(site, restore_command, missing);
    if (!fetched) co_return outcome;
    last = missing;
  }
}

// ---- single user -----------------------------------------------------------------------------------------------------

struct Prepared {
  std::vector<std::string> options;  // "-c name=value", sorted by name
  std::string error;
};
Prepared prepare_single_user(const std::string& data_directory) {
  std::error_code error;
  for (fs::directory_iterator entry(data_directory + "/pg_wal/archive_status", error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_regular_file(error) || entry->is_symlink(error)) fs::remove(entry->path(), error);
  }
  if (error && error != std::errc::no_such_file_or_directory) return {.error = "could not clear archive_status: " + error.message()};
  std::map<std::string, std::string> settings;
  if (const auto content = system::read_file(data_directory + "/postmaster.opts", 1 << 20)) {
    for (const auto& [name, value] : parse_postmaster_options(*content)) settings[name] = value;
  }
  settings["archive_mode"] = "on";
  settings["archive_command"] = "false";
  if (auto removed = remove_signal_files(data_directory); !removed) return {.error = removed.error()};
  Prepared prepared;
  for (const auto& [name, value] : settings) prepared.options.insert(prepared.options.end(), {"-c", name + "=" + value});
  return prepared;
}

}  // namespace

namespace {

asio::awaitable<bool> an_earlier_rewind_did_not_end(Site& site) {
  auto look = [path = site.data_directory()] { return is_half_rewound(path); };
  const bool half_rewound = co_await on_file_thread(site.files, std::move(look));
  co_return half_rewound;
}

// Data between two histories must never serve, and another pg_rewind cannot know what the first one changed: a copy replaces it.
asio::awaitable<Outcome> give_up_half_rewound(Site& site, std::string what) {
  site.log(ports::Level::kError, what + ": the data directory is between two histories and is removed, to be copied anew");
  auto remove = [path = site.data_directory()]() -> FileResult {
    if (auto removed = remove_data(path); !removed) return removed;
    return unmark_rewinding(path);
  };
  const auto removed = co_await on_file_thread(site.files, std::move(remove));
  co_await look_at_directory(site);
  if (!removed) co_return failure(what + "; its data cannot be removed: " + removed.error());
  site.board.set_role(model::PostgresRole::kUninitialized);
  site.board.change([](model::PostgresNode& node) {
    node.control.reset();
    node.system_id.reset();
  });
  co_return impossible(what);
}

// What pg_rewind says just before it changes the first file.
bool has_begun_to_change(const ChildOutcome& outcome) {
  constexpr std::string_view kBegins = "rewinding from last common checkpoint";
  return outcome.errors.find(kBegins) != std::string::npos || outcome.output.find(kBegins) != std::string::npos;
}

}  // namespace

asio::awaitable<model::DivergenceReport> check_divergence(std::shared_ptr<Site> site, ports::Source leader, Deadline deadline) {
  model::DivergenceReport report{.leader = leader.name};
  const bool half_rewound = co_await an_earlier_rewind_did_not_end(*site);
  if (half_rewound) {
    report.verdict = model::DivergenceReport::Verdict::kNeedsRewind;
    report.says = "an earlier rewind did not end";
    co_return report;
  }
  auto local = co_await local_position(*site);
  if (!local) {
    report.says = "the local position is not known";
    co_return report;
  }
  const auto remote = co_await ask_leader(*site, leader, local->timeline, deadline);
  if (!remote) {
    report.says = remote.error();
    co_return report;
  }
  report.leader_timeline = remote->timeline;
  const auto* history = remote->has_history ? &remote->history : nullptr;
  Divergence divergence = compare_with_leader(*local, remote->timeline, history);
  if (divergence == Divergence::kNeedsEndOfRecord) {
    // Unknown counts as zero, which is no switch point: rather a rewind too many than one too few.
    local->end_of_checkpoint = (co_await end_of_checkpoint(*site, local->timeline, local->lsn)).value_or(model::Lsn{});
    divergence = compare_with_leader(*local, remote->timeline, history);
  }
  report.verdict = divergence == Divergence::kNone ? model::DivergenceReport::Verdict::kCompatible : model::DivergenceReport::Verdict::kNeedsRewind;
  report.says = describe(*local, *remote, divergence);
  co_return report;
}

asio::awaitable<Outcome> rewind_data(std::shared_ptr<Site> site, ports::Source source) {
  if (site->is_running()) {
    StopOptions stop{.request = {.mode = ports::StopMode::kFast}};
    const auto stopped = co_await stop_server(site, std::move(stop));
    if (!stopped) co_return failure(stopped.error().what);
  }
  co_await look_at_directory(*site);
  (void)co_await read_control_data(*site);  // can_rewind() sees whether it is there
  const bool half_rewound = co_await an_earlier_rewind_did_not_end(*site);
  if (half_rewound) co_return co_await give_up_half_rewound(*site, "an earlier rewind did not end");
  const bool possible = co_await can_rewind(*site);
  if (!possible) co_return impossible("pg_rewind cannot work here: the program is missing, or neither wal_log_hints nor data checksums were on");
  auto healthy = co_await check_not_in_recovery(*site, source, site->tool_deadline());
  if (!healthy) co_return failure(fmt::format("Can not use {} for rewind: {}", source.name, healthy.error()));
  if (source.remote) healthy = co_await checkpoint_at(*site, source, site->tool_deadline());
  if (!healthy) co_return failure(fmt::format("Can not use {} for rewind: leader has not run a checkpoint yet: {}", source.name, healthy.error()));
  co_await archive_leftovers(*site);
  auto conninfo = source_conninfo(*site->settings, source, rewind_user(*site));
  (*conninfo)["target_session_attrs"] = "read-write";
  auto mark = [path = site->data_directory()] { return mark_rewinding(path); };
  const auto marked = co_await on_file_thread(site->files, std::move(mark));
  if (!marked) co_return impossible("a rewind that is interrupted could not be known: " + marked.error());
  const auto outcome = co_await rewind_with_archive(*site, *conninfo);
  co_await look_at_directory(*site);
  const auto control = co_await read_control_data(*site);
  const bool changed_data = outcome && !outcome->success() && has_begun_to_change(*outcome);
  const std::string what = outcome ? "pg_rewind " + outcome->describe() : outcome.error();
  if (changed_data) co_return co_await give_up_half_rewound(*site, what);
  auto unmark = [path = site->data_directory()] { return unmark_rewinding(path); };
  const auto unmarked = co_await on_file_thread(site->files, std::move(unmark));
  if (!unmarked) site->warn(unmarked.error());
  if (outcome && outcome->success()) co_return Outcome();
  site->log(ports::Level::kError, what);
  if (!control) co_return impossible(what + " (the control file cannot be read any more)");
  healthy = co_await check_not_in_recovery(*site, source, site->tool_deadline());
  if (healthy) co_return impossible(what);
  co_return failure(what);
}

asio::awaitable<Outcome> recover_single_user(std::shared_ptr<Site> site) {
  if (site->is_running()) co_return failure("PostgreSQL is running");
  co_await look_at_directory(*site);
  co_await archive_leftovers(*site);
  auto prepare = [path = site->data_directory()] { return prepare_single_user(path); };
  const auto prepared = co_await on_file_thread(site->files, std::move(prepare));
  if (!prepared.error.empty()) co_return failure(prepared.error);
  site->board.change([](model::PostgresNode& node) { node.has_recovery_signal = false; });

  std::vector<std::string> arguments{"--single", "-D", site->data_directory()}, environment{"LC_ALL=C"};
  arguments.insert(arguments.end(), prepared.options.begin(), prepared.options.end());
  arguments.push_back("template1");
  const auto outcome = co_await run_tool(*site, "postgres", std::move(arguments), std::move(environment), kNever);
  if (!outcome) co_return failure(outcome.error());
  if (!outcome->success()) {
    site->log(ports::Level::kError, fmt::format("single-user recovery wrote: {} / {}", trim(outcome->output), trim(outcome->errors)));
    co_return failure("single-user recovery " + outcome->describe());
  }
  co_return co_await read_control_data(*site);
}

}  // namespace matriarch::postgres
