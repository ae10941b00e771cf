#include "agent/tasks.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include "agent/keeper.hpp"
#include "agent/unexpected.hpp"

namespace matriarch::agent {

namespace asio = boost::asio;
using model::DemoteMode;
using model::FinishedTask;
using model::Milliseconds;
using model::PostgresRole;
using model::TaskKind;
using model::TaskPhase;
using model::TaskRequest;
using model::TaskResult;

namespace {

// How long a pre-empted task may wind down before its processes are killed with PostgreSQL.
constexpr Milliseconds kWindDown{100};
// A SIGKILL that has not taken effect by then is reported; the watchdog decides.
constexpr Milliseconds kFenceLimit{5'000};
// The promote signal is only sent when at least this much of the lease is left (docs/invariants.md S4').
constexpr Milliseconds kPromoteBudget{100};

FinishedTask failed(TaskRequest request, std::string why) {
  return {.request = std::move(request), .result = TaskResult::kFailed, .error = std::move(why)};
}
FinishedTask succeeded(TaskRequest request) { return {.request = std::move(request), .result = TaskResult::kSucceeded}; }

template <typename T>
FinishedTask judged(TaskRequest request, const ports::PostgresResult<T>& outcome) {
  if (outcome) return succeeded(std::move(request));
  FinishedTask finished = failed(std::move(request), outcome.error().what);
  if (outcome.error().still_starting) finished.result = TaskResult::kStillStarting;
  return finished;
}

}  // namespace

Tasks::Tasks(asio::any_io_executor executor, World world, Notify notify)
    : executor_(executor), world_(world), notify_(std::move(notify)), wound_down_(executor, world.clock), stirred_(executor, world.clock) {}

std::optional<FinishedTask> Tasks::take_finished() { return std::exchange(finished_, std::nullopt); }

bool Tasks::start(TaskRequest request) {
  if (running_) return false;
  running_ = model::RunningTask{.request = request, .started_at = world_.clock.now()};
  cancel_ = std::make_shared<asio::cancellation_signal>();
  // The coroutine clears its slot at its very end, when this task may be forgotten already: its signal lives as long as it.
  auto ended = [signal = cancel_](std::exception_ptr thrown) { EndsTheAgent{}(thrown); };
  asio::co_spawn(executor_, run(++serial_, std::move(request)), asio::bind_cancellation_slot(cancel_->slot(), std::move(ended)));
  return true;
}

void Tasks::cancel() {
  if (!running_ || running_->cancelled) return;
  running_->cancelled = true;
  // The signal must outlive the emission even if the task ends inside it.
  const auto signal = cancel_;
  if (signal) signal->emit(asio::cancellation_type::terminal);
}

void Tasks::fence(std::string reason) {
  if (fencing_) return;
  fencing_ = true;
  asio::co_spawn(executor_, run_fence(std::move(reason)), EndsTheAgent{});
}

// ---- the slot ------------------------------------------------------------------------------------------------------

asio::awaitable<void> Tasks::run(std::uint64_t serial, TaskRequest request) {
  FinishedTask finished;
  try {
    co_await asio::this_coro::throw_if_cancelled(false);
    finished = co_await perform(request);
  } catch (const boost::system::system_error& error) {
    finished = failed(request, error.what());
  }
  if (serial != serial_) co_return;
  if (running_->cancelled) finished.result = TaskResult::kCancelled;
  finished.ended_at = world_.clock.now();
  finish(std::move(finished));
}

void Tasks::finish(FinishedTask finished) {
  if (finished.result == TaskResult::kFailed) {
    world_.journal.log(ports::Level::kError, fmt::format("{} failed: {}", finished.request.name, finished.error));
  }
  running_.reset();
  cancel_.reset();
  wound_down_.ring();
  if (auto callback = std::exchange(when_done_, nullptr)) callback(finished);
  finished_ = std::move(finished);
  notify_("task ended");
}

void Tasks::enter(TaskPhase phase) {
  if (running_) running_->phase = phase;
  notify_("task went on");
}

asio::awaitable<FinishedTask> Tasks::perform(TaskRequest request) {
  switch (request.kind) {
    case TaskKind::kBootstrap: co_return co_await bootstrap(std::move(request));
    case TaskKind::kBootstrapStandbyLeader:
    case TaskKind::kClone:
    case TaskKind::kReinitialize: co_return co_await clone(std::move(request));
    case TaskKind::kPostBootstrap: co_return judged(request, co_await world_.postgres.post_bootstrap());
    case TaskKind::kStart:
      world_.guardian.publish_writable(true);
      co_return judged(request, co_await world_.postgres.start(PostgresRole::kPrimary, std::nullopt, request.timeout));
    case TaskKind::kFollow: co_return co_await follow(std::move(request));
    case TaskKind::kRestart: co_return judged(request, co_await world_.postgres.restart(request.timeout));
    case TaskKind::kPromote: co_return co_await promote(std::move(request));
    case TaskKind::kCrashRecovery: co_return judged(request, co_await world_.postgres.crash_recovery());
    case TaskKind::kRewind: co_return co_await rewind(std::move(request));
    case TaskKind::kDemote: co_return co_await demote(std::move(request));
    case TaskKind::kCopySlots: {
      const auto source = source_of(request.source);
      if (!source) co_return failed(request, fmt::format("{} has no address", request.source));
      std::vector<std::string> slots;
      for (const auto& [name, properties] : settings_->dynamic.slots) slots.emplace_back(name);
      co_return judged(request, co_await world_.postgres.copy_logical_slots(*source, slots));
    }
  }
  co_return failed(request, "unknown task");
}

// ---- bringing up ---------------------------------------------------------------------------------------------------

asio::awaitable<FinishedTask> Tasks::bootstrap(TaskRequest request) {
  if (!settings_->bootstrap) co_return failed(request, "the bootstrap section is missing");
  // No lease is held yet and none is needed: nobody else can lead a cluster that does not exist (docs/invariants.md S2).
  world_.guardian.publish_writable(false);
  const model::BootstrapSettings how = *settings_->bootstrap;
  co_return judged(request, co_await world_.postgres.bootstrap(how));
}

asio::awaitable<FinishedTask> Tasks::clone(TaskRequest request) {
  if (world_.postgres.node()->is_running) {
    ports::StopRequest stop{.mode = ports::StopMode::kImmediate, .limit = settings_->dynamic.timing.retry_timeout};
    auto stopped = co_await world_.postgres.stop(std::move(stop));
    if (!stopped) co_return failed(request, stopped.error().what);
  }
  world_.guardian.publish_writable(false);
  std::function<void(std::string)> progress = [this](std::string text) {
    if (running_) running_->progress = std::move(text);
    notify_("progress");
  };
  auto sources = sources_for(request);
  auto cloned = co_await world_.postgres.clone(std::move(sources), std::move(progress));
  if (!cloned) co_return failed(request, cloned.error().what);
  world_.journal.log(ports::Level::kInfo, request.source.empty() ? "bootstrapped (without leader)"
                                                                 : fmt::format("bootstrapped from {}", request.source));
  enter(TaskPhase::kStarting);
  co_return judged(request, co_await world_.postgres.start(request.role, request.upstream, request.timeout));
}

// Start as, or restart into, a standby. A server that is out of recovery is stopped first: it cannot become a standby
// by a reload.
asio::awaitable<FinishedTask> Tasks::follow(TaskRequest request) {
  if (world_.postgres.node()->is_running) {
    ports::StopRequest stop{.mode = ports::StopMode::kFast};
    auto stopped = co_await world_.postgres.stop(std::move(stop));
    if (!stopped) co_return failed(request, stopped.error().what);
  }
  world_.guardian.publish_writable(false);
  enter(TaskPhase::kStarting);
  co_return judged(request, co_await world_.postgres.start(request.role, request.upstream, request.timeout));
}

// Everything that may take time comes before the last look at the lease; between that look and the signal nothing waits.
asio::awaitable<FinishedTask> Tasks::promote(TaskRequest request) {
  enter(TaskPhase::kPrePromote);
  auto allowed = co_await world_.postgres.pre_promote();
  if (!allowed) {
    auto finished = failed(request, allowed.error().what);
    finished.pre_promote_failed = true;
    co_return finished;
  }
  if (running_ && running_->cancelled) co_return failed(request, "cancelled before the promotion");
  auto named = co_await world_.postgres.set_sync_names(request.sync_names_before_start.text);
  if (!named) co_return failed(request, named.error().what);
  const auto lease = world_.keeper.state();
  if (!lease.armed || lease.valid_until < world_.clock.now() + kPromoteBudget + world_.guardian.fence_budget()) {
    co_return failed(request, "the lease is too short for a promotion");
  }
  if (running_ && running_->cancelled) co_return failed(request, "cancelled before the promotion");
  world_.guardian.publish_writable(true);
  enter(TaskPhase::kPromoteSignalled);
  const Milliseconds limit = std::max<Milliseconds>(settings_->dynamic.timing.loop_wait, Milliseconds(30'000));
  auto promoted = co_await world_.postgres.promote(limit);
  co_return judged(request, promoted);
}

asio::awaitable<FinishedTask> Tasks::rewind(TaskRequest request) {
  const auto source = source_of(request.source);
  if (!source) co_return failed(request, fmt::format("{} has no address", request.source));
  if (world_.postgres.node()->is_running) {
    ports::StopRequest stop{.mode = ports::StopMode::kFast};
    auto stopped = co_await world_.postgres.stop(std::move(stop));
    if (!stopped) co_return failed(request, stopped.error().what);
  }
  world_.guardian.publish_writable(false);
  const ports::Source from = *source;
  auto rewound = co_await world_.postgres.rewind(from);
  auto finished = judged(request, rewound);
  finished.rewind_impossible = !rewound && rewound.error().impossible;
  if (finished.rewind_impossible && (settings_->postgresql.remove_data_directory_on_rewind_failure ||
                                     settings_->postgresql.remove_data_directory_on_diverged_timelines)) {
    auto discarded = co_await world_.postgres.discard_data("the rewind failed: " + finished.error);
    if (!discarded) finished.error += "; " + discarded.error().what;
  }
  co_return finished;
}

// ---- stepping down -------------------------------------------------------------------------------------------------

asio::awaitable<FinishedTask> Tasks::demote(TaskRequest request) {
  switch (request.demote.value_or(DemoteMode::kImmediateNoLock)) {
    case DemoteMode::kGraceful:
    case DemoteMode::kCluster: co_return co_await hand_over(std::move(request));
    case DemoteMode::kOffline: co_return co_await stop_within_lease(std::move(request));
    case DemoteMode::kImmediate:
    case DemoteMode::kImmediateNoLock: co_return co_await stop_at_once(std::move(request));
  }
  co_return failed(request, "unknown demotion");
}

// The checkpoint is done while clients are still served, so that the stop itself is short. A fast stop ends only after
// every connected standby has received the shutdown checkpoint; then the lease goes back with that position, and only
// then (docs/invariants.md S8).
asio::awaitable<FinishedTask> Tasks::hand_over(TaskRequest request) {
  auto checkpointed = co_await world_.postgres.checkpoint();
  if (!checkpointed) world_.journal.log(ports::Level::kWarning, "checkpoint before the switchover failed: " + checkpointed.error().what);
  if (running_ && running_->cancelled) co_return failed(request, "cancelled before the stop");
  enter(TaskPhase::kStopping);
  ports::StopRequest stop{.mode = ports::StopMode::kFast};
  if (settings_->dynamic.synchronous() && settings_->dynamic.primary_stop_timeout.count() > 0) stop.limit = settings_->dynamic.primary_stop_timeout;
  auto stopped = co_await world_.postgres.stop(std::move(stop));
  if (!stopped) co_return failed(request, stopped.error().what);
  world_.guardian.publish_writable(false);
  world_.postgres.set_role(PostgresRole::kDemoted);
  if (request.demote == DemoteMode::kGraceful) {
    std::optional<model::Lsn> optime;
    if (stopped->last.known()) optime = stopped->last;
    co_await give_lease_back(optime);
    enter(TaskPhase::kHandedOver);
  }
  co_return succeeded(request);
}

// The store is unreachable: a clean stop as long as the lease allows; the guardian ends what is left of it.
asio::awaitable<FinishedTask> Tasks::stop_within_lease(TaskRequest request) {
  enter(TaskPhase::kStopping);
  const auto left = world_.keeper.state().valid_until - world_.clock.now() - world_.guardian.fence_budget();
  const auto limit = std::max(std::chrono::duration_cast<Milliseconds>(left), Milliseconds(0));
  ports::StopRequest stop{.mode = ports::StopMode::kFast, .limit = limit};
  auto stopped = co_await world_.postgres.stop(std::move(stop));
  if (!stopped) {
    auto fenced = co_await world_.postgres.fence("the store is unreachable and the stop failed", kFenceLimit);
    if (!fenced) co_return failed(request, fenced.error().what);
  }
  world_.guardian.publish_writable(false);
  world_.postgres.set_role(PostgresRole::kDemoted);
  co_return succeeded(request);
}

asio::awaitable<FinishedTask> Tasks::stop_at_once(TaskRequest request) {
  enter(TaskPhase::kStopping);
  ports::StopRequest stop{.mode = ports::StopMode::kImmediate, .limit = settings_->dynamic.timing.retry_timeout};
  auto stopped = co_await world_.postgres.stop(std::move(stop));
  if (!stopped) {
    auto fenced = co_await world_.postgres.fence("an immediate stop failed: " + stopped.error().what, kFenceLimit);
    if (!fenced) co_return failed(request, fenced.error().what);
  }
  world_.guardian.publish_writable(false);
  world_.postgres.set_role(PostgresRole::kDemoted);
  if (request.demote == DemoteMode::kImmediate) co_await give_lease_back(std::nullopt);
  co_return succeeded(request);
}

asio::awaitable<void> Tasks::give_lease_back(std::optional<model::Lsn> optime) {
  const auto view = world_.store.view();
  if (optime && view) {
    model::StatusKey status = view->status;
    status.optime = *optime;
    auto written = co_await world_.store.write_status(status, settings_->name, settings_->dynamic.timing.retry_timeout);
    if (!written) world_.journal.log(ports::Level::kWarning, "could not write the last position to /status: " + written.error().what);
  }
  world_.keeper.release([] {});  // its end is seen in the view
  world_.journal.log(ports::Level::kInfo, "Leader key released");
  // Until the view shows it, the rules would still take this node for the holder.
  const auto patience = world_.clock.now() + settings_->dynamic.timing.ttl;
  while (world_.clock.now() < patience && world_.store.view() && world_.store.view()->is_led_by(settings_->name)) {
    co_await stirred_.sleep_until(patience);
  }
}

// ---- the fence -----------------------------------------------------------------------------------------------------

asio::awaitable<void> Tasks::run_fence(std::string reason) {
  world_.journal.log(ports::Level::kError, "fencing PostgreSQL: " + reason);
  cancel();
  const auto patience = world_.clock.now() + kWindDown;
  while (running_ && world_.clock.now() < patience) co_await wound_down_.sleep_until(patience);
  // A task that did not wind down in time is disowned: its end no longer counts.
  ++serial_;
  running_ = model::RunningTask{.request = {.kind = TaskKind::kDemote, .name = "demote", .demote = DemoteMode::kImmediateNoLock},
                                              .started_at = world_.clock.now(), .phase = TaskPhase::kStopping, .cancelled = true};
  cancel_.reset();
  auto fenced = co_await world_.postgres.fence(reason, kFenceLimit);
  fencing_ = false;
  FinishedTask finished = judged(running_->request, fenced);
  finished.ended_at = world_.clock.now();
  if (fenced) {
    world_.guardian.publish_writable(false);
    world_.postgres.set_role(PostgresRole::kDemoted);
  }
  finish(std::move(finished));
}

// ---- sources -------------------------------------------------------------------------------------------------------

std::optional<ports::Source> Tasks::source_of(const model::MemberName& name) const {
  const auto view = world_.store.view();
  const model::Member* member = view ? view->find(name) : nullptr;
  if (!member || member->conn_url.empty()) return std::nullopt;
  return ports::Source{.name = name, .conn_url = member->conn_url, .is_leader = view->is_led_by(name)};
}

std::vector<ports::Source> Tasks::sources_for(const TaskRequest& request) const {
  std::vector<ports::Source> sources;
  if (auto source = source_of(request.source)) {
    source->basebackup_only = request.from_leader;
    sources.push_back(std::move(*source));
  }
  if (request.upstream && request.upstream->remote) {
    sources.push_back({.name = request.upstream->name,
                       .conn_url = fmt::format("postgres://{}:{}/{}", request.upstream->host, request.upstream->port, settings_->postgresql.database),
                       .replication_slot = request.upstream->slot, .remote = true});
  }
  return sources;
}

}  // namespace matriarch::agent
