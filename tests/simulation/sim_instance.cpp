#include "simulation/sim_instance.hpp"

#include <algorithm>

namespace matriarch::simulation {
namespace {
constexpr std::uint64_t kCommitBytes = 200;
constexpr std::uint64_t kCheckpointBytes = 120;
}  // namespace

SimInstance::SimInstance(World& world, Network& network, Wal& wal, Instances& all, InstanceNames names, NodeId node)
    : world_(world), network_(network), wal_(wal), all_(all), names_(std::move(names)), node_(node) {}

// Things the processes do later die with them.
void SimInstance::after(Milliseconds low, Milliseconds high, std::function<void()> action) {
  const auto generation = generation_;
  world_.at(world_.now() + world_.random().between(low, high), kNobody, [this, generation, action = std::move(action)]() mutable {
    if (generation != generation_) return;
    if (frozen_) return after(Milliseconds(5), Milliseconds(20), std::move(action));
    action();
  });
}

void SimInstance::say(std::string event) {
  if (changed_) changed_(std::move(event));
  if (process_event_) world_.at(world_.now() + std::chrono::microseconds(50), kNobody, [this] { if (process_event_) process_event_(); });
}

// ---- processes -----------------------------------------------------------------------------------------------------

void SimInstance::start() {
  ++generation_;
  ++postmaster_;
  process_ = Process::kStarting;
  surviving_backends_ = false;
  started_at_ = world_.now();
  in_recovery_ = disk_.is_standby;
  running_sync_names_ = disk_.sync_names;
  const bool crashed = !disk_.clean_shutdown;
  disk_.clean_shutdown = false;
  after(Milliseconds(40), Milliseconds(crashed ? 1500 : 300), [this] {
    process_ = Process::kRunning;
    if (in_recovery_) try_to_stream();
    say("accepts connections");
  });
}

void SimInstance::stop_fast(std::function<void()> stopped) {
  if (process_ == Process::kNone) return stopped();
  process_ = Process::kStopping;
  stopped_ = std::move(stopped);
  waiters_.clear();
  say("stopping");
  after(Milliseconds(20), Milliseconds(300), [this] {
    // The shutdown checkpoint reaches every standby that is connected before the postmaster ends.
    if (!in_recovery_) disk_.position.lsn += kCheckpointBytes;
    disk_.control_timeline = wal_.branch(disk_.position.branch).timeline;
    for (const auto& [standby, sender] : senders_) {
      if (network_.both_ways(node_, standby)) all_[static_cast<std::size_t>(standby)]->receive(disk_.position, node_, sender.connection);
    }
    disk_.clean_shutdown = true;
    die(false);
  });
}

void SimInstance::die(bool backends_survive) {
  ++generation_;
  process_ = Process::kNone;
  promoting_ = false;
  surviving_backends_ = backends_survive;
  streaming_from_ = -1;
  if (!backends_survive) drop_connections();
  if (auto stopped = std::exchange(stopped_, nullptr)) stopped();
  say("postmaster exited");
}

void SimInstance::sigquit() {
  if (process_ == Process::kNone && !surviving_backends_) return;
  after(Milliseconds(1), Milliseconds(world_.random().chance(0.9) ? 40 : 400), [this] { die(false); });
}

// Backends outlive a killed postmaster and go on acknowledging commits for seconds.
void SimInstance::sigkill_postmaster() {
  if (process_ == Process::kNone) return;
  const bool writing = process_ == Process::kRunning && !in_recovery_;
  die(writing);
  if (!writing) return;
  after(Milliseconds(500), Milliseconds(4000), [this] {
    surviving_backends_ = false;
    drop_connections();
  });
}

// WAL senders and waiting clients go with the last backend.
void SimInstance::drop_connections() {
  waiters_.clear();
  senders_.clear();
  for (auto& other : all_) {
    if (other && other->streaming_from_ == node_) {
      other->streaming_from_ = -1;
      other->say("wal receiver lost its upstream");
      other->try_to_stream();
    }
  }
}

void SimInstance::sigkill_all() {
  if (!has_backends()) return;
  die(false);
}

void SimInstance::power_cut() {
  frozen_ = false;
  if (has_backends()) die(false);
  ++generation_;
}

void SimInstance::freeze(bool frozen) {
  frozen_ = frozen;
  if (frozen) return;
  if (process_ == Process::kRunning && in_recovery_ && streaming_from_ < 0) try_to_stream();
}

void SimInstance::promote() {
  if (process_ != Process::kRunning || !in_recovery_ || promoting_) return;
  promoting_ = true;
  // What is left to be replayed comes first, and nothing takes the signal back.
  const bool has_backlog = replays_slowly_ && world_.random().chance(0.5);
  after(Milliseconds(has_backlog ? 10'000 : 20), Milliseconds(has_backlog ? 60'000 : 140), [this] {
    promoting_ = false;
    in_recovery_ = false;
    streaming_from_ = -1;
    disk_.position = {wal_.promote(disk_.position, node_), disk_.position.lsn + kCheckpointBytes};
    disk_.is_standby = false;
    say("left recovery");
  });
}

void SimInstance::reload() {
  running_sync_names_ = disk_.sync_names;
  release_waiters();
  if (in_recovery_ && process_ == Process::kRunning) {
    streaming_from_ = -1;
    try_to_stream();
  }
}

// ---- replication ---------------------------------------------------------------------------------------------------

// Connects to the upstream if that is possible, else tries again (wal_retrieve_retry_interval).
void SimInstance::try_to_stream() {
  if (process_ != Process::kRunning || !in_recovery_ || streaming_from_ >= 0 || disk_.upstream.empty()) return;
  const NodeId from = names_.node_of(disk_.upstream);
  auto again = [this] { after(Milliseconds(100), Milliseconds(120), [this] { try_to_stream(); }); };
  if (from < 0 || from == node_) return again();
  SimInstance& upstream = *all_[static_cast<std::size_t>(from)];
  if (!network_.both_ways(node_, from) || upstream.process_ != Process::kRunning || upstream.frozen_ || frozen_) return again();
  // The upstream must have everything this standby has.
  if (!wal_.includes(upstream.disk_.position, disk_.position)) return again();
  streaming_from_ = from;
  connection_ = ++world_.random_connections;
  upstream.senders_[node_] = {.connection = connection_, .flush = disk_.position.lsn};
  upstream.say("wal sender came");
  say("streaming");
  const auto connection = connection_;
  const Position position = upstream.disk_.position;
  world_.at(world_.now() + network_.delay(from, node_), kNobody, [this, position, from, connection] { receive(position, from, connection); });
}

void SimInstance::receive(Position position, NodeId from, std::uint64_t connection) {
  if (streaming_from_ != from || connection != connection_ || !in_recovery_ || process_ == Process::kNone || frozen_) return;
  if (!network_.both_ways(node_, from)) {
    // A cut connection is noticed after a while by the receiver's timeout.
    streaming_from_ = -1;
    all_[static_cast<std::size_t>(from)]->senders_.erase(node_);
    all_[static_cast<std::size_t>(from)]->say("wal sender left");
    return try_to_stream();
  }
  if (!wal_.includes(position, disk_.position)) return;
  disk_.position = position;
  SimInstance& upstream = *all_[static_cast<std::size_t>(from)];
  const auto lsn = position.lsn;
  world_.at(world_.now() + network_.delay(node_, from), kNobody, [&upstream, standby = node_, lsn, connection] { upstream.confirmed(standby, lsn, connection); });
  for (const auto& [standby, sender] : senders_) {  // cascading
    (void)sender;
    send_wal();
    (void)standby;
    break;
  }
}

void SimInstance::send_wal() {
  for (const auto& [standby, sender] : senders_) {
    const auto there = network_.carries(node_, standby);
    SimInstance& target = *all_[static_cast<std::size_t>(standby)];
    const Position position = disk_.position;
    const auto connection = sender.connection;
    // TCP: a lost packet comes later; a cut is noticed when something should have arrived.
    const auto delay = there ? *there : Instant::duration(Milliseconds(300));
    world_.at(world_.now() + delay, kNobody, [&target, position, from = node_, connection] { target.receive(position, from, connection); });
  }
}

void SimInstance::confirmed(NodeId standby, std::uint64_t lsn, std::uint64_t connection) {
  const auto sender = senders_.find(standby);
  if (sender == senders_.end() || sender->second.connection != connection || frozen_) return;
  sender->second.flush = std::max(sender->second.flush, lsn);
  release_waiters();
}

std::vector<model::WalSender> SimInstance::wal_senders() const {
  const auto names = model::parse_sync_names(running_sync_names_);
  std::vector<model::WalSender> rows;
  int pid = 1000;
  int rank = 0;
  for (const auto& [standby, sender] : senders_) {
    model::WalSender row{.pid = ++pid, .application_name = model::MemberName(names_.name_of(standby))};
    row.write = row.flush = row.replay = model::Lsn{sender.flush};
    if (names.members.contains(row.application_name) || names.star) {
      ++rank;
      row.sync_state = names.kind == model::SyncNames::Kind::kQuorum ? model::SyncState::kQuorum
                       : rank <= names.num                           ? model::SyncState::kSync
                                                                     : model::SyncState::kPotential;
    }
    rows.push_back(row);
  }
  return rows;
}

// ---- clients -------------------------------------------------------------------------------------------------------

void SimInstance::client_commit() {
  const bool by_survivor = process_ == Process::kNone && surviving_backends_;
  if (frozen_ || (!may_write() && !by_survivor)) return;
  disk_.position.lsn += kCommitBytes;
  waiters_.push_back({.lsn = disk_.position.lsn, .branch = disk_.position.branch, .postmaster = postmaster_});
  send_wal();
  const auto generation = generation_;
  world_.at(world_.now() + std::chrono::microseconds(world_.random().between(100, 2000)), kNobody, [this, generation] {
    if (generation == generation_) release_waiters();
  });
}

bool SimInstance::is_confirmed(std::uint64_t lsn, bool& waited) const {
  const auto names = model::parse_sync_names(running_sync_names_);
  waited = names.kind != model::SyncNames::Kind::kOff;
  if (!waited) return true;
  int confirmations = 0;
  for (const auto& [standby, sender] : senders_) {
    if (sender.flush >= lsn && names.members.contains(model::MemberName(names_.name_of(standby)))) ++confirmations;
  }
  return confirmations >= names.num;
}

void SimInstance::release_waiters() {
  if (frozen_ || (process_ == Process::kNone && !surviving_backends_)) return;
  std::vector<Pending> waiting;
  for (const auto& pending : std::exchange(waiters_, {})) {
    bool waited = false;
    if (is_confirmed(pending.lsn, waited)) {
      wal_.acknowledge({pending.branch, pending.lsn}, node_, waited);
    } else {
      waiting.push_back(pending);
    }
  }
  waiters_ = std::move(waiting);
}

}  // namespace matriarch::simulation
