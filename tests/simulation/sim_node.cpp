#include "simulation/sim_node.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "agent/keeper.hpp"
#include "rules/house.hpp"
#include "settings/dynamic.hpp"

namespace matriarch::simulation {

namespace asio = boost::asio;

namespace {

class SimBoard : public ports::Board {
 public:
  void publish(std::shared_ptr<const ports::Snapshot> snapshot) override { snapshot_ = std::move(snapshot); }
  std::shared_ptr<const ports::Snapshot> latest() const override { return snapshot_; }
  void publish_lease(model::LeaseState lease) override {
    lease_ = lease;
    if (on_lease) on_lease(lease);
  }
  model::LeaseState lease() const override { return lease_; }
  std::function<void(const model::LeaseState&)> on_lease;

 private:
  std::shared_ptr<const ports::Snapshot> snapshot_;
  model::LeaseState lease_;
};

class SimInbox : public ports::Inbox {
 public:
  void on_request(std::function<void(ports::Request, std::function<void(ports::Reply)>)> callback) override { callback_ = std::move(callback); }
  bool post(ports::Request request, std::function<void(ports::Reply)> reply) {
    if (!callback_) return false;
    callback_(std::move(request), std::move(reply));
    return true;
  }

 private:
  std::function<void(ports::Request, std::function<void(ports::Reply)>)> callback_;
};

// No simulated machine has a watchdog device.
class NoWatchdog : public ports::Watchdog {
 public:
  void apply_settings(const model::WatchdogSettings&, const model::Timing&) override {}
  bool activate() override { return true; }
  void keep_alive(model::Instant, model::Instant) override {}
  void disable() override {}
  bool is_active() const override { return false; }
  bool is_healthy() const override { return true; }
};

class SimJournal : public ports::Journal {
 public:
  explicit SimJournal(std::function<void(std::string)> trace) : trace_(std::move(trace)) {}
  void log(ports::Level, std::string text) override { trace_(std::move(text)); }
  void event(std::string, boost::json::object) override {}

 private:
  std::function<void(std::string)> trace_;
};

class SimPeers : public ports::Peers {
 public:
  SimPeers(Stage& stage, NodeId node, SimClock& clock) : stage_(stage), node_(node), clock_(clock) {}

  asio::awaitable<void> poll(std::vector<ports::PeerAddress> members, Milliseconds deadline,
                             std::function<void(model::MemberName, model::PeerStatus)> on_answer) override {
    // One after another in the model, each with what is left of the deadline; the order of answers is drawn by chance.
    const Instant end = clock_.now() + deadline;
    for (std::size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[stage_.world.random().between(0, i - 1)]);
    for (const auto& member : members) {
      const NodeId target = node_of(member.name);
      const NodeId to = target < 0 ? node_ : target;
      std::function<void(std::function<void(model::PeerStatus)>)> serve = [&stage = stage_, target](std::function<void(model::PeerStatus)> answer) {
        if (target >= 0 && stage.nodes[static_cast<std::size_t>(target)]->answers_peers()) answer(stage.nodes[static_cast<std::size_t>(target)]->status_for_peers());
      };
      const auto left = std::max(std::chrono::duration_cast<Milliseconds>(end - clock_.now()), Milliseconds(1));
      auto status = co_await call<model::PeerStatus>(stage_.network, clock_, node_, to, left, std::move(serve));
      on_answer(member.name, status.value_or(model::PeerStatus{.error = "no answer"}));
    }
  }

  asio::awaitable<model::FailsafeRound> ask_failsafe(std::vector<ports::PeerAddress> members, std::string document, Milliseconds deadline) override {
    model::FailsafeRound round{.sent_at = clock_.now(), .accepted = true};
    const boost::json::object body = boost::json::parse(document).as_object();
    for (const auto& member : members) {
      const NodeId target = node_of(member.name);
      const NodeId to = target < 0 ? node_ : target;
      std::function<void(std::function<void(ports::Reply)>)> serve = [&stage = stage_, target, body](std::function<void(ports::Reply)> answer) {
        if (target < 0 || !stage.nodes[static_cast<std::size_t>(target)]->answers_peers()) return;
        answer(stage.nodes[static_cast<std::size_t>(target)]->ask({.kind = ports::Request::Kind::kFailsafe, .body = body}));
      };
      auto reply = co_await call<ports::Reply>(stage_.network, clock_, node_, to, deadline, std::move(serve));
      if (!reply || reply->status != 200) {
        round.accepted = false;
        round.refused_by = member.name.text;
        co_return round;
      }
    }
    co_return round;
  }

