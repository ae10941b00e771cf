#include "postgres/site.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "postgres/control_data.hpp"
#include "postgres/version.hpp"

namespace matriarch::postgres {

Site::Site(asio::any_io_executor executor_in, std::shared_ptr<const model::Settings> settings_in, ports::Journal& journal_in, PostmasterLauncher& launcher_in)
    : executor(executor_in), settings(std::move(settings_in)), journal(journal_in), launcher(launcher_in), board(executor), callbacks(executor, files, journal) {}

ConfigPaths Site::paths() const {
  const auto& p = postgresql();
  return {.data_directory = p.data_dir, .config_directory = p.config_dir.empty() ? p.data_dir : p.config_dir, .base_name = p.config_base_name,
          .custom_conf = p.custom_conf};
}

std::string Site::program(const std::string& name) const {
  const auto& p = postgresql();
  const auto renamed = p.bin_name.find(name);
  const std::string& file = renamed == p.bin_name.end() || renamed->second.empty() ? name : renamed->second;
  return p.bin_dir.empty() ? file : p.bin_dir + "/" + file;
}

int Site::version() const {
  if (is_running() && session.server_version() != 0) return session.server_version();
  if (binary_version != 0 && (major_version() == 0 || major_of(binary_version) == major_version())) return binary_version;
  return major_version();
}

Deadline Site::tool_deadline() const {
  return deadline_in(std::max(settings->dynamic.timing.retry_timeout, model::Milliseconds(5000)));
}

asio::awaitable<model::Result<ChildOutcome, std::string>> run_tool(Site& site, std::string name, std::vector<std::string> arguments,
                                                                   std::vector<std::string> environment, Deadline deadline) {
  ChildRequest request{.argv = {site.program(name)}, .environment = std::move(environment)};
  request.argv.insert(request.argv.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
  auto outcome = co_await run_child(site.files, std::move(request), deadline);
  if (!outcome) co_return tl::unexpected(fmt::format("could not run {}: {}", site.program(name), outcome.error()));
  co_return outcome;
}

asio::awaitable<void> look_at_directory(Site& site) {
  auto look = [path = site.data_directory()] { return look_at(path); };
  site.directory = co_await on_file_thread(site.files, std::move(look));
  site.board.change([&](model::PostgresNode& node) {
    node.data_directory = site.directory.state;
    node.data_directory_error = site.directory.error;
    node.has_recovery_signal = site.directory.has_recovery_signal;
    node.was_restored = site.directory.major_version >= 150000 && site.directory.has_backup_label;
  });
}

asio::awaitable<Outcome> read_control_data(Site& site) {
  std::vector<std::string> arguments{site.data_directory()};
  std::vector<std::string> environment{"LANG=C", "LC_ALL=C"};
  const auto outcome = co_await run_tool(site, "pg_controldata", std::move(arguments), std::move(environment), site.tool_deadline());
  std::optional<model::ControlData> control;
  if (outcome && outcome->success()) control = parse_control_data(outcome->output);
  site.board.change([&](model::PostgresNode& node) {
    node.control = control;
    if (control) node.system_id = control->system_id;
  });
  if (control) co_return Outcome();
  if (!outcome) co_return failure(outcome.error());
  co_return failure(fmt::format("pg_controldata {}", outcome->success() ? "gave no answer that can be read" : outcome->describe()));
}

}  // namespace matriarch::postgres
