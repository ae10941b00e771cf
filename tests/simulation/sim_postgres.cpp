#include "simulation/sim_postgres.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace matriarch::simulation {

namespace asio = boost::asio;
using model::PostgresRole;
using model::PostgresState;
using ports::PostgresError;
using ports::PostgresResult;

namespace {
tl::unexpected<PostgresError> failed(std::string what, bool impossible = false, bool still_starting = false) {
  return tl::unexpected(PostgresError{std::move(what), impossible, still_starting});
}
constexpr Milliseconds kPoll{20};
}  // namespace

SimPostgres::SimPostgres(World& world, Network& network, Wal& wal, Instances& all, InstanceNames names, NodeId node, SimClock& clock)
    : world_(world), network_(network), wal_(wal), all_(all), names_(std::move(names)), node_(node), clock_(clock) {}

void SimPostgres::on_change(std::function<void(std::string)> callback) {
  changed_ = std::move(callback);
  instance().on_change([this](std::string event) {
    asio::post(clock_.executor(), [this, event = std::move(event)] {
      look();
      if (changed_) changed_(event);
    });
  });
}

asio::awaitable<void> SimPostgres::takes(Milliseconds low, Milliseconds high) {
  co_await clock_.sleep_until(clock_.now() + world_.random().between(low, high));
}

asio::awaitable<bool> SimPostgres::until(std::function<bool()> condition, Milliseconds limit) {
  const Instant end = clock_.now() + limit;
  while (!condition()) {
    if (clock_.now() >= end) co_return false;
    // False: the task was cancelled.
    if (!co_await clock_.sleep_until(clock_.now() + kPoll)) co_return false;
  }
  co_return true;
}

// ---- what is known -------------------------------------------------------------------------------------------------

void SimPostgres::learn_control(model::PostgresNode& node) const {
  const auto& disk = instance().disk();
  if (!disk.initialized) {
    node.control.reset();
    return;
  }
  model::ControlData control{.system_id = {disk.system_id}};
  control.cluster_state = instance().is_running() ? (instance().in_recovery() ? "in archive recovery" : "in production")
                          : disk.clean_shutdown   ? (disk.is_standby ? "shut down in recovery" : "shut down")
                                                  : (disk.is_standby ? "in archive recovery" : "in production");
  control.checkpoint_lsn = {disk.position.lsn};
  control.checkpoint_timeline = {disk.control_timeline};
  control.min_recovery_lsn = {disk.position.lsn};
  control.min_recovery_timeline = {wal_.branch(disk.position.branch).timeline};
  control.wal_log_hints = control.data_checksums = true;
  node.control = control;
}

void SimPostgres::learn_history(model::PostgresNode& node) {
  const auto& disk = instance().disk();
  if (!disk.initialized) return;
  if (std::exchange(history_branch_, disk.position.branch) == disk.position.branch) return;
  std::vector<model::HistoryLine> lines;
  for (int id = disk.position.branch; wal_.branch(id).parent >= 0; id = wal_.branch(id).parent) {
    lines.insert(lines.begin(), {.timeline = {wal_.branch(wal_.branch(id).parent).timeline}, .lsn = {wal_.branch(id).switched_at}, .reason = "no recovery target specified"});
  }
  node.history = std::make_shared<const model::HistoryFile>(model::HistoryFile{{wal_.branch(disk.position.branch).timeline}, std::move(lines), "2026-01-01T00:00:00+00:00"});
}

