#include "simulation/raft_model.hpp"

#include <algorithm>

#include "store/layout/read.hpp"

namespace matriarch::simulation {

namespace machine = consensus::machine;

namespace {
constexpr Milliseconds kElectionTimeout{150};
constexpr Milliseconds kTick{25};
}  // namespace

RaftModel::RaftModel(World& world, Network& network, int replicas, int voters, StoreBugs bugs)
    : world_(world), network_(network), bugs_(bugs), replicas_(static_cast<std::size_t>(replicas)), voters_(voters) {
  leaderless_since_ = world_.now();
  machine_.apply({.body = consensus::machine::SetFeatureLevel{.level = consensus::machine::kFeatureLevel}});
  watch_leadership();
}

bool RaftModel::has_majority(NodeId replica) const {
  if (!is_up(replica)) return false;
  int reached = 0;
  for (NodeId other = 0; other < voters_; ++other) {
    if (is_up(other) && (other == replica || network_.both_ways(replica, other))) ++reached;
  }
  return reached * 2 > voters_;
}

bool RaftModel::is_in_touch(NodeId at) const {
  return leader_ && is_up(at) && has_majority(*leader_) && (at == *leader_ || network_.both_ways(at, *leader_));
}

// ---- leadership ----------------------------------------------------------------------------------------------------

void RaftModel::watch_leadership() {
  if (leader_ && !is_up(*leader_)) {
    leader_.reset();
    leaderless_since_ = world_.now();
  }
  if (leader_ && !has_majority(*leader_)) {
    if (no_majority_since_ == Instant{}) no_majority_since_ = world_.now();
    if (world_.now() - no_majority_since_ > kElectionTimeout) depose();
  } else {
    no_majority_since_ = Instant{};
  }
  if (!leader_ && world_.now() - *leaderless_since_ >= kElectionTimeout) elect();
  judge_leases();
  world_.at(world_.now() + kTick, kNobody, [this] { watch_leadership(); });
}

void RaftModel::depose() {
  if (!leader_) return;
  replicas_[static_cast<std::size_t>(*leader_)].clock.follow();
  leader_.reset();
  leaderless_since_ = world_.now();
  no_majority_since_ = Instant{};
}

void RaftModel::elect() {
  std::vector<NodeId> candidates;
  for (NodeId replica = 0; replica < voters_; ++replica) {
    if (has_majority(replica)) candidates.push_back(replica);
  }
  if (candidates.empty() || !world_.random().chance(0.25)) return;  // split votes: some ticks pass
  leader_ = candidates[world_.random().between(0, candidates.size() - 1)];
  leaderless_since_.reset();
  ++term_;
  auto& clock = replicas_[static_cast<std::size_t>(*leader_)].clock;
  clock.lead(term_);
  if (bugs_.fresh_leader_expires) {
    // Judges before it has applied its own barrier, and takes every lease for silent since for ever.
    std::vector<machine::ExpireLease> all;
    for (const auto& [id, lease] : machine_.leases()) all.push_back({.id = id, .kept_alive_at = lease.kept_alive_at});
    for (const auto& expire : all) apply({.body = expire}, world_.now());
  }
  // The barrier: an entry of its own term, committed like any other.
  const auto term = term_;
  world_.at(world_.now() + std::chrono::microseconds(world_.random().between(300, 3000)), kNobody, [this, term] {
    if (leader_ && term == term_ && has_majority(*leader_)) replicas_[static_cast<std::size_t>(*leader_)].clock.barrier_applied(term);
  });
}

void RaftModel::set_up(NodeId replica, bool up) {
  auto& r = replicas_[static_cast<std::size_t>(replica)];
  if (r.up == up) return;
  r.up = up;
  r.clock = {};
  if (up) r.clock.observe_all(machine_, time());
  if (!up && leader_ == replica) depose();
}

// ---- the log -------------------------------------------------------------------------------------------------------

void RaftModel::propose(NodeId at, machine::Command command, std::function<void(machine::Applied)> answer) {
  if (!is_up(at) || !leader_) return;
  const auto forwarded = at == *leader_ ? std::optional<Instant::duration>(Instant::duration{}) : network_.carries(at, *leader_);
  if (!forwarded) return;
  Proposal proposal{.command = std::move(command), .answer = std::move(answer), .term = term_, .arrived = world_.now() + *forwarded};
  const auto back = at == *leader_ ? Instant::duration{} : network_.delay(*leader_, at);
  const auto replicate = std::chrono::microseconds(world_.random().between(200, static_cast<std::uint64_t>(longest_commit_.count())));
  world_.at(world_.now() + *forwarded + replicate + back, kNobody, [this, proposal = std::move(proposal)] { commit(proposal); });
}

void RaftModel::commit(Proposal proposal) {
  if (leader_ && proposal.term == term_ && has_majority(*leader_)) {
    if (const auto* alive = std::get_if<machine::KeepAlive>(&proposal.command.body)) {
      if (machine::waited_too_long(machine_, *alive, world_.now() - proposal.arrived)) return;
    }
    const auto applied = apply(proposal.command, proposal.arrived);
    proposal.answer(applied);
    return;
  }
  // Leadership was lost under way: the entry survives in the next leader's log or it does not; nobody is told.
  if (world_.random().chance(0.5)) {
    if (!leader_ || !has_majority(*leader_)) {
      world_.at(world_.now() + kElectionTimeout, kNobody, [this, proposal = std::move(proposal)]() mutable {
        if (leader_ && has_majority(*leader_)) apply(proposal.command, proposal.arrived);
      });
    } else {
      apply(proposal.command, proposal.arrived);
    }
  }
}

machine::Applied RaftModel::apply(const machine::Command& command, Instant received) {
  machine::Command effective = command;
  if (bugs_.unconditional_expire) {
    if (auto* expire = std::get_if<machine::ExpireLease>(&effective.body)) {
      if (const auto* lease = machine_.find_lease(expire->id)) expire->kept_alive_at = lease->kept_alive_at;
    }
  }
  auto applied = machine_.apply(effective);
  for (auto& replica : replicas_) {
    if (replica.up) replica.clock.observe(machine_, applied, received.time_since_epoch());
  }
  if (!applied.events.empty() && changed_) changed_();
  return applied;
}

void RaftModel::judge_leases() {
  if (!leader_ || !has_majority(*leader_)) return;
  auto& clock = replicas_[static_cast<std::size_t>(*leader_)].clock;
  for (const auto& expire : clock.due(time(), kElectionTimeout)) {
    // Proposed now, committed a little later: a keep-alive may come in between.
    propose(*leader_, {.body = expire}, [](const machine::Applied&) {});
  }
}

std::shared_ptr<const model::Cluster> RaftModel::cluster() {
  const model::Revision revision{machine_.revision()};
  if (!cluster_ || cluster_->revision != revision) {
    store::layout::Records records;
    if (const auto all = machine_.range({.keys = {.key = std::string(1, '\0'), .end = std::string(1, '\0')}})) {
      for (const auto& kv : all->kvs) records[kv->key] = {.value = kv->value, .mod_revision = kv->mod_revision, .session = kv->lease};
    }
    cluster_ = std::make_shared<const model::Cluster>(store::layout::read_cluster(records, revision, cluster_.get()));
  }
  return cluster_;
}

void RaftModel::read(NodeId at, std::function<void()> answer) {
  if (!is_up(at) || !leader_) return;
  const auto there = at == *leader_ ? std::optional<Instant::duration>(Instant::duration{}) : network_.carries(at, *leader_);
  if (!there) return;
  const auto term = term_;
  const auto confirm = std::chrono::microseconds(world_.random().between(200, 3000));
  world_.at(world_.now() + *there + confirm, kNobody, [this, term, answer = std::move(answer)] {
    if (leader_ && term == term_ && has_majority(*leader_)) answer();
  });
}

}  // namespace matriarch::simulation
