#include "postgres/bootstrap.hpp"

#include <unistd.h>

#include <array>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include "postgres/configure.hpp"
#include "postgres/local_address.hpp"
#include "postgres/observe.hpp"
#include "postgres/start.hpp"
#include "postgres/stop.hpp"
#include "postgres/temporary_file.hpp"
#include "postgres/text.hpp"
#include "postgres/tool_options.hpp"
#include "postgres/users.hpp"

namespace matriarch::postgres {
namespace {

using Secret = std::shared_ptr<TemporaryFile>;
using SecretResult = model::Result<Secret, std::string>;
constexpr model::Milliseconds kInitdbLimit(1'800'000);
constexpr std::array<std::string_view, 5> kRefusedByInitdb = {"pgdata", "nosync", "pwfile", "sync-only", "version"};

asio::awaitable<SecretResult> make_secret(Site& site, std::string content) {
  auto make = [content = std::move(content)] { return TemporaryFile::create(content); };
  co_return co_await on_file_thread(site.files, std::move(make));
}

// ---- initdb --------------------------------------------------------------------------------------------------------

asio::awaitable<Outcome> run_initdb(std::shared_ptr<Site> site, model::Options options) {
  site->set_state(model::PostgresState::kInitializing);
  CheckedOptions checked = check_options("initdb", options, kRefusedByInitdb);
  if (!checked.complaints.empty()) co_return impossible(fmt::format("{}", fmt::join(checked.complaints, "; ")));
  std::vector<std::string> arguments = std::move(checked.accepted), environment;
  const model::Credentials& superuser = site->postgresql().superuser;
  if (!superuser.username.empty()) arguments.push_back("--username=" + superuser.username);
  Secret password;
  if (!superuser.password.empty()) {
    const auto file = co_await make_secret(*site, superuser.password);
    if (!file) co_return failure(file.error());
    password = *file;
    arguments.push_back("--pwfile=" + password->path());
  }
  arguments.push_back(site->data_directory());
  const auto outcome = co_await run_tool(*site, "initdb", std::move(arguments), std::move(environment), deadline_in(kInitdbLimit));
  if (!outcome) co_return failure(outcome.error());
  if (!outcome->success()) co_return failure("initdb " + outcome->describe());
  co_return Outcome();
}

// Lines for pg_hba.conf count only when nothing else rules that file.
asio::awaitable<Outcome> add_hba_lines(Site& site, std::vector<std::string> lines) {
  const auto& p = site.postgresql();
  if (lines.empty() || !p.pg_hba.empty() || p.parameters.contains("hba_file")) co_return Outcome();
  auto append = [path = site.paths().hba(), lines = std::move(lines)] { return append_lines(path, lines); };
  const auto appended = co_await on_file_thread(site.files, std::move(append));
  if (!appended) co_return failure(appended.error());
  co_return Outcome();
}

// ---- custom method -------------------------------------------------------------------------------------------------

asio::awaitable<Outcome> run_custom_method(std::shared_ptr<Site> site, model::BootstrapSettings how) {
  site->set_state(model::PostgresState::kCustomBootstrap);
  if (how.command.empty()) {
    co_return impossible(fmt::format("bootstrap.method is {}, but bootstrap.{}.command is not set: nothing is initialised instead of what was meant",
                                     how.method, how.method));
  }
  const auto words = split_shell_words(how.command);
  if (!words || words->empty()) co_return impossible(fmt::format("bootstrap.{}.command cannot be split into words: {}", how.method, how.command));
  std::vector<std::pair<std::string, std::string>> parameters;
  if (!how.no_params) parameters = {{"scope", site->settings->scope}, {"datadir", site->data_directory()}};
  parameters.insert(parameters.end(), how.parameters.begin(), how.parameters.end());
  ChildRequest request{.argv = command_with_parameters(*words, parameters), .captures_output = false, .grace = model::Milliseconds(1000)};
  const auto outcome = co_await run_child(site->files, std::move(request), kNever);
  if (!outcome) co_return failure(fmt::format("bootstrap method {} could not be started: {}", how.method, outcome.error()));
  if (!outcome->success()) co_return failure(fmt::format("bootstrap method {} {}", how.method, outcome->describe()));
  co_return Outcome();
}

std::string trust_line(std::string_view type, std::string_view database, const std::string& user, const std::string& address) {
  return address.empty() ? fmt::format("{}\t{}\t{}\ttrust", type, database, user) : fmt::format("{}\t{}\t{}\t{}\ttrust", type, database, user, address);
}

// Whoever restored the cluster may have other users and rules in it: ours get in, from this machine alone.
std::vector<std::string> temporary_hba(const model::PostgresSettings& p) {
  const std::string superuser = p.superuser.username.empty() ? "all" : "\"" + p.superuser.username + "\"";
  const std::string replication = "\"" + p.replication.username + "\"";
  std::vector<std::string> lines;
  for (const std::string& address : {std::string(), std::string("127.0.0.1/32"), std::string("::1/128")}) {
    const std::string_view type = address.empty() ? "local" : "host";
    lines.push_back(trust_line(type, "replication", replication, address));
    lines.push_back(trust_line(type, "all", superuser, address));
  }
  return lines;
}

bool ends_in_promotion(const model::BootstrapSettings& how) {
  const auto action = how.recovery_conf.find("recovery_target_action");
  const auto pause = how.recovery_conf.find("pause_at_recovery_target");
  return (action != how.recovery_conf.end() && to_lower(action->second) == "promote") || (pause != how.recovery_conf.end() && to_lower(pause->second) == "false");
}

// What the method left behind is made ours: files, version, signal files.
asio::awaitable<Outcome> take_over_restored(std::shared_ptr<Site> site, const model::BootstrapSettings& how) {
  Configuration& configuration = site->configuration;
  configuration.custom_bootstrap = true;
  configuration.custom_hba = temporary_hba(site->postgresql());
  configuration.keeps_recovery_settings = how.keep_existing_recovery_conf && how.recovery_conf.empty();
  configuration.hot_standby_off = how.keep_existing_recovery_conf || ends_in_promotion(how);
  configuration.recovery = how.recovery_conf;
  configuration.recovery.erase("standby_mode");
  configuration.is_standby = !how.recovery_conf.empty();
  const auto mode = how.recovery_conf.find("standby_mode");
  const bool is_standby_mode = mode != how.recovery_conf.end() && (to_lower(mode->second) == "on" || to_lower(mode->second) == "true");
  const bool has_recovery = !how.recovery_conf.empty(), keeps = how.keep_existing_recovery_conf;
  auto arrange = [paths = site->paths(), has_recovery, keeps, is_standby_mode]() -> FileResult {
    if (auto restored = restore_config_backups(paths); !restored) return restored;
    if (::unlink((paths.data_directory + "/promote").c_str()) != 0 && errno != ENOENT) return tl::unexpected("could not remove " + paths.data_directory + "/promote");
    if (has_recovery) return is_standby_mode ? make_standby_signal(paths.data_directory) : make_recovery_signal(paths.data_directory);
    return keeps ? FileResult() : remove_signal_files(paths.data_directory);
  };
  const auto arranged = co_await on_file_thread(site->files, std::move(arrange));
  if (!arranged) co_return failure(arranged.error());
  co_return Outcome();
}

asio::awaitable<Outcome> leave_custom_mode(std::shared_ptr<Site> site) {
  Configuration& configuration = site->configuration;
  const bool manages_hba = !site->postgresql().pg_hba.empty();
  configuration.custom_bootstrap = configuration.keeps_recovery_settings = configuration.hot_standby_off = configuration.is_standby = false;
  configuration.recovery.clear();
  auto arrange = [paths = site->paths(), manages_hba]() -> FileResult {
    if (auto removed = remove_signal_files(paths.data_directory); !removed) return removed;
    if (manages_hba) return FileResult();
    if (::unlink(paths.hba().c_str()) != 0 && errno != ENOENT) return tl::unexpected("could not remove " + paths.hba());
    return restore_config_backups(paths);
  };
  const auto arranged = co_await on_file_thread(site->files, std::move(arrange));
  if (!arranged) co_return failure(arranged.error());
  auto reloaded = co_await reload_configuration(site, true);
  const bool needs_restart = site->postgresql().parameters.contains("hba_file") || !site->board.now().pending_restart.empty();
  if (!reloaded || !needs_restart) co_return reloaded;
  StopOptions stop{.request = {.checkpoint_first = true}, .is_restart = true};
  const auto stopped = co_await stop_server(site, std::move(stop));
  if (!stopped) co_return failure(stopped.error().what);
  StartRequest start{.role = model::PostgresRole::kPrimary};
  co_return co_await start_server(site, std::move(start));
}

// ---- after the start -----------------------------------------------------------------------------------------------

asio::awaitable<Outcome> run_post_bootstrap_script(std::shared_ptr<Site> site, std::string command) {
  auto words = split_shell_words(command);
  if (!words || words->empty()) co_return impossible("bootstrap.post_bootstrap cannot be split into words: " + command);
  const LocalAddress address = local_address(*site->settings, site->postmaster.file, site->postgresql().use_unix_socket);
  Conninfo conninfo{{"port", address.port}, {"dbname", site->postgresql().database}};
  if (!address.host.empty()) conninfo["host"] = address.host;
  add_credentials(conninfo, site->postgresql().superuser);
  words->push_back(render(conninfo, site->version()));
  if (!conninfo.contains("host")) conninfo["host"] = "localhost";
  ChildRequest request{.argv = *words, .environment = {"PGOPTIONS=-c synchronous_commit=local -c statement_timeout=0"}, .captures_output = false,
                       .grace = model::Milliseconds(1000)};
  Secret passfile;
  if (const auto content = passfile_content(conninfo)) {
    const auto file = co_await make_secret(*site, *content);
    if (!file) co_return failure(file.error());
    passfile = *file;
    request.environment.push_back("PGPASSFILE=" + passfile->path());
  }
  const auto outcome = co_await run_child(site->files, std::move(request), kNever);
  if (!outcome) co_return failure("post_bootstrap script could not be started: " + outcome.error());
  if (!outcome->success()) co_return failure("post_bootstrap script " + outcome->describe());
  co_return Outcome();
}

asio::awaitable<Outcome> make_users_before_script(Connection& connection, const model::PostgresSettings& p, Deadline deadline) {
  const auto silent = co_await silence_logging(connection, deadline);
  if (!silent) co_return silent;
  if (p.superuser.username.empty() || p.superuser.password.empty()) co_return Outcome();
  co_return co_await make_role(connection, p.superuser, "SUPERUSER", deadline);
}

asio::awaitable<Outcome> make_users_after_script(Connection& connection, const model::PostgresSettings& p, Deadline deadline) {
  if (p.replication.username.empty()) co_return impossible("postgresql.authentication.replication.username is not set");
  // A replication user that is also the superuser keeps both rights.
  auto made = co_await make_role(connection, p.replication, "REPLICATION", deadline);
  if (!made || !p.rewind || p.rewind->username == p.superuser.username) co_return made;
  made = co_await make_role(connection, *p.rewind, "", deadline);
  if (!made) co_return made;
  co_return co_await grant_rewind(connection, p.rewind->username, deadline);
}

asio::awaitable<Outcome> fill_by_initdb(std::shared_ptr<Site> site, model::BootstrapSettings how) {
  const auto made = co_await run_initdb(site, how.initdb);
  if (!made) {
    site->set_state(model::PostgresState::kInitdbFailed);
    co_return made;
  }
  co_await look_at_directory(*site);
  co_return co_await add_hba_lines(*site, how.pg_hba);
}

asio::awaitable<Outcome> fill_by_method(std::shared_ptr<Site> site, model::BootstrapSettings how) {
  const auto made = co_await run_custom_method(site, how);
  if (!made) {
    site->set_state(model::PostgresState::kCustomBootstrapFailed);
    co_return made;
  }
  co_await look_at_directory(*site);
  co_return co_await take_over_restored(site, how);
}

// What was restored may go on recovering for long: that is no failure.
asio::awaitable<Outcome> start_new_cluster(std::shared_ptr<Site> site, bool is_custom) {
  StartRequest start{.role = model::PostgresRole::kPrimary, .keeps_recovery = is_custom && site->configuration.is_standby};
  if (is_custom) start.state = model::PostgresState::kStartingAfterCustomBootstrap;
  const auto started = co_await start_server(site, std::move(start));
  const bool recovers = is_custom && !started && started.error().still_starting;
  if (!started && !recovers) co_return started;
  co_return co_await read_control_data(*site);
}

}  // namespace

asio::awaitable<Outcome> bootstrap_cluster(std::shared_ptr<Site> site, model::BootstrapSettings how) {
  site->blocks_callbacks = true;  // until finish_bootstrap()
  site->configuration = Configuration{.sync_names = site->configuration.sync_names};
  const bool is_custom = how.method != "initdb";
  Outcome done;
  if (is_custom) done = co_await fill_by_method(site, std::move(how));
  else done = co_await fill_by_initdb(site, std::move(how));
  if (done) done = co_await start_new_cluster(site, is_custom);
  if (!done) site->blocks_callbacks = false;
  co_return done;
}

asio::awaitable<Outcome> finish_bootstrap(std::shared_ptr<Site> site) {
  site->board.set_role(model::PostgresRole::kPrimary);
  const Deadline deadline = deadline_in(model::Milliseconds(60'000));
  Conninfo conninfo = unhurried_conninfo(*site->settings, site->postmaster.file, "");
  const auto connection = co_await Connection::open(conninfo, deadline);
  if (!connection) co_return failure("could not connect to the new cluster: " + connection.error().what);
  auto done = co_await make_users_before_script(**connection, site->postgresql(), deadline);
  if (!done) co_return done;
  const std::string script = site->settings->bootstrap ? site->settings->bootstrap->post_bootstrap : std::string{};
  if (!script.empty()) {
    done = co_await run_post_bootstrap_script(site, script);
    if (!done) co_return done;
  }
  // The script may have taken its time, and restarted nothing: the connection is still there.
  done = co_await make_users_after_script(**connection, site->postgresql(), deadline_in(model::Milliseconds(60'000)));
  if (!done) co_return done;
  if (site->configuration.custom_bootstrap) done = co_await leave_custom_mode(site);
  site->blocks_callbacks = false;
  co_return done;
}

}  // namespace matriarch::postgres
