#include "simulation/simulation.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <set>

#include "store/layout/read.hpp"

namespace matriarch::simulation {
namespace {

constexpr Milliseconds kHealWithin{110'000};  // after the last fault: one leader, everybody streaming (L13, with clones)
constexpr Milliseconds kStaysHealed{5'000};
constexpr Milliseconds kLook{500};
constexpr int kMostLooksAtOnce = 200;
constexpr Milliseconds kSettle{40'000};      // for the first bootstrap, before faults begin

int count_of_nodes(World& world) { return world.random().chance(0.6) ? 3 : static_cast<int>(world.random().between(4, 5)); }

class Run {
 public:
  explicit Run(const Options& options);
  Report go();

 private:
  struct Fault {
    const char* name;
    void (Run::*strike)();
  };
  static const std::vector<Fault>& all_faults();

  void schedule_clients();
  void schedule_fault();
  void violation(std::string what);
  void say(NodeId node, std::string text);
  void watch_for_spinning(NodeId node, const model::Observation& seen, const model::Decision& decision);
  void check_store();
  void check_sync_acknowledgements();
  void check_promotions();
  void check_timeline(const Branch& branch);
  void check_hang(SimNode& node, Instant since);
  bool is_healed(std::string& why) const;
  std::string what_they_do() const;
  void heal_everything();
  void begin_faults_when_healed(Instant deadline);
  void end_when_healed(int looks);
  SimNode& some_node() { return *nodes_[world_.random().between(0, nodes_.size() - 1)]; }
  SimNode* leader_node() const;
  SimNode& target() {
    SimNode* leader = leader_node();
    return leader && world_.random().chance(0.6) ? *leader : some_node();
  }
  void in(Milliseconds low, Milliseconds high, std::function<void()> action) {
    world_.at(world_.now() + world_.random().between(low, high), kNobody, std::move(action));
  }

  void strike_power_cut();
  void strike_kill_agent();
  void strike_kill_guardian();
  void strike_kill_guardian_and_agent();
  void strike_kill_store();
  void strike_kill_postmaster();
  void strike_freeze();
  void strike_hang_agent();
  void strike_isolate();
  void strike_one_way();
  void strike_store_hiccup();
  void strike_slow_store();
  void strike_slow_network();
  void strike_switchover();
  void strike_restart();
  void strike_service_stop();
  void strike_late_answers();
  void strike_change_ttl();

  Options options_;
  World world_;
  Network network_;
  int count_;
  RaftModel raft_;
  Wal wal_;
  Report report_;
  Stage stage_;  // before the nodes, which use it to their end
  Instances instances_;
  Nodes nodes_;
  bool synchronous_ = false, check_timeline_ = false;
  bool replays_slowly_ = false;  // promotions may take up to a minute
  std::vector<Fault> chosen_;
  bool faults_over_ = false, healed_for_good_ = false;
  std::string leader_in_store_;
  int branches_seen_ = 0;
  std::map<NodeId, std::pair<Instant, int>> looks_;  // the last moment of one, and how many there were in it
  Milliseconds longest_ttl_{2'000};  // that was ever asked for
  Instant last_commit_{};
  std::size_t commits_seen_ = 0;
};

Run::Run(const Options& options)
    : options_(options),
      world_(options.seed),
      network_(world_),
      count_(count_of_nodes(world_)),
      raft_(world_, network_, count_, count_ < 5 ? 3 : 5, options.bugs.store),
      wal_(world_),
      stage_{.world = world_, .network = network_, .raft = raft_, .wal = wal_, .instances = instances_, .nodes = nodes_, .bugs = options_.bugs} {
  report_.seed = options.seed;
  synchronous_ = world_.random().chance(0.6);
  replays_slowly_ = world_.random().chance(0.1);
  stage_.dynamic = {{"ttl", world_.random().chance(0.5) ? 2 : 1}, {"loop_wait", 1}, {"retry_timeout", 0.5}, {"postgresql", {{"use_pg_rewind", true}}}};
  if (synchronous_) stage_.dynamic["synchronous_mode"] = true;
  check_timeline_ = world_.random().chance(0.5);
  stage_.dynamic["check_timeline"] = check_timeline_;
  stage_.violation = [this](NodeId node, std::string what) { violation(fmt::format("n{}: {}", node + 1, what)); };
  stage_.trace = [this](NodeId node, std::string text) { say(node, std::move(text)); };
  stage_.decided = [this](NodeId node, const model::Observation& seen, const model::Decision& decision) {
    watch_for_spinning(node, seen, decision);
    for (const auto& rule : decision.path) ++report_.rules[rule];
    for (const auto& duty : decision.duties) ++report_.rules[duty];
  };
  wal_.on_violation([this](std::string what) { violation(std::move(what)); });
  raft_.on_change([this] {
    check_store();
    for (auto& node : nodes_) node->view_changed();
  });
  for (NodeId id = 0; id < count_; ++id) {
    InstanceNames names{.node_of =
                            [this](const std::string& member) {
                              for (std::size_t i = 0; i < nodes_.size(); ++i) {
                                if (nodes_[i]->name() == member) return static_cast<NodeId>(i);
                              }
                              return NodeId{-1};
                            },
                        .name_of = [this](NodeId node) { return nodes_[static_cast<std::size_t>(node)]->name(); }};
    instances_.push_back(std::make_unique<SimInstance>(world_, network_, wal_, instances_, names, id));
    if (replays_slowly_) instances_.back()->replay_slowly();
    nodes_.push_back(std::make_unique<SimNode>(stage_, id));
  }
  // Swarm testing: each seed has a subset of the faults, so that rare ones meet often enough (Groce et al., ISSTA 2012).
  for (const auto& fault : all_faults()) {
    if (world_.random().chance(0.5)) chosen_.push_back(fault);
  }
  if (chosen_.empty()) chosen_ = all_faults();
}

const std::vector<Run::Fault>& Run::all_faults() {
  static const std::vector<Fault> faults{
      {"power cut", &Run::strike_power_cut},
      {"agent killed", &Run::strike_kill_agent},
      {"guardian killed", &Run::strike_kill_guardian},
      {"guardian and agent killed", &Run::strike_kill_guardian_and_agent},
      {"store process killed", &Run::strike_kill_store},
      {"postmaster killed", &Run::strike_kill_postmaster},
      {"node suspended", &Run::strike_freeze},
      {"agent hangs", &Run::strike_hang_agent},
      {"node isolated", &Run::strike_isolate},
      {"one-way cut", &Run::strike_one_way},
      {"store hiccup", &Run::strike_store_hiccup},
      {"slow store", &Run::strike_slow_store},
      {"slow, lossy network", &Run::strike_slow_network},
      {"switchover", &Run::strike_switchover},
      {"restart", &Run::strike_restart},
      {"service stopped", &Run::strike_service_stop},
      {"late answers, then isolated", &Run::strike_late_answers},
      {"ttl changed", &Run::strike_change_ttl},
  };
  return faults;
}

// ---- telling -------------------------------------------------------------------------------------------------------

void Run::violation(std::string what) {
  if (options_.trace) std::printf("%12.3f  VIOLATION  %s\n", std::chrono::duration<double>(world_.now().time_since_epoch()).count(), what.c_str());
  if (report_.violations.size() < 20) report_.violations.push_back(std::move(what));
}

void Run::say(NodeId node, std::string text) {
  // FNV-1a over time, node and text.
  auto mix = [this](const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) report_.fingerprint = (report_.fingerprint ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3ull;
  };
  const auto now = world_.now().time_since_epoch().count();
  mix(&now, sizeof now);
  mix(&node, sizeof node);
  mix(text.data(), text.size());
  if (options_.trace) std::printf("%12.3f  %-5s %s\n", std::chrono::duration<double>(world_.now().time_since_epoch()).count(), node < 0 ? "world" : fmt::format("n{}", node + 1).c_str(), text.c_str());
}

// An agent that looks again and again while no time passes would burn a core for ever.
void Run::watch_for_spinning(NodeId node, const model::Observation& seen, const model::Decision& decision) {
  auto& [since, looks] = looks_[node];
  if (since != world_.now()) looks = 0;
  since = world_.now();
  if (++looks <= kMostLooksAtOnce) return;
  if (looks > kMostLooksAtOnce + 3) return;
  violation(fmt::format("n{} spins: look {} at one moment, rule {}, after '{}'", node + 1, looks, decision.rule, seen.last_event));
}

// ---- what must hold ------------------------------------------------------------------------------------------------

// S1: the leader key changes only through absent, but for the first leader of the cluster.
void Run::check_store() {
  const auto kv = raft_.machine().find("leader");
  const std::string now = kv ? kv->value : std::string();
  if (now == leader_in_store_) return;
  if (!now.empty() && !leader_in_store_.empty()) violation(fmt::format("S1 the leader key went from {} to {} without being absent", leader_in_store_, now));
  // S2: the key goes only when its holder does not count on it any more.
  for (const auto& node : nodes_) {
    if (node->name() != leader_in_store_) continue;
    if (const auto until = node->counts_on_lease_until()) {
      violation(fmt::format("S2 the store took the leader key from {}, which counts on it for {} ms more", leader_in_store_,
                            std::chrono::duration_cast<Milliseconds>(*until - world_.now()).count()));
    }
  }
  if (!now.empty()) ++report_.failovers;
  say(-1, fmt::format("leader key: '{}' -> '{}'", leader_in_store_, now));
  leader_in_store_ = now;
}

// S5: whoever may be promoted by /sync has every commit that its leader acknowledged.
void Run::check_sync_acknowledgements() {
  const auto& commits = wal_.commits();
  for (; commits_seen_ < commits.size(); ++commits_seen_) {
    const auto& commit = commits[commits_seen_];
    if (last_commit_ != Instant{}) {
      const auto silence = std::chrono::duration_cast<Milliseconds>(commit.acknowledged - last_commit_);
      if (silence > Milliseconds(1000)) say(commit.node, fmt::format("commits again, after {} ms", silence.count()));
      report_.longest_outage = std::max(report_.longest_outage, silence);
    }
    last_commit_ = commit.acknowledged;
    if (!synchronous_) continue;
    const auto kv = raft_.machine().find("sync");
    if (!kv) continue;
    const auto sync = store::layout::read_sync({.value = kv->value, .mod_revision = kv->mod_revision});
    for (const auto& voter : sync.voters) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i]->name() != voter.text || sync.leader.text != nodes_[static_cast<std::size_t>(commit.node)]->name()) continue;
        if (!wal_.includes(instances_[i]->disk().position, commit.position) && sync.quorum == 0) {
          violation(fmt::format("S5 {} is in /sync and lacks a commit that {} confirmed", voter.text, nodes_[static_cast<std::size_t>(commit.node)]->name()));
        }
      }
    }
  }
}

// A promise is kept across every promotion: the new primary has each commit that waited for a standby.
void Run::check_promotions() {
  for (; branches_seen_ < wal_.branches(); ++branches_seen_) {
    const auto& branch = wal_.branch(branches_seen_);
    if (branch.parent < 0) {
      if (branches_seen_ > 0) violation("a second cluster was initialised");
      continue;
    }
    const SimNode& owner = *nodes_[static_cast<std::size_t>(branch.owner)];
    if (leader_in_store_ != owner.name() && !owner.woke_lately()) violation(fmt::format("S4 {} left recovery while the leader key is '{}'", owner.name(), leader_in_store_));
    check_timeline(branch);
    say(branch.owner, fmt::format("promoted: branch {} (timeline {}) at {}", branches_seen_, branch.timeline, branch.switched_at));
    const auto lost = wal_.missing({branches_seen_, ~0ull});
    if (!lost.empty()) {
      violation(fmt::format("lost commit: n{} was promoted without {} commits that n{} had confirmed under synchronous replication", branch.owner + 1,
                            lost.size(), lost.front().node + 1));
    }
  }
}

// S11: with check_timeline nobody is promoted from a timeline that the cluster's history in the store has left behind.
void Run::check_timeline(const Branch& branch) {
  const auto kv = raft_.machine().find("history");
  if (!kv || !check_timeline_) return;
  model::Cluster recorded;
  recorded.history = store::layout::read_history({.value = kv->value, .mod_revision = kv->mod_revision});
  if (recorded.timeline().known() && branch.timeline <= recorded.timeline().value) {
    violation(fmt::format("S11 n{} began timeline {} though the store records timeline {}", branch.owner + 1, branch.timeline, recorded.timeline().value));
  }
}

bool Run::is_healed(std::string& why) const {
  const SimNode* leader = leader_node();
  if (!leader) {
    why = "no leader";
    return false;
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto& instance = *instances_[i];
    if (!instance.accepts_connections()) {
      why = nodes_[i]->name() + " does not serve";
      return false;
    }
    const bool leads = nodes_[i].get() == leader;
    if (leads == instance.in_recovery()) {
      why = nodes_[i]->name() + (leads ? " leads but is in recovery" : " is a second primary");
      return false;
    }
    if (!leads && !instance.is_streaming()) {
      why = nodes_[i]->name() + " does not stream";
      return false;
    }
  }
  if (synchronous_) {
    const auto kv = raft_.machine().find("sync");
    const auto sync = kv ? store::layout::read_sync({.value = kv->value, .mod_revision = kv->mod_revision}) : model::SyncKey{};
    if (sync.leader.text != leader->name() || sync.voters.empty()) {
      why = "/sync names no standby";
      return false;
    }
  }
  return true;
}

std::string Run::what_they_do() const {
  std::string text;
  for (const auto& node : nodes_) {
    const auto last = node->snapshot();
    text += last ? fmt::format("; {}: {} [{}]", node->name(), last->decision.says, last->decision.rule) : fmt::format("; {}: no agent", node->name());
  }
  return text;
}

SimNode* Run::leader_node() const {
  const auto kv = raft_.machine().find("leader");
  if (!kv) return nullptr;
  for (const auto& node : nodes_) {
    if (node->name() == kv->value) return node.get();
  }
  return nullptr;
}

// ---- clients and faults --------------------------------------------------------------------------------------------

// Clients try every node: whoever lets them write gets a commit.
void Run::schedule_clients() {
  in(Milliseconds(20), Milliseconds(240), [this] {
    for (auto& instance : instances_) instance->client_commit();
    schedule_clients();
  });
}

void Run::schedule_fault() {
  if (faults_over_) return;
  const auto& fault = chosen_[world_.random().between(0, chosen_.size() - 1)];
  ++report_.faults[fault.name];
  (this->*fault.strike)();
  // Now and then the next one comes while the cluster is still busy with this one.
  if (world_.random().chance(0.35)) {
    in(Milliseconds(1), Milliseconds(1500), [this] { schedule_fault(); });
  } else {
    in(Milliseconds(2'000), Milliseconds(25'000), [this] { schedule_fault(); });
  }
}

void Run::strike_power_cut() {
  SimNode& node = target();
  say(-1, node.name() + ": power cut");
  node.power_cut();
  in(Milliseconds(100), Milliseconds(15'000), [&node] { node.start_service(); });
}
void Run::strike_kill_agent() {
  SimNode& node = target();
  say(-1, node.name() + ": agent killed");
  node.kill_agent();
}
void Run::strike_kill_guardian() {
  SimNode& node = target();
  say(-1, node.name() + ": guardian killed");
  node.kill_guardian(false);
}
void Run::strike_kill_guardian_and_agent() {
  SimNode& node = target();
  say(-1, node.name() + ": guardian and agent killed");
  node.kill_guardian(true);
}
void Run::strike_kill_store() {
  SimNode& node = target();
  say(-1, node.name() + ": store process killed");
  node.kill_store();
}
void Run::strike_kill_postmaster() {
  SimNode& node = target();
  say(-1, node.name() + ": postmaster killed");
  node.kill_postmaster();
}
void Run::strike_freeze() {
  SimNode& node = target();
  say(-1, node.name() + ": suspended");
  node.freeze();
  in(Milliseconds(50), Milliseconds(10'000), [this, &node] {
    say(-1, node.name() + ": woken");
    node.thaw();
  });
}
void Run::strike_hang_agent() {
  SimNode& node = target();
  say(-1, node.name() + ": the agent's main thread hangs");
  node.hang_agent(true);
  if (const auto since = node.hangs_since()) {
    // The longest permit, the longest lease, and the store's judgement of it after an election.
    world_.at(*since + 3 * longest_ttl_ + longest_ttl_ + Milliseconds(2'000), kNobody, [this, &node, since = *since] { check_hang(node, since); });
  }
  in(Milliseconds(100), 5 * longest_ttl_ + Milliseconds(5'000), [&node] { node.hang_agent(false); });
}
// S25: an agent that hangs cannot keep leadership for ever.
void Run::check_hang(SimNode& node, Instant since) {
  if (node.hangs_since() == since && leader_in_store_ == node.name() && node.counts_on_lease_until()) {
    violation(fmt::format("S25 {} hangs for {} s and still leads", node.name(), std::chrono::duration_cast<std::chrono::seconds>(world_.now() - since).count()));
  }
}
// The last renewals before the cut were granted earlier than their answers came.
void Run::strike_late_answers() {
  SimNode& node = target();
  const NodeId id = node.id();
  const Milliseconds lateness = world_.random().between(Milliseconds(50), Milliseconds(450));
  say(-1, fmt::format("{}: answers come {} ms late", node.name(), lateness.count()));
  network_.set_lateness(id, lateness);
  in(Milliseconds(500), Milliseconds(3'000), [this, &node, id] {
    network_.set_lateness(id, Milliseconds(0));
    if (faults_over_) return;
    say(-1, node.name() + ": isolated");
    network_.isolate(id, count_);
    in(Milliseconds(3'000), Milliseconds(10'000), [this] { network_.heal(); });
  });
}
void Run::strike_isolate() {
  SimNode& node = target();
  say(-1, node.name() + ": isolated");
  network_.isolate(node.id(), count_);
  in(Milliseconds(100), Milliseconds(20'000), [this] { network_.heal(); });
}
void Run::strike_one_way() {
  const auto last = static_cast<std::uint64_t>(nodes_.size() - 1);
  const auto from = static_cast<NodeId>(world_.random().between(0, last));
  const auto to = static_cast<NodeId>(world_.random().between(0, last));
  say(-1, fmt::format("nothing passes from n{} to n{}", from + 1, to + 1));
  network_.cut(from, to);
  in(Milliseconds(100), Milliseconds(20'000), [this] { network_.heal(); });
}
void Run::strike_store_hiccup() {
  say(-1, "the store loses its leader");
  raft_.depose();
}
// Commits take long, and the leader is away for about as long as a lease lasts: an expiry and a renewal meet in the log.
void Run::strike_slow_store() {
  SimNode* leader = leader_node();
  raft_.set_commit_time(std::chrono::milliseconds(world_.random().between(20, 300)));
  say(-1, "the store's disk is slow");
  in(Milliseconds(1'000), Milliseconds(12'000), [this] { raft_.set_commit_time(RaftModel::kUsualCommit); });
  if (!leader || !world_.random().chance(0.5)) return;
  say(-1, leader->name() + ": isolated for about a ttl");
  network_.isolate(leader->id(), count_);
  in(Milliseconds(800), Milliseconds(2'200), [this] { network_.heal(); });
}
void Run::strike_slow_network() {
  say(-1, "the network is slow and loses messages");
  network_.set_loss(0.05);
  network_.set_slowness(world_.random().between(Milliseconds(1), Milliseconds(60)));
  in(Milliseconds(500), Milliseconds(10'000), [this] {
    network_.set_loss(0);
    network_.set_slowness(Milliseconds(0));
  });
}
void Run::strike_switchover() {
  SimNode* leader = leader_node();
  if (!leader) return;
  SimNode& asked = some_node();
  say(-1, fmt::format("switchover from {} asked of {}", leader->name(), asked.name()));
  boost::json::object body{{"leader", leader->name()}};
  if (world_.random().chance(0.5)) body["member"] = some_node().name();
  if (asked.answers_peers()) asked.ask({.kind = ports::Request::Kind::kWriteFailover, .body = body});
}
// Often the leader is cut off just when it has moved its key to a session of the new ttl.
void Run::strike_change_ttl() {
  SimNode& asked = some_node();
  if (!asked.answers_peers()) return;
  const int ttl = static_cast<int>(world_.random().between(1, 6));
  longest_ttl_ = std::max<Milliseconds>(longest_ttl_, std::chrono::seconds(ttl));
  say(-1, fmt::format("ttl {} s asked of {}", ttl, asked.name()));
  asked.ask({.kind = ports::Request::Kind::kPatchConfig, .body = {{"ttl", ttl}}});
  if (world_.random().chance(0.5)) in(Milliseconds(50), Milliseconds(1500), [this] {
    if (!faults_over_) strike_isolate();
  });
}
void Run::strike_restart() {
  SimNode& node = target();
  if (!node.answers_peers()) return;
  say(-1, node.name() + ": restart asked");
  node.ask({.kind = ports::Request::Kind::kRestart});
}
void Run::strike_service_stop() {
  SimNode& node = target();
  say(-1, node.name() + ": service stopped");
  node.stop_service();
  in(Milliseconds(500), Milliseconds(15'000), [&node] { node.start_service(); });
}

void Run::heal_everything() {
  network_.heal();
  network_.set_loss(0);
  network_.set_slowness(Milliseconds(0));
  raft_.set_commit_time(RaftModel::kUsualCommit);
  for (NodeId id = 0; id < static_cast<NodeId>(nodes_.size()); ++id) network_.set_lateness(id, Milliseconds(0));
  for (auto& node : nodes_) {
    node->thaw();
    node->hang_agent(false);
    node->start_service();
  }
}

void Run::begin_faults_when_healed(Instant deadline) {
  std::string why;
  if (is_healed(why)) return schedule_fault();
  if (world_.now() >= deadline) return violation("the cluster did not come up: " + why + what_they_do());
  world_.at(world_.now() + kLook, kNobody, [this, deadline] { begin_faults_when_healed(deadline); });
}

void Run::end_when_healed(int looks) {
  std::string why;
  if (is_healed(why)) ++looks;
  else looks = 0;
  healed_for_good_ = looks * kLook >= kStaysHealed;
  if (!healed_for_good_) world_.at(world_.now() + kLook, kNobody, [this, looks] { end_when_healed(looks); });
}

Report Run::go() {
  for (auto& node : nodes_) node->start_service();
  schedule_clients();
  const Instant begin = world_.now();
  const Instant faults_end = begin + std::chrono::minutes(options_.virtual_minutes);
  begin_faults_when_healed(begin + kSettle);
  world_.at(faults_end, kNobody, [this] {
    faults_over_ = true;
    say(-1, "no more faults");
    heal_everything();
    end_when_healed(0);
  });
  const Instant end = faults_end + kHealWithin;
  while (!healed_for_good_ && world_.step(end)) {
    check_sync_acknowledgements();
    check_promotions();
    if (!report_.violations.empty() && !options_.trace) break;
    if (world_.steps() > 5'000'000) {
      violation("the run does not end: too many steps");
      break;
    }
  }
  if (report_.violations.empty()) {
    std::string why;
    if (!is_healed(why)) violation("not healed in time: " + why + what_they_do());
    if (SimNode* leader = leader_node()) {
      for (const auto& commit : wal_.missing(leader->instance().disk().position)) {
        violation(fmt::format("lost commit: position {} of n{} is not in the final leader's history", commit.position.lsn, commit.node + 1));
        break;
      }
    }
    if (wal_.commits().size() < (replays_slowly_ ? 100 : 1000)) violation(fmt::format("only {} commits were acknowledged: the run shows nothing", wal_.commits().size()));
  }
  report_.steps = world_.steps();
  report_.commits = wal_.commits().size();
  report_.late_commits = wal_.late_commits();
  report_.elections = raft_.elections();
  report_.virtual_time = std::chrono::duration_cast<Milliseconds>(world_.now() - begin);
  return report_;
}

}  // namespace

Report run(const Options& options) {
  Run simulated(options);
  return simulated.go();
}

}  // namespace matriarch::simulation
