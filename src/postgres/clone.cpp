#include "postgres/clone.hpp"

#include <array>

#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include "postgres/configure.hpp"
#include "postgres/side_directory.hpp"
#include "postgres/temporary_file.hpp"
#include "postgres/text.hpp"
#include "postgres/tool_options.hpp"
#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

using Progress = std::function<void(std::string)>;
using Secret = std::shared_ptr<TemporaryFile>;
constexpr model::Milliseconds kBetweenAttempts(5000);
constexpr std::array<std::string_view, 11> kRefusedByBasebackup = {"pgdata", "format", "wal-method", "xlog-method", "gzip", "version", "dbname", "host",
                                                       "port", "username", "password"};

// ---- pg_basebackup -------------------------------------------------------------------------------------------------

std::vector<std::string> user_options(Site& site) {
  CheckedOptions checked = check_options("pg_basebackup", site.postgresql().basebackup, kRefusedByBasebackup);
  std::erase_if(checked.accepted, [&](const std::string& option) {
    // The server may compress what it sends from version 15 on; the files have to be plain.
    const bool is_bad = option.starts_with("--compress") && (site.version() < 150000 || !option.starts_with("--compress=server"));
    if (is_bad) checked.complaints.push_back(fmt::format("{} for pg_basebackup is not allowed", option));
    return is_bad;
  });
  for (const auto& complaint : checked.complaints) site.log(ports::Level::kError, complaint);
  return std::move(checked.accepted);
}

// Tells at most twice a second how far the copy is.
std::function<void(std::string_view)> reporter(Progress progress) {
  struct State {
    Deadline began = std::chrono::steady_clock::now(), told{};
  };
  return [progress = std::move(progress), state = std::make_shared<State>()](std::string_view line) {
    const auto copied = parse_copy_progress(line);
    const auto now = std::chrono::steady_clock::now();
    if (!copied || !progress || now - state->told < std::chrono::milliseconds(500)) return;
    state->told = now;
    progress(describe(*copied, std::chrono::duration<double>(now - state->began).count()));
  };
}

asio::awaitable<Outcome> run_basebackup(Site& site, std::string target, Conninfo conninfo, Progress progress) {
  ChildRequest request{.argv = {site.program("pg_basebackup"), "--pgdata=" + target, "-X", "stream", "--progress"},
                       .environment = {"LC_ALL=C"}, .on_error_line = reporter(std::move(progress))};
  Secret passfile;
  if (const auto content = passfile_content(conninfo)) {
    auto make = [content = *content] { return TemporaryFile::create(content); };
    const auto made = co_await on_file_thread(site.files, std::move(make));
    if (!made) co_return failure(made.error());
    passfile = *made;
    request.environment.push_back("PGPASSFILE=" + passfile->path());
  }
  request.argv.push_back("--dbname=" + render(conninfo, site.version()));
  const auto options = user_options(site);
  if (!has_option(options, "checkpoint") && !has_option(options, "c")) request.argv.push_back("--checkpoint=fast");
  request.argv.insert(request.argv.end(), options.begin(), options.end());
  const auto outcome = co_await run_child(site.files, std::move(request), kNever);
  if (!outcome) co_return failure("could not run pg_basebackup: " + outcome.error());
  if (!outcome->success()) co_return failure("pg_basebackup " + outcome->describe());
  co_return Outcome();
}

asio::awaitable<Outcome> discard(Site& site, CopyPlan plan) {
  auto remove = [plan = std::move(plan)] { return discard_copy(plan); };
  const auto removed = co_await on_file_thread(site.files, std::move(remove));
  if (!removed) co_return failure(removed.error());
  co_return Outcome();
}

