#include "agent/agent.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "agent/unexpected.hpp"

namespace matriarch::agent {

namespace asio = boost::asio;
using model::Instant;
using model::Milliseconds;
using ports::Level;

namespace {

constexpr std::size_t kRecentDecisions = 50;
constexpr Milliseconds kStoreRetry{1000};
constexpr std::size_t kMaxEventText = 200;

}  // namespace

Agent::Agent(asio::any_io_executor executor, World world, Judge judge, std::shared_ptr<const model::Settings> settings,
             MakeSettings make_settings)
    : executor_(executor),
      world_(world),
      judge_(std::move(judge)),
      make_settings_(std::move(make_settings)),
      alarm_(executor, world.clock),
      writer_(executor, world, [this](std::string event) { wake(std::move(event)); }),
      tasks_(executor, world, [this](std::string event) { wake(std::move(event)); }),
      observer_(executor, world, [this](std::string event) { wake(std::move(event)); }),
      desk_(executor, world, [this](std::string event) { wake(std::move(event)); }) {
  apply(std::move(settings));
  desk_.on_reload([this] { request_reload(); });
}

// ---- the loop ------------------------------------------------------------------------------------------------------

asio::awaitable<int> Agent::run() {
  if (!co_await start_up()) co_return exit_ ? exit_->code : 1;
  started_ = true;
  while (!exit_) {  // the look that sees the stop is the last one: from it on the API says that this node is leaving
    if (world_.clock.now() >= next_beat_ && !beating_) {
      beating_ = true;
      next_beat_ = world_.clock.now() + loop_wait();
      asio::co_spawn(executor_, beat(), EndsTheAgent{});
    }
    look();
    if (exit_ || stopping_) break;
    Instant until = std::max(next_beat_, world_.clock.now() + Milliseconds(1));
    if (wake_at_) until = std::min(until, std::max(*wake_at_, world_.clock.now() + Milliseconds(1)));
    co_await alarm_.sleep_until(until);
    // Whatever else is ready joins this look.
    co_await asio::post(executor_, asio::use_awaitable);
  }
  co_await shut_down();
  co_return exit_ ? exit_->code : 0;
}

void Agent::wake(std::string event) {
  if (events_.size() < kMaxEventText) events_ += (events_.empty() ? "" : ", ") + event;
  tasks_.stir();
  alarm_.ring();
}

// Members publish their positions all the time: these wait for the next beat, everything else is an event.
void Agent::note_view() {
  const auto view = world_.store.view();
  const bool is_news = !view || !noted_view_ || !model::differ_only_in_positions(*noted_view_, *view);
  noted_view_ = view;
  if (is_news) wake("store");
}

// The beat keeps positions current when no event does.
asio::awaitable<void> Agent::beat() {
  auto refreshed = co_await world_.postgres.refresh(std::max<Milliseconds>(settings_->dynamic.timing.retry_timeout / 2, Milliseconds(500)));
  if (!refreshed) world_.journal.log(Level::kDebug, "status query: " + refreshed.error().what);
  beating_ = false;
  wake("beat");
}

void Agent::look() {
  apply_dynamic_configuration();
  keep_page_truthful();
  if (!world_.store.view()) return;  // start_up waits for the first one
  model::Observation seen = observer_.observe(tasks_, writer_, desk_, std::exchange(events_, {}));
  seen.shutting_down = stopping_;
  seen.fence_budget = world_.guardian.fence_budget();
  model::Decision decision = judge_.decide(memory_, seen);
  const auto broken = judge_.violations(seen, decision);
  if (!broken.empty()) {
    // Fail closed: nothing of this decision is done, and the permit runs out unless a later one is sound.
    for (const auto& text : broken) world_.journal.log(Level::kFatal, fmt::format("decision {} dropped, it would break {}", decision.rule, text));
    wake_at_.reset();
    return;
  }
  memory_ = decision.memory;
  wake_at_ = decision.wake_at;
  report(decision, seen);
  carry_out(decision, seen);
  observer_.satisfy(decision.needs);
  publish(std::move(seen), std::move(decision));
}

// The guardian fences what may write; a standby and a bootstrap are not its business (docs/invariants.md S2).
void Agent::keep_page_truthful() {
  const auto node = world_.postgres.node();
  world_.guardian.publish_pause(settings_->dynamic.pause);
  const auto& task = tasks_.running();
  const bool bootstrapping = memory_.bootstrapping || (task && (task->request.kind == model::TaskKind::kBootstrap || task->request.kind == model::TaskKind::kPostBootstrap));
  const bool about_to_write = task && (task->phase == model::TaskPhase::kPromoteSignalled || model::brings_up_a_primary(task->request));
  const bool may_write = about_to_write || (node->is_running && node->is_primary && !bootstrapping);
  if (may_write) world_.guardian.publish_writable(true);
  // A standby that runs while the page says otherwise was told to promote, by this agent or by one before it, and may do so at any
  // moment, however long it has taken. Only its end takes that back: here, or where a task has stopped it.
  if (!may_write && !node->is_running) world_.guardian.publish_writable(false);
}

// ---- settings ------------------------------------------------------------------------------------------------------

void Agent::apply(std::shared_ptr<const model::Settings> settings) {
  settings_ = std::move(settings);
  writer_.apply(settings_);
  tasks_.apply(settings_);
  observer_.apply(settings_);
  desk_.apply(settings_);
  world_.keeper.set_timing(settings_->dynamic.timing);
  world_.watchdog.apply_settings(settings_->watchdog, settings_->dynamic.timing);
  world_.postgres.apply_settings(settings_);
}

// A document that is refused leaves the last good one in force and is not tried again until it changes.
void Agent::apply_dynamic_configuration() {
  const auto view = world_.store.view();
  if (!view || !view->config || !view->config->valid || applied_config_ == view->config->revision) return;
  applied_config_ = view->config->revision;
  auto made = make_settings_(view->config->document, false);
  if (!made) {
    world_.journal.log(Level::kError, "the dynamic configuration in the store is refused, the last good one stays in force: " + made.error());
    return;
  }
  if (**made == *settings_) return;
  apply(*made);
  if (started_) asio::co_spawn(executor_, world_.postgres.reload(), EndsTheAgent{});
}

void Agent::request_reload() {
  auto made = make_settings_(std::nullopt, true);
  if (!made) {
    world_.journal.log(Level::kError, "reload: the configuration is refused, the old one stays in force: " + made.error());
    return;
  }
  apply(*made);
  world_.journal.log(Level::kInfo, "configuration reloaded");
  asio::co_spawn(executor_, world_.postgres.reload(), EndsTheAgent{});
  wake("reload");
}

// ---- carrying out --------------------------------------------------------------------------------------------------

void Agent::carry_out(const model::Decision& decision, const model::Observation& seen) {
  for (const auto& action : decision.actions) perform(action, seen);
}

void Agent::perform(const model::Action& action, const model::Observation& seen) {
  struct Performer {
    Agent& agent;
    const model::Observation& seen;
    World& world() const { return agent.world_; }
    void spawn(asio::awaitable<ports::PostgresResult<void>> work, std::string what) const {
      asio::co_spawn(agent.executor_, agent_report(std::move(work), std::move(what), &agent), EndsTheAgent{});
    }
    static asio::awaitable<void> agent_report(asio::awaitable<ports::PostgresResult<void>> work, std::string what, Agent* agent) {
      auto done = co_await std::move(work);
      if (!done) agent->world_.journal.log(Level::kWarning, fmt::format("{}: {}", what, done.error().what));
      agent->wake(what);
    }

    void operator()(const model::AcquireLease& a) const {
      if (!seen.lease.acquiring) world().keeper.acquire(a);
    }
    void operator()(const model::ReleaseLease& a) const { agent.writer_.release(a); }
    void operator()(const model::GrantPermit& a) const { world().keeper.grant_permit(seen.now + a.valid_for); }
    void operator()(const model::ExtendLease& a) const { world().keeper.extend(a.sent_at); }
    void operator()(const model::CreateInitialize& a) const { agent.writer_.write(a); }
    void operator()(const model::SetInitialize& a) const { agent.writer_.write(a); }
    void operator()(const model::CancelInitialize& a) const { agent.writer_.write(a); }
    void operator()(const model::WriteConfig& a) const { agent.writer_.write(a); }
    void operator()(const model::PublishMember& a) const { agent.writer_.write(a); }
    void operator()(const model::WriteStatus& a) const { agent.writer_.write(a); }
    void operator()(const model::WriteFailsafe& a) const { agent.writer_.write(a); }
    void operator()(const model::WriteSync& a) const { agent.writer_.write(a); }
    void operator()(const model::DeleteSync& a) const { agent.writer_.write(a); }
    void operator()(const model::ClearFailover& a) const { agent.writer_.write(a); }
    void operator()(const model::WriteHistory& a) const { agent.writer_.write(a); }
    void operator()(const model::SetSyncNames& a) const { spawn(world().postgres.set_sync_names(a.text), "synchronous_standby_names"); }
    void operator()(const model::FollowByReload& a) const { spawn(world().postgres.follow_by_reload(a.upstream), "follow"); }
    void operator()(const model::SyncSlots&) const { spawn(world().postgres.sync_slots(seen.store.cluster), "slots"); }
    void operator()(const model::ResumeReplay&) const { spawn(world().postgres.resume_replay(), "resume replay"); }
    void operator()(const model::StartCheckpoint&) const { agent.run_checkpoint(); }
    void operator()(const model::SetRole& a) const { world().postgres.set_role(a.role); }
    void operator()(const model::SetStopped&) const { world().postgres.set_state(model::PostgresState::kStopped); }
    void operator()(const model::MarkCrashed&) const { world().postgres.set_state(model::PostgresState::kCrashed); }
    void operator()(const model::RunCallback& a) const { world().postgres.run_callback(a.event); }
    void operator()(const model::FencePostgres& a) const { agent.tasks_.fence(a.reason); }
    void operator()(const model::StartTask& a) const { agent.start_task(a); }
    void operator()(const model::CancelTask&) const { agent.tasks_.cancel(); }
    void operator()(const model::AnswerWish& a) const { agent.desk_.answer(a.id, a.status, a.text); }
    void operator()(const model::ActivateWatchdog&) const { world().watchdog.activate(); }
    void operator()(const model::DisableWatchdog&) const { world().watchdog.disable(); }
    void operator()(const model::RecordEvent& a) const { world().journal.event(a.kind, a.details); }
    void operator()(const model::Exit& a) const {
      world().journal.log(a.code == 0 ? Level::kInfo : Level::kFatal, a.reason);
      agent.exit_ = a;
    }
  };
  std::visit(Performer{*this, seen}, action);
}

void Agent::start_task(const model::StartTask& action) {
  const auto& request = action.request;
  if (!tasks_.start(request)) {
    world_.journal.log(Level::kError, fmt::format("Failed to run {}, {} is already in progress", request.name, tasks_.running()->request.name));
    return;
  }
  if (request.kind == model::TaskKind::kRestart) {
    if (auto answer = desk_.take(model::OperatorWish::Kind::kRestart)) {
      tasks_.when_done([answer](const model::FinishedTask& finished) {
        if (finished.result == model::TaskResult::kSucceeded) return answer({.status = 200, .text = "restarted successfully"});
        answer({.status = 503, .text = finished.result == model::TaskResult::kStillStarting ? "postgres is still starting" : "restart failed"});
      });
    }
  }
  if (request.kind == model::TaskKind::kReinitialize) {
    if (auto answer = desk_.take(model::OperatorWish::Kind::kReinitialize)) answer({.status = 200, .text = "reinitialize started"});
  }
}

void Agent::run_checkpoint() {
  observer_.checkpoint_started();
  asio::co_spawn(executor_, world_.postgres.checkpoint(), [this](std::exception_ptr thrown, ports::PostgresResult<void> done) {
    const bool succeeded = !thrown && done.has_value();
    if (!succeeded) world_.journal.log(Level::kWarning, "checkpoint: " + (thrown ? std::string("cancelled") : done.error().what));
    observer_.checkpoint_ended(succeeded);
  });
}

// ---- telling -------------------------------------------------------------------------------------------------------

void Agent::report(const model::Decision& decision, const model::Observation& seen) {
  for (const auto& note : decision.notes) {
    // The same reason at every look is one line.
    if (std::find(last_notes_.begin(), last_notes_.end(), note) == last_notes_.end()) world_.journal.log(Level::kInfo, note);
  }
  last_notes_ = decision.notes;
  if (decision.rule == last_rule_ && decision.says == last_says_) return;
  if (decision.rule != last_rule_) verdict_since_ = world_.clock.now();
  last_rule_ = decision.rule;
  last_says_ = decision.says;
  world_.journal.log(Level::kInfo, fmt::format("{} [{}]", decision.says, decision.rule));
  ports::PastDecision past{.decision = decision, .decided_at = seen.now, .cause = seen.last_event};
  ports::PastDecisions decisions{std::make_shared<const ports::PastDecision>(std::move(past))};
  if (recent_) decisions.insert(decisions.end(), recent_->begin(), recent_->begin() + static_cast<std::ptrdiff_t>(std::min(recent_->size(), kRecentDecisions - 1)));
  recent_ = std::make_shared<const ports::PastDecisions>(std::move(decisions));
}

void Agent::publish(model::Observation seen, model::Decision decision) {
  auto snapshot = std::make_shared<ports::Snapshot>();
  snapshot->decided_at = seen.now;
  snapshot->failsafe_active = seen.failsafe && seen.failsafe->active(seen.now, seen.dynamic().timing.ttl);
  snapshot->seen = std::move(seen);
  snapshot->decision = std::move(decision);
  snapshot->verdict_since = verdict_since_;
  snapshot->recent = recent_;
  world_.board.publish(std::move(snapshot));
}

// ---- beginning and end ---------------------------------------------------------------------------------------------

asio::awaitable<bool> Agent::start_up() {
  world_.store.on_change([this] { note_view(); });
  world_.postgres.on_change([this](std::string event) { wake(std::move(event)); });
  world_.inbox.on_request([this](ports::Request request, std::function<void(ports::Reply)> answer) { desk_.receive(std::move(request), std::move(answer)); });
  world_.keeper.on_change([this](model::LeaseState lease) {
    asio::post(executor_, [this, lease] {
      observer_.lease_changed(lease);
      wake("lease");
    });
  });
  auto attached = co_await world_.postgres.attach();
  if (!attached) {
    exit_ = model::Exit{.code = 1, .stop_postgres = false, .reason = attached.error().what};
    world_.journal.log(Level::kFatal, attached.error().what);
    co_return false;
  }
  keep_page_truthful();
  co_await wait_for_store();
  if (stopping_) co_return true;
  if (co_await name_is_taken()) {
    const std::string why = fmt::format("Can't start; there is already a node named '{}' running", settings_->name);
    exit_ = model::Exit{.code = 1, .stop_postgres = false, .reason = why};
    world_.journal.log(Level::kFatal, why);
    co_return false;
  }
  co_return true;
}

asio::awaitable<void> Agent::wait_for_store() {
  bool said = false;
  while (!world_.store.view() && !stopping_) {
    const auto timeout = settings_->dynamic.timing.retry_timeout;
    auto view = co_await world_.store.read(timeout);
    if (view) break;
    if (!std::exchange(said, true)) world_.journal.log(Level::kWarning, "waiting for the store: " + view.error().what);
    co_await alarm_.sleep_until(world_.clock.now() + kStoreRetry);
  }
}

// A member key under our own session is the trace of an agent of this node that was restarted.
asio::awaitable<bool> Agent::name_is_taken() {
  const auto view = world_.store.view();
  const model::Member* namesake = view ? view->find(settings_->name) : nullptr;
  if (!namesake || namesake->api_url.empty()) co_return false;
  if (namesake->session != 0 && namesake->session == world_.board.lease().session.value) co_return false;
  // The own API listens there by now and would answer itself: nobody else can. The key is the trace of this node's last life.
  if (namesake->api_url == settings_->restapi.api_url()) co_return false;
  ports::PeerAddress address{.name = namesake->name, .api_url = namesake->api_url};
  co_return co_await world_.peers.answers(std::move(address), Milliseconds(3000));
}

void Agent::request_stop() {
  stopping_ = true;
  wake("stop requested");
}

// As a decision would, again and again: a loop that hangs in the middle of a stop keeps the lease no longer than one that
// hangs at any other time (docs/invariants.md S25).
asio::awaitable<void> Agent::keep_lease_for_stop() {
  while (keeps_lease_for_stop_) {
    const auto& timing = settings_->dynamic.timing;
    const auto now = world_.clock.now();
    world_.keeper.grant_permit(now + std::max<Milliseconds>(timing.loop_wait + 2 * timing.retry_timeout, 3 * timing.ttl));
    co_await world_.clock.sleep_until(now + timing.loop_wait);
  }
}

// A planned end (docs/rules.md, "shutdown"): PostgreSQL first, then the lease; in pause nothing is touched.
asio::awaitable<void> Agent::shut_down() {
  const bool leave_running = settings_->dynamic.pause || (exit_ && !exit_->stop_postgres);
  if (leave_running) {
    if (settings_->dynamic.pause) world_.journal.log(Level::kInfo, "Leader key is not deleted and Postgresql is not stopped due paused state");
    world_.watchdog.disable();
    world_.keeper.stop(false);
    co_return;
  }
  tasks_.cancel();
  while (tasks_.running()) co_await alarm_.sleep_until(world_.clock.now() + loop_wait());
  const bool was_leader = world_.board.lease().holds(world_.clock.now());
  // The stop may take long; the lease is kept until the control file says "shut down" (docs/invariants.md S8).
  keeps_lease_for_stop_ = true;
  asio::co_spawn(executor_, keep_lease_for_stop(), EndsTheAgent{});
  ports::StopRequest stop{.mode = ports::StopMode::kFast};
  const auto limit = settings_->dynamic.primary_stop_timeout;
  if (settings_->dynamic.synchronous() && limit.count() > 0) stop.limit = limit;
  auto stopped = co_await world_.postgres.stop(std::move(stop));
  keeps_lease_for_stop_ = false;
  if (!stopped) {
    world_.journal.log(Level::kError, "PostgreSQL shutdown failed, leader key not removed: " + stopped.error().what);
    world_.keeper.grant_permit(Instant{});
    world_.keeper.stop(false);
    co_return;
  }
  world_.guardian.publish_writable(false);
  world_.watchdog.disable();
  if (exit_ && exit_->set_data_aside) {
    auto aside = co_await world_.postgres.set_data_aside(".failed");
    if (!aside) world_.journal.log(Level::kError, "could not set the data directory aside: " + aside.error().what);
  }
  if (was_leader) {
    model::ReleaseLease release{.reason = "shutdown"};
    if (stopped->last.known()) release.optime = stopped->last;
    writer_.release(release);
    // Without an answer the key goes with the session.
    const Instant patience = world_.clock.now() + 2 * settings_->dynamic.timing.retry_timeout + settings_->dynamic.timing.ttl;
    while (world_.clock.now() < patience && writer_.under_way().contains(model::WriteKind::kReleaseLease)) co_await alarm_.sleep_until(patience);
  }
  world_.keeper.stop(true);
}

}  // namespace matriarch::agent
