#include "postgres/instance.hpp"

#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include "postgres/attach.hpp"
#include "postgres/bootstrap.hpp"
#include "postgres/clone.hpp"
#include "postgres/configure.hpp"
#include "postgres/fence.hpp"
#include "postgres/follow.hpp"
#include "postgres/observe.hpp"
#include "postgres/postmaster.hpp"
#include "postgres/promote.hpp"
#include "postgres/rewind.hpp"
#include "postgres/server_parameters.hpp"
#include "postgres/site.hpp"
#include "postgres/slots.hpp"
#include "postgres/start.hpp"
#include "postgres/stop.hpp"

namespace matriarch::postgres {
namespace {

using Shared = std::shared_ptr<Site>;

// A cancelled operation leaves node() truthful: no state of something that nobody does any more.
void settle_after_cancellation(Site& site) {
  switch (site.board.now().state) {
    case model::PostgresState::kStarting:
    case model::PostgresState::kStartingAfterCustomBootstrap:
      // A young server that nobody wants any more.
      if (site.is_running()) (void)signal_postmaster(site, SIGQUIT);
      else site.set_state(model::PostgresState::kStopped);
      break;
    case model::PostgresState::kInitializing: site.set_state(model::PostgresState::kInitdbFailed); break;
    case model::PostgresState::kCustomBootstrap: site.set_state(model::PostgresState::kCustomBootstrapFailed); break;
    case model::PostgresState::kCreatingReplica: site.set_state(model::PostgresState::kStopped); break;
    case model::PostgresState::kRestarting:
    case model::PostgresState::kStopping:
      if (!site.is_running()) site.set_state(model::PostgresState::kStopped);
      break;
    case model::PostgresState::kRunning:
    case model::PostgresState::kInitdbFailed:
    case model::PostgresState::kCustomBootstrapFailed:
    case model::PostgresState::kStartFailed:
    case model::PostgresState::kRestartFailed:
    case model::PostgresState::kStopped:
    case model::PostgresState::kStopFailed:
    case model::PostgresState::kCrashed: break;
  }
  site.blocks_callbacks = false;
}

// Every long operation passes through here.
template <typename Result>
asio::awaitable<Result> guarded(Shared site, asio::awaitable<Result> operation) {
  try {
    Result result = co_await std::move(operation);
    co_return result;
  } catch (const boost::system::system_error& error) {
    settle_after_cancellation(*site);
    if (error.code() == asio::error::operation_aborted) throw;
    co_return tl::unexpected(ports::PostgresError{.what = error.what()});
  }
}

asio::awaitable<Outcome> read_history_of(Shared site, model::Timeline timeline) {
  auto read = [path = site->data_directory(), timeline] { return read_history_file(path, timeline); };
  const auto file = std::make_shared<const model::HistoryFile>(co_await on_file_thread(site->files, std::move(read)));
  site->board.change([&](model::PostgresNode& node) { node.history = file; });
  co_return Outcome();
}

asio::awaitable<Outcome> restart_server(Shared site, std::optional<model::Milliseconds> timeout) {
  const auto role = site->board.now().role;
  const auto upstream = site->configuration.upstream;
  site->set_state(model::PostgresState::kRestarting);
  StopOptions stop{.request = {.mode = ports::StopMode::kFast, .checkpoint_first = true}, .is_restart = true};
  const auto stopped = co_await stop_server(site, std::move(stop));
  if (!stopped) {
    site->set_state(model::PostgresState::kRestartFailed);
    co_return tl::unexpected(stopped.error());
  }
  StartRequest start{.role = role, .upstream = upstream, .timeout = timeout, .callback = "on_restart"};
  auto outcome = co_await start_server(site, std::move(start));
  if (!outcome && !site->board.now().is_starting()) site->set_state(model::PostgresState::kRestartFailed);
  co_return outcome;
}

asio::awaitable<Outcome> discard(Shared site, std::string why) {
  if (site->is_running()) co_return failure("PostgreSQL is running: its data is not removed");
  site->warn(fmt::format("removing the data directory {}: {}", site->data_directory(), why));
  auto remove = [path = site->data_directory()]() -> FileResult {
    auto removed = remove_data(path);
    if (!removed) removed = rename_data(path, ".failed");
    return removed ? unmark_rewinding(path) : removed;
  };
  const auto removed = co_await on_file_thread(site->files, std::move(remove));
  co_await look_at_directory(*site);
  site->board.set_role(model::PostgresRole::kUninitialized);
  site->board.change([](model::PostgresNode& node) {
    node.control.reset();
    node.system_id.reset();
  });
  if (!removed) co_return failure(removed.error());
  co_return Outcome();
}

asio::awaitable<Outcome> set_aside(Shared site, std::string suffix) {
  if (site->is_running()) co_return failure("PostgreSQL is running: its data is not moved");
  auto move = [path = site->data_directory(), suffix] { return rename_data(path, suffix); };
  const auto moved = co_await on_file_thread(site->files, std::move(move));
  co_await look_at_directory(*site);
  site->board.set_role(model::PostgresRole::kUninitialized);
  if (!moved) co_return failure(moved.error());
  site->info(fmt::format("the data directory was renamed to {}{}", site->data_directory(), suffix));
  co_return Outcome();
}

asio::awaitable<Outcome> fence_server(Shared site, std::string reason, model::Milliseconds limit) {
  const Deadline deadline = deadline_in(limit);
  ++site->fences;
  const auto process = site->postmaster.process;
  if (!process) {
    // Backends may have outlived their postmaster.
    auto killed = co_await kill_server(ProcessId{}, site->directory.real_path, deadline);
    if (!killed) co_return failure(killed.error());
    co_return Outcome();
  }
  site->postmaster.end_expected = true;
  auto killed = co_await kill_server(*process, site->directory.real_path, deadline);
  site->warn(fmt::format("PostgreSQL was fenced: {}", reason));
  const auto reaped = co_await site->launcher.fence(*process, std::max(left_until(deadline), model::Milliseconds(10)));
  if (killed && !reaped) killed = tl::unexpected(reaped.error());
  if (killed) co_await await_end(*site, deadline_in(model::Milliseconds(100)));
  if (!killed) co_return failure(killed.error());
  co_return Outcome();
}

asio::awaitable<void> reload_in_background(Shared site) {
  const auto reloaded = co_await reload_configuration(site, false);
  if (!reloaded) site->warn("could not apply the new configuration: " + reloaded.error().what);
}

}  // namespace

Instance::Instance(asio::any_io_executor executor, std::shared_ptr<const model::Settings> settings, ports::Journal& journal, PostmasterLauncher& launcher)
    : site_(std::make_shared<Site>(executor, std::move(settings), journal, launcher)) {}

Instance::~Instance() {
  site_->closed = true;
  site_->board.subscribe(nullptr);
  site_->postmaster.end = {};
  site_->postmaster.stirred.notify_all();
  site_->files.close();
}

std::shared_ptr<const model::PostgresNode> Instance::node() const { return site_->board.node(); }
void Instance::on_change(std::function<void(std::string)> callback) { site_->board.subscribe(std::move(callback)); }

void Instance::apply_settings(std::shared_ptr<const model::Settings> settings) {
  const bool differs = !(settings->postgresql == site_->settings->postgresql) || settings->dynamic.synchronous() != site_->settings->dynamic.synchronous() ||
                       settings->dynamic.synchronous_mode_strict != site_->settings->dynamic.synchronous_mode_strict;
  site_->settings = std::move(settings);
  if (differs && site_->is_running()) asio::co_spawn(site_->executor, reload_in_background(site_), asio::detached);
}

asio::awaitable<Outcome> Instance::attach() { return guarded(site_, attach_instance(site_)); }
asio::awaitable<Outcome> Instance::refresh(model::Milliseconds timeout) { return postgres::refresh(site_, deadline_in(timeout)); }

namespace {
asio::awaitable<Outcome> read_control(Shared site) { co_return co_await read_control_data(*site); }
asio::awaitable<Outcome> reload_now(Shared site) { co_return co_await reload_configuration(site, true); }
asio::awaitable<Outcome> start_in_role(Shared site, model::PostgresRole role, std::optional<model::Upstream> upstream, std::optional<model::Milliseconds> timeout) {
  StartRequest request{.role = role, .upstream = std::move(upstream), .timeout = timeout};
  co_return co_await start_server(site, std::move(request));
}
asio::awaitable<ports::PostgresResult<ports::ShutdownPositions>> stop_as_asked(Shared site, ports::StopRequest request) {
  StopOptions options{.request = std::move(request)};
  co_return co_await stop_server(site, std::move(options));
}
}  // namespace

asio::awaitable<Outcome> Instance::read_control_data() { return read_control(site_); }
asio::awaitable<Outcome> Instance::read_history(model::Timeline timeline) { return read_history_of(site_, timeline); }
asio::awaitable<model::DivergenceReport> Instance::check_divergence(ports::Source leader, model::Milliseconds timeout) {
  return postgres::check_divergence(site_, std::move(leader), deadline_in(timeout));
}

asio::awaitable<Outcome> Instance::bootstrap(model::BootstrapSettings how) { return guarded(site_, bootstrap_cluster(site_, std::move(how))); }
asio::awaitable<Outcome> Instance::post_bootstrap() { return guarded(site_, finish_bootstrap(site_)); }
asio::awaitable<Outcome> Instance::clone(std::vector<ports::Source> sources, std::function<void(std::string)> progress) {
  return guarded(site_, clone_data(site_, std::move(sources), std::move(progress)));
}
asio::awaitable<Outcome> Instance::start(model::PostgresRole role, std::optional<model::Upstream> upstream, std::optional<model::Milliseconds> timeout) {
  return guarded(site_, start_in_role(site_, role, std::move(upstream), timeout));
}
asio::awaitable<ports::PostgresResult<ports::ShutdownPositions>> Instance::stop(ports::StopRequest request) {
  return guarded(site_, stop_as_asked(site_, std::move(request)));
}
asio::awaitable<Outcome> Instance::restart(std::optional<model::Milliseconds> timeout) { return guarded(site_, restart_server(site_, timeout)); }
asio::awaitable<Outcome> Instance::pre_promote() { return guarded(site_, run_pre_promote(site_)); }
asio::awaitable<Outcome> Instance::promote(model::Milliseconds timeout) { return guarded(site_, promote_server(site_, timeout)); }
asio::awaitable<Outcome> Instance::rewind(ports::Source source) { return guarded(site_, rewind_data(site_, std::move(source))); }
asio::awaitable<Outcome> Instance::crash_recovery() { return guarded(site_, recover_single_user(site_)); }
asio::awaitable<Outcome> Instance::checkpoint() { return run_checkpoint(site_, kNever); }
asio::awaitable<Outcome> Instance::copy_logical_slots(ports::Source leader, std::vector<std::string> slots) {
  return guarded(site_, postgres::copy_logical_slots(site_, std::move(leader), std::move(slots)));
}
asio::awaitable<Outcome> Instance::discard_data(std::string why) { return guarded(site_, discard(site_, std::move(why))); }
asio::awaitable<Outcome> Instance::set_data_aside(std::string suffix) { return guarded(site_, set_aside(site_, std::move(suffix))); }

ports::FollowChange Instance::follow_change(const std::optional<model::Upstream>& wanted) const { return postgres::follow_change(*site_, wanted); }
asio::awaitable<Outcome> Instance::follow_by_reload(model::Upstream upstream) { return postgres::follow_by_reload(site_, std::move(upstream)); }
asio::awaitable<Outcome> Instance::set_sync_names(std::string text) { return postgres::set_sync_names(site_, std::move(text)); }
asio::awaitable<Outcome> Instance::sync_slots(std::shared_ptr<const model::Cluster> view) { return postgres::sync_slots(site_, std::move(view)); }
asio::awaitable<Outcome> Instance::resume_replay() { return postgres::resume_replay(site_); }
asio::awaitable<Outcome> Instance::reload() { return reload_now(site_); }
void Instance::set_role(model::PostgresRole role) {
  const bool is_other = role_suffix(role) != role_suffix(site_->board.now().role);
  site_->board.set_role(role);
  const auto& p = site_->postgresql();
  const bool has_overrides = !p.role_parameters.empty() || !p.role_pg_hba.empty() || !p.role_pg_ident.empty();
  if (is_other && has_overrides && site_->is_running()) asio::co_spawn(site_->executor, reload_in_background(site_), asio::detached);
}
void Instance::set_state(model::PostgresState state) { site_->set_state(state); }
void Instance::run_callback(std::string event) { postgres::run_callback(*site_, event); }
asio::awaitable<Outcome> Instance::fence(std::string reason, model::Milliseconds limit) { return fence_server(site_, std::move(reason), limit); }

}  // namespace matriarch::postgres