// One attempt: copy beside the old data, then exchange. A cancelled copy is removed by the next attempt, or at the end.
asio::awaitable<Outcome> copy_once(Site& site, Conninfo conninfo, Progress progress) {
  auto prepare = [path = site.data_directory()] { return prepare_copy(path); };
  const auto plan = co_await on_file_thread(site.files, std::move(prepare));
  if (!plan) co_return failure(plan.error());
  if (!plan->beside && site.directory.state == model::DataDirectory::kPresent) {
    site.warn(fmt::format("the old data of {} was removed before the copy, because {}", site.data_directory(), plan->why_in_place));
  }
  bool cancelled = false;
  Outcome copied;
  try {
    copied = co_await run_basebackup(site, plan->target, std::move(conninfo), std::move(progress));
  } catch (const boost::system::system_error&) {
    cancelled = true;
  }
  if (cancelled) {
    co_await asio::this_coro::throw_if_cancelled(false);
    (void)co_await discard(site, *plan);  // what cannot be removed now is removed before the next attempt
    co_await asio::this_coro::throw_if_cancelled(true);
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  if (!copied) {
    const auto removed = co_await discard(site, *plan);
    if (!removed) site.warn(removed.error().what);
    co_return copied;
  }
  auto swap = [plan = *plan, path = site.data_directory()] { return swap_in(plan, path); };
  const auto swapped = co_await on_file_thread(site.files, std::move(swap));
  if (!swapped) co_return failure(swapped.error());
  co_return Outcome();
}

asio::awaitable<Outcome> clone_by_basebackup(Site& site, const ports::Source& source, Progress progress) {
  const auto conninfo = source_conninfo(*site.settings, source, site.postgresql().replication);
  if (!conninfo) co_return failure(fmt::format("the connection URL of {} cannot be read: {}", source.name, source.conn_url));
  auto outcome = co_await copy_once(site, *conninfo, progress);
  if (outcome) co_return outcome;
  site.warn(fmt::format("copy from {} failed, trying once more: {}", source.name, outcome.error().what));
  const bool is_full = outcome.error().what.find("No space left on device") != std::string::npos;
  if (is_full && site.directory.state == model::DataDirectory::kPresent) {
    site.warn("there is no room for the copy beside the old data: removing the old data first");
    auto remove = [path = site.data_directory()] { return remove_data(path); };
    const auto removed = co_await on_file_thread(site.files, std::move(remove));
    if (!removed) co_return failure(removed.error());
  } else {
    co_await sleep_for(kBetweenAttempts);
  }
  co_return co_await copy_once(site, *conninfo, progress);
}

// ---- the user's methods --------------------------------------------------------------------------------------------

std::vector<std::string> method_arguments(const Site& site, const model::ReplicaMethod& method, const std::string& dsn) {
  auto words = split_shell_words(method.command.empty() ? method.name : method.command).value_or(std::vector<std::string>{});
  if (words.empty()) return words;
  auto parameters = method.parameters;
  if (method.no_params) {
    std::erase_if(parameters, [](const auto& entry) { return entry.first == "no_params" || entry.first == "no_leader" || entry.first == "keep_data"; });
    return command_with_parameters(std::move(words), parameters);
  }
  const std::array<std::pair<std::string, std::string>, 4> ours = {
      {{"scope", site.settings->scope}, {"role", "replica"}, {"datadir", site.data_directory()}, {"connstring", dsn}}};
  for (const auto& [key, value] : ours) {
    const auto found = std::find_if(parameters.begin(), parameters.end(), [&](const auto& entry) { return entry.first == key; });
    if (found == parameters.end()) parameters.emplace_back(key, value);
    else found->second = value;
  }
  return command_with_parameters(std::move(words), parameters);
}

asio::awaitable<Outcome> run_method(Site& site, const model::ReplicaMethod& method, std::optional<Conninfo> conninfo) {
  ChildRequest request{.captures_output = false, .grace = model::Milliseconds(1000)};
  request.argv = method_arguments(site, method, conninfo ? render(*conninfo, site.version()) : std::string{});
  if (request.argv.empty()) co_return impossible(fmt::format("the command of replica method {} cannot be split into words", method.name));
  Secret passfile;
  const auto content = conninfo ? passfile_content(*conninfo) : std::nullopt;
  if (content) {
    auto make = [text = *content] { return TemporaryFile::create(text); };
    const auto made = co_await on_file_thread(site.files, std::move(make));
    if (!made) co_return failure(made.error());
    passfile = *made;
    request.environment.push_back("PGPASSFILE=" + passfile->path());
  }
  const auto outcome = co_await run_child(site.files, std::move(request), kNever);
  if (!outcome) co_return failure(fmt::format("replica method {} could not be started: {}", method.name, outcome.error()));
  if (!outcome->success()) co_return failure(fmt::format("replica method {} {}", method.name, outcome->describe()));
  co_return Outcome();
}

// The method fills the one place it knows. Old data waits under another name, or, where it cannot be renamed, goes first.
asio::awaitable<Outcome> clone_by_method(Site& site, const model::ReplicaMethod& method, std::optional<Conninfo> conninfo) {
  const std::string data = site.directory.real_path, aside = data + ".old";
  const bool has_data = site.directory.state == model::DataDirectory::kPresent && !method.keep_data;
  bool is_aside = false;
  if (has_data) {
    auto put = [data, aside] { return put_aside(data, aside); };
    is_aside = (co_await on_file_thread(site.files, std::move(put))).has_value();
    auto remove = [data] { return remove_data(data); };
    const auto removed = co_await on_file_thread(site.files, std::move(remove));
    if (!removed) co_return failure(removed.error());
  }
  bool cancelled = false;
  Outcome outcome;
  try {
    outcome = co_await run_method(site, method, std::move(conninfo));
  } catch (const boost::system::system_error&) {
    cancelled = true;
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  const bool failed = cancelled || !outcome;
  const bool keeps = method.keep_data;
  auto settle = [data, aside, is_aside, failed, keeps]() -> FileResult {
    if (failed && is_aside) return put_back(data, aside);
    if (failed) return keeps ? FileResult() : remove_data(data);
    if (!is_aside) return {};
    return remove_data(aside);
  };
  const auto settled = co_await on_file_thread(site.files, std::move(settle));
  if (!settled) site.warn(settled.error());
  co_await asio::this_coro::throw_if_cancelled(true);
  if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
  co_return outcome;
}

// ---- all of them ---------------------------------------------------------------------------------------------------

std::vector<model::ReplicaMethod> methods_for(const Site& site, const ports::Source& source) {
  if (source.basebackup_only) return {model::ReplicaMethod{.name = "basebackup"}};
  auto methods = source.remote ? model::methods_for_remote(*site.settings) : site.postgresql().create_replica_methods;
  if (methods.empty()) methods.push_back({.name = "basebackup"});
  if (source.conn_url.empty()) std::erase_if(methods, [](const model::ReplicaMethod& method) { return !method.no_leader || method.name == "basebackup"; });
  return methods;
}

asio::awaitable<Outcome> clone_from(std::shared_ptr<Site> site, const ports::Source& source, Progress progress) {
  Outcome outcome = impossible("no replica method can work without a leader");
  for (const auto& method : methods_for(*site, source)) {
    co_await look_at_directory(*site);
    if (method.name == "basebackup") {
      outcome = co_await clone_by_basebackup(*site, source, progress);
    } else {
      std::optional<Conninfo> conninfo;
      if (!source.conn_url.empty()) conninfo = source_conninfo(*site->settings, source, site->postgresql().replication);
      outcome = co_await clone_by_method(*site, method, std::move(conninfo));
    }
    if (outcome) co_return outcome;
    site->log(ports::Level::kError, fmt::format("Error creating replica using method {}: {}", method.name, outcome.error().what));
  }
  co_return outcome;
}

// A copy is a copy of the source's files: what this node needs of its own comes back, what would promote it goes.
asio::awaitable<Outcome> take_over_copy(Site& site) {
  auto arrange = [paths = site.paths()]() -> FileResult {
    if (auto removed = system::remove_tree(paths.data_directory + "/promote"); !removed) return tl::unexpected(removed.error().message());
    if (auto unmarked = unmark_rewinding(paths.data_directory); !unmarked) return unmarked;
    return restore_config_backups(paths);
  };
  const auto arranged = co_await on_file_thread(site.files, std::move(arrange));
  if (!arranged) co_return failure(arranged.error());
  co_await look_at_directory(site);
  co_return co_await read_control_data(site);
}

}  // namespace

std::optional<Conninfo> source_conninfo(const model::Settings& settings, const ports::Source& source, const model::Credentials& credentials) {
  auto conninfo = parse_conninfo(source.conn_url);
  if (!conninfo || source.conn_url.empty()) return std::nullopt;
  conninfo->try_emplace("port", "5432");
  if ((*conninfo)["dbname"].empty()) (*conninfo)["dbname"] = settings.postgresql.database;
  add_credentials(*conninfo, credentials);
  if (!settings.postgresql.krbsrvname.empty()) (*conninfo)["krbsrvname"] = settings.postgresql.krbsrvname;
  return conninfo;
}

asio::awaitable<Outcome> clone_data(std::shared_ptr<Site> site, std::vector<ports::Source> sources, Progress progress) {
  if (site->is_running()) co_return failure("PostgreSQL is running: it has to be stopped before its data is replaced");
  co_await look_at_directory(*site);
  const auto known = co_await learn_version_of_program(*site);
  if (!known) co_return impossible(known.error());
  site->set_state(model::PostgresState::kCreatingReplica);
  site->board.change([](model::PostgresNode& node) {
    node.control.reset();
    node.system_id.reset();
    node.replica_timeline = {};
  });
  Outcome outcome = impossible("there is nothing to clone from");
  for (const auto& source : sources) {
    outcome = co_await clone_from(site, source, progress);
    if (outcome) break;
  }
  site->set_state(model::PostgresState::kStopped);
  if (outcome) co_return co_await take_over_copy(*site);
  co_await look_at_directory(*site);
  if (site->directory.state == model::DataDirectory::kPresent) (void)co_await read_control_data(*site);  // of the data that stayed
  if (site->directory.state != model::DataDirectory::kPresent) site->board.set_role(model::PostgresRole::kUninitialized);
  co_return outcome;
}

}  // namespace matriarch::postgres
