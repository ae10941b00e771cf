#include "postgres/configure.hpp"

#include <signal.h>

#include <algorithm>

#include <fmt/format.h>

#include "model/quantity.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/guc_check.hpp"
#include "postgres/guc_table.hpp"
#include "postgres/server_parameters.hpp"
#include "postgres/setting_text.hpp"
#include "postgres/text.hpp"
#include "postgres/version.hpp"
#include "system/process.hpp"

namespace matriarch::postgres {
namespace {

using Values = std::map<std::string, std::string>;
constexpr const char* kAdvice = "check postgresql.bin_dir and postgresql.bin_name";
using PendingRestart = std::map<std::string, std::pair<std::string, std::string>>;

// The names that the installed program knows, for settings newer than our table.
asio::awaitable<const std::set<std::string>*> known_by_server(Site& site) {
  if (!site.known_settings) {
    std::vector<std::string> arguments{"--describe-config"}, environment;
    const auto outcome = co_await run_tool(site, "postgres", std::move(arguments), std::move(environment), site.tool_deadline());
    std::set<std::string> names;
    if (outcome && outcome->success()) {
      for (const auto line : lines_of(outcome->output)) names.insert(to_lower(split(line, '\t').front()));
    }
    site.known_settings = std::move(names);
  }
  co_return &*site.known_settings;
}

asio::awaitable<CheckedSettings> checked(Site& site, const Values& values) {
  auto result = check_settings(values, site.version(), nullptr);
  if (result.unknown.empty()) co_return result;
  const auto* known = co_await known_by_server(site);
  co_return check_settings(values, site.version(), known);
}

template <typename Lines>
std::optional<Lines> for_role(const std::map<std::string, Lines>& by_role, const Lines& fallback, model::PostgresRole role) {
  const auto found = by_role.find(std::string(role_suffix(role)));
  const Lines& lines = found == by_role.end() ? fallback : found->second;
  return lines.empty() ? std::nullopt : std::optional<Lines>(lines);
}

bool is_elsewhere(const Values& values, const std::string& name, const std::string& ours) {
  const auto found = values.find(name);
  return found != values.end() && found->second != ours;
}

void fill_access_files(const Site& site, const Values& values, model::PostgresRole role, ConfigFiles& files) {
  const auto& p = site.postgresql();
  const bool own_hba = site.configuration.custom_bootstrap || !is_elsewhere(values, "hba_file", files.paths.hba());
  const bool own_ident = !is_elsewhere(values, "ident_file", files.paths.ident());
  if (own_hba) {
    files.conf.parameters.erase("hba_file");
    files.conf.hba_file = files.paths.hba();
    files.hba = site.configuration.custom_bootstrap ? std::optional(site.configuration.custom_hba) : for_role(p.role_pg_hba, p.pg_hba, role);
  }
  if (own_ident) {
    files.conf.parameters.erase("ident_file");
    files.conf.ident_file = files.paths.ident();
    files.ident = for_role(p.role_pg_ident, p.pg_ident, role);
  }
}

std::vector<std::string> needed_directories(const Site& site, const Values& values) {
  std::vector<std::string> directories;
  for (const char* name : {"unix_socket_directories", "stats_temp_directory"}) {
    const auto found = values.find(name);
    if (found == values.end()) continue;
    for (const auto directory : split(found->second, ',')) {
      const auto text = trim(directory);
      if (!text.empty() && !text.starts_with('@')) directories.emplace_back(text);
    }
  }
  const std::string& passfile = site.postgresql().pgpass;
  if (const auto slash = passfile.rfind('/'); slash != std::string::npos && slash > 0 && site.postgresql().krbsrvname.empty()) {
    directories.push_back(passfile.substr(0, slash));
  }
  return directories;
}

void fill_recovery(Site& site, ConfigFiles& files, std::vector<std::string>& complaints) {
  const Configuration& configuration = site.configuration;
  files.cleans_auto_conf = !configuration.keeps_recovery_settings;
  if (!configuration.is_standby) return;
  const Values wanted = configuration.recovery.empty() ? wanted_recovery_settings(*site.settings, configuration.upstream, site.major_version())
                                                       : configuration.recovery;
  auto result = check_recovery_settings(wanted, site.version());
  files.conf.recovery = std::move(result.accepted);
  complaints.insert(complaints.end(), result.complaints.begin(), result.complaints.end());
  if (!configuration.upstream || configuration.upstream->host.empty()) return;
  const Conninfo conninfo = upstream_conninfo(*site.settings, *configuration.upstream, site.major_version());
  if (auto content = passfile_content(conninfo)) files.passfile.emplace(site.postgresql().pgpass, std::move(*content));
}

void log_new(Site& site, std::vector<std::string> complaints) {
  if (complaints == site.complaints) return;
  for (const auto& complaint : complaints) site.warn(complaint);
  site.complaints = std::move(complaints);
}

// ---- what a reload could not change ------------------------------------------------------------------------------

// Settings whose value in the files differs from the one in effect, as far as only a restart can change it.
PendingRestart waiting_for_restart(const Rows& rows, const Values& configured) {
  PendingRestart pending;
  for (const auto& row : rows) {
    const auto text = [&](std::size_t column) { return row[column].value_or(std::string{}); };
    const std::string name = text(0), setting = text(1), unit = text(2), vartype = text(3), file_value = text(5);
    const bool marked = text(4) == "t";
    const auto ours = std::find_if(configured.begin(), configured.end(), [&](const auto& entry) { return equals_without_case(entry.first, name); });
    const bool is_automatic = name == "wal_buffers" && ours != configured.end() && model::parse_integer(ours->second, unit) == -1;
    const bool differs = ours != configured.end() && !is_automatic && !same_setting(vartype, unit, setting, ours->second);
    if (!marked && !differs) continue;
    const std::string wanted = ours != configured.end() ? ours->second : file_value;
    const auto number = vartype == "integer" ? model::parse_integer(wanted, unit) : std::nullopt;
    pending[name] = {to_human(setting, unit), number ? to_human(fmt::format("{}", *number), unit) : wanted};
  }
  return pending;
}

asio::awaitable<void> learn_pending_restart(Site& site) {
  // One row for each setting that only a restart changes; the value of the files from the last line that sets it.
  std::string sql =
      "SELECT s.name, s.setting, s.unit, s.vartype, s.pending_restart, f.setting FROM pg_catalog.pg_settings s LEFT JOIN LATERAL "
      "(SELECT f.setting FROM pg_catalog.pg_file_settings f WHERE f.name = s.name ORDER BY f.seqno DESC LIMIT 1) f ON true "
      "WHERE s.context = 'postmaster' AND s.name NOT LIKE 'recovery\\_target%' AND s.name NOT IN ('hot_standby', 'primary_conninfo', "
      "'primary_slot_name', 'restore_command', 'config_file', 'data_directory', 'hba_file', 'ident_file') "
      "AND (s.pending_restart OR s.source IN ('configuration file', 'command line', 'default', 'override', 'environment variable'))";
  const auto rows = co_await site.session.query(std::move(sql), site.tool_deadline());
  if (!rows) {
    site.warn(fmt::format("could not ask which settings need a restart: {}", rows.error().what));
    co_return;
  }
  auto pending = waiting_for_restart(*rows, site.configuration.parameters);
  for (const auto& [name, values] : pending) {
    if (!site.board.now().pending_restart.contains(name)) {
      site.info(fmt::format("Changed {} from '{}' to '{}' (restart might be required)", name, values.first, values.second));
    }
  }
  site.board.change([&](model::PostgresNode& node) { node.pending_restart = std::move(pending); });
}

// SIGHUP is handled when the postmaster gets to it; its effect is seen in pg_conf_load_time().
asio::awaitable<void> await_loaded(Site& site, std::string before) {
  const Deadline deadline = deadline_in(model::Milliseconds(1000));
  while (std::chrono::steady_clock::now() < deadline) {
    std::string sql = "SELECT pg_catalog.pg_conf_load_time()";
    const auto rows = co_await site.session.query(std::move(sql), deadline);
    if (!rows || rows->empty() || rows->front().front().value_or("") != before) co_return;
    co_await sleep_for(model::Milliseconds(5));
  }
}

asio::awaitable<std::string> load_time(Site& site) {
  std::string sql = "SELECT pg_catalog.pg_conf_load_time()";
  const auto rows = co_await site.session.query(std::move(sql), deadline_in(model::Milliseconds(1000)));
  co_return rows && !rows->empty() ? rows->front().front().value_or("") : std::string{};
}

}  // namespace

asio::awaitable<model::Result<void, std::string>> learn_version_of_program(Site& site) {
  std::vector<std::string> arguments{"--version"}, environment;
  const auto outcome = co_await run_tool(site, "postgres", std::move(arguments), std::move(environment), site.tool_deadline());
  const std::string advice = kAdvice;
  if (!outcome) co_return tl::unexpected(fmt::format("{}; {}", outcome.error(), advice));
  if (!outcome->success()) co_return tl::unexpected(fmt::format("{} --version {}; {}", site.program("postgres"), outcome->describe(), advice));
  const auto version = parse_version_output(outcome->output);
  if (!version) co_return tl::unexpected(fmt::format("{} is not PostgreSQL: it says \"{}\"; {}", site.program("postgres"), trim(outcome->output), advice));
  if (*version < kOldestVersion) co_return tl::unexpected(fmt::format("PostgreSQL {} is not supported: 12 or newer is needed", *version / 10000));
  site.binary_version = *version;
  co_return model::Result<void, std::string>();
}

asio::awaitable<model::Result<void, std::string>> learn_version(Site& site) {
  auto known = co_await learn_version_of_program(site);
  const int data = site.major_version(), program = major_of(site.binary_version);
  if (!known || data == 0 || data == program) co_return known;
  co_return tl::unexpected(fmt::format("the data directory {} was made by PostgreSQL {}, but {} is version {}; {}", site.data_directory(), data / 10000,
                                       site.program("postgres"), program / 10000, kAdvice));
}

asio::awaitable<model::Result<Configured, std::string>> write_configuration(Site& site, model::PostgresRole role, bool is_start) {
  const bool is_bound = is_start && role != model::PostgresRole::kPrimary && site.board.now().control.has_value();
  const auto control = is_bound ? site.board.now().control : std::nullopt;
  const ParameterInputs inputs{.settings = *site.settings, .role = role, .major_version = site.major_version(), .control = control ? &*control : nullptr,
                               .sync_names = site.configuration.sync_names, .hot_standby_feedback = site.configuration.hot_standby_feedback,
                               .hot_standby_off = site.configuration.hot_standby_off};
  ServerParameters parameters = compute_parameters(inputs);
  CheckedSettings accepted = co_await checked(site, parameters.values);
  parameters.complaints.insert(parameters.complaints.end(), accepted.complaints.begin(), accepted.complaints.end());

  ConfigFiles files{.paths = site.paths()};
  files.conf.parameters = accepted.accepted;
  files.directories = needed_directories(site, accepted.accepted);
  fill_access_files(site, parameters.values, role, files);
  fill_recovery(site, files, parameters.complaints);
  log_new(site, std::move(parameters.complaints));
  Configured result{.arguments = command_line_parameters(accepted.accepted), .pending_restart = std::move(parameters.pending_restart)};
  site.configuration.parameters = std::move(accepted.accepted);

  auto write = [files = std::move(files)] { return write_config(files); };
  const auto written = co_await on_file_thread(site.files, std::move(write));
  if (!written) co_return tl::unexpected(written.error());
  result.changed = *written;
  co_return result;
}

Outcome send_reload(Site& site) {
  if (!site.is_running()) return failure("PostgreSQL is not running");
  if (auto sent = system::send_signal(site.postmaster.pidfd, SIGHUP); !sent) return failure("could not signal the postmaster: " + sent.error().message());
  return {};
}

asio::awaitable<Outcome> reload_configuration(std::shared_ptr<Site> site_ptr, bool forced) {
  Site& site = *site_ptr;
  const auto role = site.board.now().role;
  if (!site.is_running() || site.configuration.custom_bootstrap) co_return Outcome();
  const auto written = co_await write_configuration(site, role, false);
  if (!written) co_return failure(written.error());
  const bool can_ask = site.board.now().state == model::PostgresState::kRunning;
  if (written->changed || forced) {
    std::string before;
    if (can_ask) before = co_await load_time(site);
    if (auto sent = send_reload(site); !sent) co_return sent;
    run_callback(site, "on_reload");
    if (!before.empty()) co_await await_loaded(site, before);
  } else {
    site.info("No PostgreSQL configuration items changed, nothing to reload.");
  }
  if (can_ask) co_await learn_pending_restart(site);
  co_return Outcome();
}

void run_callback(Site& site, const std::string& event) {
  const auto& callbacks = site.postgresql().callbacks;
  const auto found = callbacks.find(event);
  if (found == callbacks.end() || found->second.empty()) return;
  auto argv = split_shell_words(found->second);
  if (!argv || argv->empty()) {
    site.warn(fmt::format("callback {} cannot be split into words: {}", event, found->second));
    return;
  }
  const auto role = site.board.now().role == model::PostgresRole::kPromoted ? model::PostgresRole::kPrimary : site.board.now().role;
  argv->push_back(event);
  argv->emplace_back(to_text(role));
  argv->push_back(site.settings->scope);
  const auto limit = std::max(2 * site.settings->dynamic.timing.loop_wait, model::Milliseconds(10'000));
  site.callbacks.run(event, std::move(*argv), limit);
}

}  // namespace matriarch::postgres