void SimPostgres::look() {
  auto node = std::make_shared<model::PostgresNode>(*seen_);
  const auto& disk = instance().disk();
  const auto before = node->state;
  node->data_directory = disk.initialized ? model::DataDirectory::kPresent : model::DataDirectory::kEmpty;
  const bool was_running = node->is_running;
  node->is_running = instance().is_running();
  node->server_version = 150000;
  if (!disk.initialized) {
    node->system_id.reset();
  } else {
    node->system_id = model::SystemId{disk.system_id};
  }
  if (instance().accepts_connections()) {
    if (node->state == PostgresState::kStarting || !was_running) node->state = PostgresState::kRunning;
    node->query_failed = false;
    node->is_primary = !instance().in_recovery();
    node->lsn = {disk.position.lsn};
    const model::Timeline timeline{wal_.branch(disk.position.branch).timeline};
    node->timeline = node->is_primary ? timeline : model::Timeline{};
    node->replica_timeline = node->is_primary ? model::Timeline{} : timeline;
    node->received_timeline = instance().is_streaming() ? timeline : model::Timeline{};
    node->received = node->replayed = node->is_primary ? model::Lsn{} : model::Lsn{disk.position.lsn};
    node->replication_state = instance().is_streaming() ? model::ReplicationState::kStreaming : model::ReplicationState::kNone;
    node->sync_names = model::parse_sync_names(instance().running_sync_names());
    node->wal_senders = instance().wal_senders();
    node->postmaster_start_time = fmt::format("start {}", instance().postmaster());
    node->observed_at = clock_.now();
    if (node->is_primary && node->role != PostgresRole::kPrimary && node->role != PostgresRole::kPromoted) node->role = PostgresRole::kPrimary;
  } else if (!node->is_running) {
    node->is_primary = false;
    node->replication_state = model::ReplicationState::kNone;
    node->wal_senders.clear();
    node->postmaster_start_time.clear();
    if (node->state == PostgresState::kStarting) node->state = PostgresState::kStartFailed;
  }
  node->has_recovery_signal = disk.is_standby;
  node->upstream.reset();
  if (disk.is_standby && !disk.upstream.empty()) node->upstream = model::Upstream{.name = model::MemberName(disk.upstream)};
  learn_control(*node);
  learn_history(*node);
  if (node->state != before) node->state_since = clock_.now();
  seen_ = std::move(node);
}

void SimPostgres::set_role(PostgresRole role) {
  auto node = std::make_shared<model::PostgresNode>(*seen_);
  node->role = role;
  seen_ = std::move(node);
}

void SimPostgres::set_state(PostgresState state) {
  auto node = std::make_shared<model::PostgresNode>(*seen_);
  if (node->state != state) node->state_since = clock_.now();
  node->state = state;
  seen_ = std::move(node);
}

void SimPostgres::run_callback(std::string) {}