  asio::awaitable<bool> answers(ports::PeerAddress member, Milliseconds deadline) override {
    const NodeId target = node_of(member.name);
    if (target == node_) co_return false;
    const NodeId to = target < 0 ? node_ : target;
    std::function<void(std::function<void(bool)>)> serve = [&stage = stage_, target](std::function<void(bool)> answer) {
      if (target >= 0 && stage.nodes[static_cast<std::size_t>(target)]->answers_peers()) answer(true);
    };
    auto answer = co_await call<bool>(stage_.network, clock_, node_, to, deadline, std::move(serve));
    co_return answer.value_or(false);
  }

 private:
  NodeId node_of(const model::MemberName& name) const {
    for (std::size_t i = 0; i < stage_.nodes.size(); ++i) {
      if (stage_.nodes[i]->name() == name.text) return static_cast<NodeId>(i);
    }
    return -1;
  }
  Stage& stage_;
  NodeId node_;
  SimClock& clock_;
};

std::shared_ptr<const model::Settings> settings_for(const std::string& name, NodeId id, const boost::json::object& dynamic) {
  auto settings = std::make_shared<model::Settings>();
  settings->scope = "sim";
  settings->name = model::MemberName(name);
  settings->store = model::EmbeddedStoreSettings{};
  settings->restapi.connect_address = {.host = name, .port = 8008};
  settings->postgresql.connect_address = {.host = name, .port = static_cast<std::uint16_t>(5432 + id)};
  settings->postgresql.use_pg_rewind = true;
  settings->postgresql.remove_data_directory_on_rewind_failure = true;
  settings->postgresql.remove_data_directory_on_diverged_timelines = true;
  settings->bootstrap = model::BootstrapSettings{.dcs = dynamic};
  settings->watchdog.mode = model::WatchdogMode::kOff;
  auto accepted = settings::accept_dynamic(dynamic, settings::TimingLimits::kEmbedded);
  if (accepted) settings->dynamic = accepted->settings;
  return settings;
}

InstanceNames names_of(Stage& stage) {
  return {.node_of =
              [&stage](const std::string& member) {
                for (std::size_t i = 0; i < stage.nodes.size(); ++i) {
                  if (stage.nodes[i] && stage.nodes[i]->name() == member) return static_cast<NodeId>(i);
                }
                return NodeId{-1};
              },
          .name_of = [&stage](NodeId node) { return stage.nodes[static_cast<std::size_t>(node)]->name(); }};
}

}  // namespace

namespace {

bool starts_promotion(const model::Decision& decision) {
  return std::any_of(decision.actions.begin(), decision.actions.end(), [](const model::Action& action) {
    const auto* start = std::get_if<model::StartTask>(&action);
    return start && start->request.kind == model::TaskKind::kPromote;
  });
}

// The deliberate bugs that lie between the rules and the world.
void spoil(Stage& stage, NodeId id, const model::Observation& seen, model::Decision& decision) {
  if (stage.bugs.page_follows_recovery && seen.postgres.is_running && !seen.postgres.is_primary && !seen.task) {
    stage.nodes[static_cast<std::size_t>(id)]->say_cannot_write();
  }
  if (stage.bugs.permit_never_expires) decision.actions.emplace_back(model::GrantPermit{.valid_for = std::chrono::hours(24)});
  std::vector<model::Action> first;
  for (const auto& action : decision.actions) {
    if (stage.bugs.promote_without_lease && std::holds_alternative<model::AcquireLease>(action)) stage.instances[static_cast<std::size_t>(id)]->promote();
    const auto* write = std::get_if<model::WriteSync>(&action);
    if (!stage.bugs.guc_before_sync || !write) continue;
    const auto& recorded = seen.store.cluster->sync.voters;
    const bool somebody_leaves = std::any_of(recorded.begin(), recorded.end(), [&](const auto& name) { return !write->voters.contains(name); });
    const std::string text = write->voters.empty() ? std::string() : "\"" + write->voters.begin()->text + "\"";
    if (somebody_leaves && stage.instances[static_cast<std::size_t>(id)]->running_sync_names() != text) first.emplace_back(model::SetSyncNames{.text = text});
  }
  // The record follows at a later look.
  if (!first.empty()) std::erase_if(decision.actions, [](const model::Action& action) { return std::holds_alternative<model::WriteSync>(action); });
  decision.actions.insert(decision.actions.begin(), first.begin(), first.end());
}

}  // namespace

// The agent's process: two threads, their clocks, the ports, the agent.
struct SimNode::Process {
  Process(Stage& stage, SimNode& node, NodeId id, Owner owner_id, double rate, Milliseconds offset, std::shared_ptr<const model::Settings> settings)
      : owner(owner_id),
        main(std::make_unique<Context>()),
        keeping(std::make_unique<Context>()),
        clock(stage.world, owner, main->get_executor(), rate, offset, Milliseconds(0)),
        keeper_clock(stage.world, owner, keeping->get_executor(), rate, offset, Milliseconds(0)),
        store(StoreConnection(stage.raft, stage.network, clock, id, stage.bugs.client)),
        lease_store(StoreConnection(stage.raft, stage.network, keeper_clock, id, stage.bugs.client)),
        postgres(stage.world, stage.network, stage.wal, stage.instances, names_of(stage), id, clock),
        peers(stage, id, clock),
        guardian(clock, node.page_, [&node] { return node.guardian_.get(); }, Milliseconds(3'600'000)),
        keeper_guardian(keeper_clock, node.page_, [&node] { return node.guardian_.get(); }, Milliseconds(3'600'000)),
        journal([&stage, id](std::string text) { stage.trace(id, std::move(text)); }),
        keeper(keeping->get_executor(), {.store = lease_store, .clock = keeper_clock, .guardian = keeper_guardian, .watchdog = watchdog, .board = board},
               settings->name, settings->dynamic.timing),
        agent(main->get_executor(),
              {.store = store, .postgres = postgres, .peers = peers, .clock = clock, .guardian = guardian, .watchdog = watchdog, .journal = journal,
               .board = board, .inbox = inbox, .keeper = keeper},
              judge(stage, id), settings,
              [settings](std::optional<boost::json::object> document, bool) -> model::Result<std::shared_ptr<const model::Settings>, std::string> {
                if (!document) return settings;
                auto accepted = settings::accept_dynamic(*document, settings::TimingLimits::kEmbedded);
                if (!accepted) return tl::unexpected(settings::to_text(accepted.error().front()));
                auto made = std::make_shared<model::Settings>(*settings);
                made->dynamic = accepted->settings;
                return std::shared_ptr<const model::Settings>(made);
              }) {
    board.on_lease = [this, &stage, id](const model::LeaseState& lease) { check_lease(stage, id, lease); };
    stage.world.add(main.get());
    stage.world.add(keeping.get());
  }

