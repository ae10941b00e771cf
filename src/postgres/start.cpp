#include "postgres/start.hpp"

#include <signal.h>

#include <fmt/format.h>

#include "postgres/configure.hpp"
#include "postgres/fence.hpp"
#include "postgres/postmaster.hpp"
#include "postgres/text.hpp"

extern char** environ;  // NOLINT: as POSIX declares it

namespace matriarch::postgres {
namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  for (const auto beginning : beginnings) {
    if (text.starts_with(beginning)) return true;
  }
  return false;
}

// Ours without what is meant for us alone.
std::vector<std::string> postmaster_environment(const std::optional<pid_t>& foreign) {
  constexpr std::string_view kArenaMax = "PG_MALLOC_ARENA_MAX=";
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (starts_with_any(text, {"NOTIFY_SOCKET=", "PATRONI_", "KUBERNETES_", "MATRIARCH_"})) continue;
    environment.emplace_back(text.starts_with(kArenaMax) ? text.substr(3) : text);
  }
  // A living process that is no postmaster has the number in a stale postmaster.pid: the server then ignores the file.
  if (foreign) environment.push_back(fmt::format("PG_GRANDPARENT_PID={}", *foreign));
  return environment;
}

asio::awaitable<Found> look_for_postmaster(Site& site) {
  auto look = [data = site.data_directory(), program = site.program("postgres")] { return find_postmaster(data, program); };
  co_return co_await on_file_thread(site.files, std::move(look));
}

asio::awaitable<Outcome> prepare_signal_files(Site& site, const StartRequest& request) {
  if (request.keeps_recovery) co_return Outcome();
  const bool is_primary = request.role == model::PostgresRole::kPrimary;
  site.configuration.is_standby = !is_primary;
  site.configuration.upstream = is_primary ? std::nullopt : request.upstream;
  site.configuration.recovery.clear();
  if (is_primary) co_return Outcome();
  auto make = [path = site.data_directory()] { return make_standby_signal(path); };
  const auto made = co_await on_file_thread(site.files, std::move(make));
  if (!made) co_return failure(made.error());
  site.board.change([](model::PostgresNode& node) { node.has_recovery_signal = true; });
  co_return Outcome();
}

// Until it runs, has ended, or the time is over. A standby without hot_standby never accepts connections.
asio::awaitable<Outcome> await_running(std::shared_ptr<Site> site, ProcessId process, Deadline deadline) {
  for (;;) {
    const std::uint64_t seen = site->state_changed.count();
    if (!site->postmaster.is(process)) co_return failure("PostgreSQL ended while it was starting; its log tells why");
    if (!site->board.now().is_starting()) co_return Outcome();
    const bool changed = co_await site->state_changed.wait_beyond(seen, deadline);
    if (!changed) co_return tl::unexpected(ports::PostgresError{.what = "PostgreSQL is still starting", .still_starting = true});
  }
}

// Why it did not start, as far as the configuration tells: the server checks it and says what is wrong.
asio::awaitable<std::string> complaint_about_configuration(Site& site, std::vector<std::string> arguments) {
  std::vector<std::string> check{"-D", site.data_directory(), "-C", "port", "--config-file=" + site.paths().conf()}, environment{"LC_ALL=C"};
  check.insert(check.end(), arguments.begin(), arguments.end());
  const auto outcome = co_await run_tool(site, "postgres", std::move(check), std::move(environment), site.tool_deadline());
  co_return outcome && !outcome->success() ? ": " + std::string(trim(outcome->errors)) : std::string{};
}

asio::awaitable<model::Result<ProcessId, std::string>> launch(Site& site, const std::vector<std::string>& arguments, std::optional<pid_t> foreign) {
  LaunchRequest request{.argv = {site.program("postgres"), "-D", site.data_directory(), "--config-file=" + site.paths().conf()},
                        .environment = postmaster_environment(foreign), .working_directory = site.directory.real_path};
  request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
  const std::uint64_t fences = site.fences;
  auto launched = co_await site.launcher.launch(std::move(request));
  if (launched && fences != site.fences) {
    // The fence came while the process was being made, and could not see it.
    co_await kill_server(*launched, site.directory.real_path, deadline_in(model::Milliseconds(1000)));
    co_return tl::unexpected(std::string("PostgreSQL was fenced while it was being started"));
  }
  co_return launched;
}