asio::awaitable<PostgresResult<void>> SimPostgres::attach() {
  co_await takes(Milliseconds(5), Milliseconds(30));
  look();
  if (instance().is_running()) {
    set_state(instance().accepts_connections() ? PostgresState::kRunning : PostgresState::kStarting);
    set_role(instance().in_recovery() ? PostgresRole::kReplica : PostgresRole::kPrimary);
  } else {
    set_state(PostgresState::kStopped);
    set_role(!instance().disk().initialized ? PostgresRole::kUninitialized : instance().disk().is_standby ? PostgresRole::kReplica : PostgresRole::kDemoted);
  }
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::refresh(Milliseconds timeout) {
  const Milliseconds longest{world_.random().chance(0.02) ? 800 : 10};
  co_await takes(Milliseconds(1), std::min(timeout, longest));
  look();
  co_return PostgresResult<void>{};
}
asio::awaitable<PostgresResult<void>> SimPostgres::read_control_data() {
  co_await takes(Milliseconds(3), Milliseconds(20));
  look();
  co_return PostgresResult<void>{};
}
asio::awaitable<PostgresResult<void>> SimPostgres::read_history(model::Timeline) {
  co_await takes(Milliseconds(1), Milliseconds(5));
  look();
  co_return PostgresResult<void>{};
}

SimInstance* SimPostgres::reachable(const model::MemberName& member) const {
  const NodeId id = names_.node_of(member.text);
  if (id < 0 || id == node_ || !network_.both_ways(node_, id)) return nullptr;
  auto* other = all_[static_cast<std::size_t>(id)].get();
  return other && other->accepts_connections() ? other : nullptr;
}

bool SimPostgres::diverged_from(const SimInstance& leader) const { return !wal_.includes(leader.disk().position, instance().disk().position); }

asio::awaitable<model::DivergenceReport> SimPostgres::check_divergence(ports::Source leader, Milliseconds) {
  co_await takes(Milliseconds(5), Milliseconds(60));
  model::DivergenceReport report{.leader = leader.name};
  const auto* other = reachable(leader.name);
  if (!other || other->in_recovery()) {
    report.says = "the leader cannot be asked";
    co_return report;
  }
  report.leader_timeline = {wal_.branch(other->disk().position.branch).timeline};
  report.verdict = instance().disk().damaged || diverged_from(*other) ? model::DivergenceReport::Verdict::kNeedsRewind : model::DivergenceReport::Verdict::kCompatible;
  co_return report;
}

// ---- long operations -----------------------------------------------------------------------------------------------

asio::awaitable<PostgresResult<void>> SimPostgres::bootstrap(model::BootstrapSettings) {
  set_state(PostgresState::kInitializing);
  co_await takes(Milliseconds(500), Milliseconds(2000));
  auto& disk = instance().disk();
  disk = {};
  disk.initialized = true;
  disk.system_id = fmt::format("{}", 7000000000000000000ull + world_.random().between(0, 1'000'000'000));
  disk.position = {wal_.begin_cluster(node_, 1'000'000), 1'000'000};
  disk.clean_shutdown = true;
  auto none = std::optional<model::Upstream>{};
  auto limit = std::optional<Milliseconds>{};
  co_return co_await start(PostgresRole::kPrimary, none, limit);
}

asio::awaitable<PostgresResult<void>> SimPostgres::post_bootstrap() {
  co_await takes(Milliseconds(10), Milliseconds(100));
  if (!instance().accepts_connections()) co_return failed("the server is gone");
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::clone(std::vector<ports::Source> sources, std::function<void(std::string)> progress) {
  set_state(PostgresState::kCreatingReplica);
  progress("0 %");
  co_await takes(Milliseconds(300), Milliseconds(4000));
  const auto* source = sources.empty() ? nullptr : reachable(sources.front().name);
  set_state(PostgresState::kStopped);
  if (!source) co_return failed("the source cannot be reached");
  auto& disk = instance().disk();
  disk = {};
  disk.initialized = true;
  disk.is_standby = true;
  disk.system_id = source->disk().system_id;
  disk.position = source->disk().position;
  disk.control_timeline = source->disk().control_timeline;
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::start(PostgresRole role, std::optional<model::Upstream> upstream, std::optional<Milliseconds> timeout) {
  if (instance().is_running()) {
    look();
    co_return failed("a postmaster is running already");
  }
  co_await takes(Milliseconds(2), Milliseconds(20));
  auto& disk = instance().disk();
  if (!disk.initialized || disk.damaged) co_return failed("the data directory cannot be used", true);
  disk.is_standby = role == PostgresRole::kReplica || role == PostgresRole::kStandbyLeader;
  disk.upstream = upstream ? upstream->name.text : std::string();
  set_role(role);
  set_state(PostgresState::kStarting);
  instance().start();
  const auto started = instance().postmaster();
  auto is_decided = [this, started] { return instance().postmaster() != started || !instance().is_running() || instance().accepts_connections(); };
  const bool up = co_await until(std::move(is_decided), timeout.value_or(Milliseconds(60'000)));
  look();
  if (instance().postmaster() == started && instance().accepts_connections()) co_return PostgresResult<void>{};
  if (instance().is_running()) co_return failed("still starting", false, true);
  set_state(PostgresState::kStartFailed);
  (void)up;
  co_return failed("the postmaster ended");
}

asio::awaitable<PostgresResult<ports::ShutdownPositions>> SimPostgres::stop(ports::StopRequest request) {
  if (request.checkpoint_first) co_await takes(Milliseconds(5), Milliseconds(200));
  if (instance().is_running()) set_state(PostgresState::kStopping);
  if (request.mode == ports::StopMode::kImmediate) {
    instance().sigquit();
  } else {
    instance().stop_fast([] {});
  }
  const Milliseconds limit = request.limit.value_or(Milliseconds(3'600'000));
  bool stopped = co_await until([this] { return !instance().has_backends(); }, limit);
  if (!stopped && request.limit) {
    instance().sigkill_all();
    stopped = true;
  }
  look();
  if (!stopped) {
    set_state(PostgresState::kStopFailed);
    co_return failed("cancelled");
  }
  set_state(PostgresState::kStopped);
  ports::ShutdownPositions positions;
  if (instance().disk().clean_shutdown && !instance().disk().is_standby) positions = {.checkpoint = {instance().disk().position.lsn}, .last = {instance().disk().position.lsn}};
  co_return positions;
}

asio::awaitable<PostgresResult<void>> SimPostgres::restart(std::optional<Milliseconds> timeout) {
  const bool standby = instance().disk().is_standby;
  std::optional<model::Upstream> upstream;
  if (standby) upstream = model::Upstream{.name = model::MemberName(instance().disk().upstream)};
  ports::StopRequest request;
  auto stopped = co_await stop(std::move(request));
  if (!stopped) co_return tl::unexpected(stopped.error());
  const auto role = seen_->role;
  co_return co_await start(role, upstream, timeout);
}

asio::awaitable<PostgresResult<void>> SimPostgres::pre_promote() { co_return PostgresResult<void>{}; }

asio::awaitable<PostgresResult<void>> SimPostgres::promote(Milliseconds timeout) {
  if (!instance().accepts_connections()) co_return failed("not running");
  instance().promote();
  set_role(PostgresRole::kPromoted);
  const bool out = co_await until([this] { return !instance().is_running() || !instance().in_recovery(); }, timeout);
  look();
  if (out && instance().accepts_connections() && !instance().in_recovery()) {
    set_role(PostgresRole::kPrimary);
    co_return PostgresResult<void>{};
  }
  if (out) co_return failed("it ended while it was being promoted");
  co_return tl::unexpected(ports::PostgresError{.what = "the promotion is not finished", .still_starting = true});
}

PostgresResult<void> SimPostgres::give_up_half_rewound() {
  instance().disk() = {};
  set_role(PostgresRole::kUninitialized);
  look();
  return failed("the data is between two histories", true);
}

asio::awaitable<PostgresResult<void>> SimPostgres::rewind(ports::Source source) {
  auto& disk = instance().disk();
  if (disk.damaged) co_return give_up_half_rewound();
  if (!reachable(source.name)) co_return failed("the source cannot be reached");
  const bool was_clean = disk.clean_shutdown;
  disk.damaged = true;  // until it is complete
  co_await takes(Milliseconds(200), Milliseconds(2000));
  const auto* leader = reachable(source.name);
  if (!leader || leader->in_recovery()) {
    const bool harmless = was_clean && world_.random().chance(0.5);
    if (!harmless) co_return give_up_half_rewound();
    disk.damaged = false;
    look();
    co_return failed("the source went away");
  }
  disk.position = leader->disk().position;
  disk.control_timeline = leader->disk().control_timeline;
  disk.is_standby = true;
  disk.damaged = false;
  disk.clean_shutdown = true;
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::crash_recovery() {
  co_await takes(Milliseconds(100), Milliseconds(1500));
  instance().disk().clean_shutdown = true;
  instance().disk().is_standby = false;
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::checkpoint() {
  co_await takes(Milliseconds(5), Milliseconds(300));
  if (!instance().accepts_connections()) co_return failed("the server is gone");
  instance().disk().control_timeline = wal_.branch(instance().disk().position.branch).timeline;
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::copy_logical_slots(ports::Source, std::vector<std::string>) { co_return PostgresResult<void>{}; }

asio::awaitable<PostgresResult<void>> SimPostgres::discard_data(std::string) {
  co_await takes(Milliseconds(10), Milliseconds(100));
  instance().disk() = {};
  set_role(PostgresRole::kUninitialized);
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::set_data_aside(std::string why) { co_return co_await discard_data(std::move(why)); }

// ---- quick operations ----------------------------------------------------------------------------------------------

ports::FollowChange SimPostgres::follow_change(const std::optional<model::Upstream>& wanted) const {
  const std::string name = wanted ? wanted->name.text : std::string();
  return name == instance().disk().upstream ? ports::FollowChange::kNothing : ports::FollowChange::kReload;
}

asio::awaitable<PostgresResult<void>> SimPostgres::follow_by_reload(model::Upstream upstream) {
  co_await takes(Milliseconds(2), Milliseconds(20));
  instance().disk().upstream = upstream.name.text;
  instance().reload();
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::set_sync_names(std::string text) {
  co_await takes(Milliseconds(1), Milliseconds(15));
  instance().disk().sync_names = text;
  co_await takes(Milliseconds(1), Milliseconds(15));
  instance().reload();
  look();
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::sync_slots(std::shared_ptr<const model::Cluster>) { co_return PostgresResult<void>{}; }
asio::awaitable<PostgresResult<void>> SimPostgres::resume_replay() { co_return PostgresResult<void>{}; }
asio::awaitable<PostgresResult<void>> SimPostgres::reload() {
  co_await takes(Milliseconds(2), Milliseconds(20));
  co_return PostgresResult<void>{};
}

asio::awaitable<PostgresResult<void>> SimPostgres::fence(std::string, Milliseconds) {
  instance().sigkill_all();
  co_await takes(Milliseconds(1), Milliseconds(5));
  look();
  set_state(PostgresState::kStopped);
  co_return PostgresResult<void>{};
}

}  // namespace matriarch::simulation