  // S2: who counts on the lease has it.
  void check_lease(Stage& stage, NodeId id, const model::LeaseState& lease) {
    if (lease.outcome != model::LeaseOutcome::kHeld || !lease.holds(keeper_clock.now())) return;
    const auto leader = stage.raft.machine().find("leader");
    if (leader && leader->value == stage.nodes[static_cast<std::size_t>(id)]->name()) return;
    stage.violation(id, "S2 counts on the lease while the leader key is '" + (leader ? leader->value : std::string()) + "'");
  }

  static agent::Judge judge(Stage& stage, NodeId id) {
    const agent::Judge sound = agent::Judge::rules();
    return {.decide =
                [&stage, id, sound](const model::Memory& memory, const model::Observation& seen) {
                  auto decision = stage.bugs.decide ? stage.bugs.decide(memory, seen) : sound.decide(memory, seen);
                  spoil(stage, id, seen, decision);
                  if (starts_promotion(decision) && !stage.nodes[static_cast<std::size_t>(id)]->knows_enough_to_promote()) {
                    stage.violation(id, "S4 a promotion was decided on a view from before the guardian watched the lease");
                  }
                  stage.decided(id, seen, decision);
                  return decision;
                },
            .violations =
                [&stage, id, sound](const model::Observation& seen, const model::Decision& decision) {
                  // A deliberate bug is to be found by what it does, not by the check of each decision.
                  if (stage.bugs.decides_badly()) return std::vector<std::string>{};
                  auto texts = sound.violations(seen, decision);
                  for (const auto& text : texts) stage.violation(id, fmt::format("decision {}: {}", decision.rule, text));
                  return texts;
                }};
  }

  // Nothing of the process runs again; what it waited for is destroyed with its contexts.
  void die(World& world) {
    if (dead) return;
    dead = true;
    world.forget(owner);
    world.remove(main.get());
    world.remove(keeping.get());
    main.reset();
    keeping.reset();
    postgres.detach();
  }