asio::awaitable<Outcome> launch_and_wait(std::shared_ptr<Site> site, const StartRequest& request) {
  co_await look_at_directory(*site);
  if (site->major_version() == 0) co_return failure(fmt::format("{} holds no database: PG_VERSION is missing or cannot be read", site->data_directory()));
  const auto known = co_await learn_version(*site);
  if (!known) co_return failure(known.error());

  auto look = [path = site->data_directory()] { return is_half_rewound(path); };
  const bool half_rewound = co_await on_file_thread(site->files, std::move(look));
  if (half_rewound) co_return failure(fmt::format("{} was rewound half: it is between two histories and never starts; it will be copied anew", site->data_directory()));

  const bool is_primary = request.role == model::PostgresRole::kPrimary;
  if (!is_primary) {
    const auto control = co_await read_control_data(*site);
    if (!control) co_return control;
  }
  const auto prepared = co_await prepare_signal_files(*site, request);
  if (!prepared) co_return prepared;
  const auto written = co_await write_configuration(*site, request.role, true);
  if (!written) co_return failure(written.error());
  site->board.change([&](model::PostgresNode& node) { node.pending_restart = written->pending_restart; });

  const Found found = co_await look_for_postmaster(*site);
  const auto launched = co_await launch(*site, written->arguments, found.foreign);
  if (!launched) co_return failure(fmt::format("could not start {}: {}", site->program("postgres"), launched.error()));
  const Deadline deadline = deadline_in(request.timeout.value_or(std::max(site->postgresql().pg_ctl_timeout, model::Milliseconds(1))));
  auto outcome = tl::expected<void, ports::PostgresError>();
  if (follow_postmaster(site, *launched)) {
    outcome = co_await await_running(site, *launched, deadline);
  } else {
    const auto how = site->launcher.exit_of(*launched);
    outcome = failure(fmt::format("PostgreSQL ended at once ({}); its log tells why", how.value_or("its exit status is not known")));
  }
  if (!outcome && !outcome.error().still_starting) outcome.error().what += co_await complaint_about_configuration(*site, written->arguments);
  co_return outcome;
}

}  // namespace

asio::awaitable<Outcome> start_server(std::shared_ptr<Site> site, StartRequest request) {
  site->session.close();
  const Found found = co_await look_for_postmaster(*site);
  if (site->is_running() || found.postmaster) {
    site->log(ports::Level::kError, "Cannot start PostgreSQL because one is already running.");
    site->set_state(request.state);
    if (!site->is_running()) {
      const auto followed = follow_postmaster(site, *found.postmaster);
      if (!followed) co_return failure(followed.error());
    }
    site->postmaster.stirred.notify_all();
    co_return Outcome();
  }

  site->pending_callback = request.callback;
  site->status.reset();
  site->recovery = {};
  site->board.set_role(request.role);
  site->set_state(request.state);
  auto outcome = co_await launch_and_wait(site, request);
  if (!outcome && !outcome.error().still_starting && !site->is_running()) site->set_state(model::PostgresState::kStartFailed);
  co_return outcome;
}

asio::awaitable<bool> adopt_running(std::shared_ptr<Site> site) {
  const Found found = co_await look_for_postmaster(*site);
  if (!found.postmaster) co_return false;
  const auto adopted = co_await site->launcher.adopt(*found.postmaster);
  if (!adopted) site->warn(fmt::format("the postmaster (pid {}) runs, but is not guarded: {}", found.postmaster->pid, adopted.error()));
  site->set_state(model::PostgresState::kStarting);
  const auto followed = follow_postmaster(site, *found.postmaster);
  co_return followed.has_value();
}

}  // namespace matriarch::postgres