  Owner owner;
  std::unique_ptr<Context> main, keeping;
  SimClock clock, keeper_clock;
  SimBoard board;
  SimInbox inbox;
  NoWatchdog watchdog;
  SimStore store;
  SimLeaseStore lease_store;
  SimPostgres postgres;
  SimPeers peers;
  GuardianPort guardian, keeper_guardian;
  SimJournal journal;
  agent::Keeper keeper;
  agent::Agent agent;
  bool dead = false;
};

SimNode::SimNode(Stage& stage, NodeId id)
    : stage_(stage),
      id_(id),
      name_(fmt::format("n{}", id + 1)),
      // Within half of the margin that the lease allows for.
      clock_rate_(1.0 + (static_cast<double>(stage.world.random().between(0, 400)) - 200.0) * 1e-5),
      clock_offset_(static_cast<std::int64_t>(stage.world.random().between(0, 1'000'000'000))) {}

SimNode::~SimNode() {
  if (process_) process_->die(stage_.world);
  for (auto& dead : graveyard_) dead->die(stage_.world);
}

Owner SimNode::next_owner() const {
  static_assert(sizeof(Owner) == 8);
  return ++stage_.world.last_owner;
}

// ---- service manager and guardian ----------------------------------------------------------------------------------

void SimNode::start_service() {
  wanted_ = true;
  powered_ = true;
  if (guardian_) return;
  guardian_owner_ = next_owner();
  guardian_context_ = std::make_unique<Context>();
  guardian_clock_ = std::make_unique<SimClock>(stage_.world, guardian_owner_, guardian_context_->get_executor(), clock_rate_, clock_offset_, Milliseconds(0));
  GuardianProcess::Hooks hooks{
      .start_agent = [this] { stage_.world.at(stage_.world.now() + Milliseconds(5), guardian_owner_, [this] { start_agent(); }); },
      .agent_is_running = [this] { return process_ != nullptr; },
      .ended =
          [this](int) {
            // As a service manager: the guardian is started again unless the operator stopped it.
            stage_.world.at(stage_.world.now(), kNobody, [this] {
              stage_.world.forget(guardian_owner_);
              guardian_.reset();
              if (wanted_) stage_.world.at(stage_.world.now() + stage_.world.random().between(Milliseconds(100), Milliseconds(1500)), kNobody, [this] { if (wanted_ && powered_) start_service(); });
            });
          }};
  guardian_ = std::make_unique<GuardianProcess>(*guardian_clock_, instance(), page_, stage_.bugs.guardian, std::move(hooks));
  instance().on_process_event([this] {
    if (guardian_) guardian_->look();
  });
  stage_.raft.set_up(id_, true);
  guardian_->look();
}

void SimNode::start_agent() {
  if (process_ || !guardian_) return;
  auto settings = settings_for(name_, id_, stage_.dynamic);
  process_ = std::make_unique<Process>(stage_, *this, id_, next_owner(), clock_rate_, clock_offset_, settings);
  asio::co_spawn(*process_->keeping, process_->keeper.run(), asio::detached);
  asio::co_spawn(*process_->main, process_->agent.run(), [this](std::exception_ptr thrown, int code) {
    if (thrown) stage_.violation(id_, "the agent ended with an exception");
    stage_.world.at(stage_.world.now(), kNobody, [this, code] {
      if (!process_) return;
      agent_is_gone();
      if (guardian_) guardian_->agent_ended(code, true);
    });
  });
  process_->store.committed();
  if (frozen_) freeze();
}

void SimNode::agent_is_gone() {
  if (!process_) return;
  process_->die(stage_.world);
  graveyard_.push_back(std::move(process_));
  hangs_since_.reset();
}

// ---- faults --------------------------------------------------------------------------------------------------------

void SimNode::kill_agent() {
  if (!process_) return;
  agent_is_gone();
  if (guardian_) guardian_->agent_ended(137, false);
}

// Whoever is left and finds a primary without a living guardian fences it: the agent, else the store process.
void SimNode::last_resort() {
  stage_.world.at(stage_.world.now() + std::chrono::microseconds(stage_.world.random().between(100, 3000)), kNobody, [this] {
    if (guardian_ || !powered_) return;
    const bool paused = page_.posture.status == guardian::ReadStatus::kGood && page_.posture.value.paused != 0;
    const bool writes = page_.posture.status != guardian::ReadStatus::kGood || page_.posture.value.may_write != 0;
    if (frozen_) return last_resort();
    if (!paused && writes && !stage_.bugs.guardian.fence_off) instance().sigkill_all();
    agent_is_gone();
  });
}

void SimNode::kill_guardian(bool agent_too) {
  if (!guardian_) return;
  stage_.world.forget(guardian_owner_);
  guardian_.reset();
  if (agent_too) agent_is_gone();
  last_resort();
  stage_.world.at(stage_.world.now() + stage_.world.random().between(Milliseconds(100), Milliseconds(1500)), kNobody, [this] {
    if (wanted_ && powered_ && !guardian_) start_service();
  });
}

void SimNode::kill_store() {
  stage_.raft.set_up(id_, false);
  stage_.world.at(stage_.world.now() + stage_.world.random().between(Milliseconds(10), Milliseconds(300)), kNobody, [this] {
    if (powered_) stage_.raft.set_up(id_, true);
  });
}

void SimNode::kill_postmaster() { instance().sigkill_postmaster(); }

void SimNode::power_cut() {
  powered_ = false;
  wanted_ = false;
  frozen_ = false;
  if (guardian_) {
    stage_.world.forget(guardian_owner_);
    guardian_.reset();
  }
  agent_is_gone();
  instance().power_cut();
  stage_.raft.set_up(id_, false);
  page_ = {};
}

void SimNode::freeze() {
  frozen_ = true;
  instance().freeze(true);
  if (guardian_) guardian_->freeze(true);
  stage_.raft.set_up(id_, false);
  if (process_) {
    stage_.world.freeze(process_->main.get(), true);
    stage_.world.freeze(process_->keeping.get(), true);
  }
}

void SimNode::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  woken_at_ = stage_.world.now();
  // What was on its way to a client when the node stopped may still get there (docs/invariants.md S3).
  stage_.wal.excuse(id_, stage_.world.now() + Milliseconds(10));
  if (guardian_) guardian_->freeze(false);
  instance().freeze(false);
  if (powered_) stage_.raft.set_up(id_, true);
  if (process_) {
    stage_.world.freeze(process_->main.get(), false);
    stage_.world.freeze(process_->keeping.get(), false);
  }
  hangs_since_.reset();
}

void SimNode::hang_agent(bool hang) {
  if (!process_) return;
  stage_.world.freeze(process_->main.get(), hang || frozen_);
  if (!hang || frozen_) hangs_since_.reset();
  else if (!hangs_since_) hangs_since_ = stage_.world.now();
}

void SimNode::stop_service() {
  wanted_ = false;
  if (process_) asio::post(*process_->main, [agent = &process_->agent] { agent->request_stop(); });
}

// ---- what others see -----------------------------------------------------------------------------------------------

std::shared_ptr<const ports::Snapshot> SimNode::snapshot() const { return process_ ? process_->board.latest() : nullptr; }
agent::Agent* SimNode::agent() const { return process_ ? &process_->agent : nullptr; }
std::optional<Instant> SimNode::counts_on_lease_until() const {
  if (!process_) return std::nullopt;
  const auto lease = process_->board.lease();
  if (!lease.holds(process_->keeper_clock.now())) return std::nullopt;
  return process_->keeper_clock.true_time_of(lease.valid_until);
}
bool SimNode::knows_enough_to_promote() const { return process_ && page_.armed_at != Instant{} && process_->store.last_read_began() >= page_.armed_at; }
bool SimNode::answers_peers() const { return process_ && !frozen_ && process_->board.latest(); }

// What is answered at once; an answer that takes time has nobody waiting for it here.
ports::Reply SimNode::ask(ports::Request request) {
  auto answer = std::make_shared<ports::Reply>(ports::Reply{.status = 503});
  if (process_) process_->inbox.post(std::move(request), [answer](ports::Reply reply) { *answer = std::move(reply); });
  return *answer;
}

// From a fresh query, as the REST room answers.
model::PeerStatus SimNode::status_for_peers() const {
  auto& instance = *stage_.instances[static_cast<std::size_t>(id_)];
  model::PeerStatus status;
  if (!instance.accepts_connections()) {
    status.error = "PostgreSQL does not serve";
    return status;
  }
  status.reachable = true;
  status.in_recovery = instance.in_recovery();
  status.lsn = instance.in_recovery() ? model::Lsn{instance.disk().position.lsn} : model::Lsn{};
  status.timeline = {stage_.wal.branch(instance.disk().position.branch).timeline};
  return status;
}

void SimNode::view_changed() {
  if (process_) process_->store.committed();
}

}  // namespace matriarch::simulation
