// The embedded store behind a model of Raft: one committed log with elections, lost and late answers.
//
// The machine and the lease clock are the product's own. What is modelled: at most one replica leads a term, it commits only
// while it reaches a majority, an entry that was proposed but not committed when leadership changed is either kept by the
// next leader or lost (the answer is lost in both cases), a new leader judges leases by its own clock after its barrier.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "consensus/machine/lease_clock.hpp"
#include "consensus/machine/machine.hpp"
#include "model/cluster.hpp"
#include "simulation/network.hpp"
#include "simulation/world.hpp"

namespace matriarch::simulation {

// Deliberate bugs of the store, for the hunt that shows that the checks find them.
struct StoreBugs {
  bool unconditional_expire = false;     // an expiry is applied whatever keep-alive stands before it
  bool fresh_leader_expires = false;     // a new leader counts from what the old one knew, without waiting
};

class RaftModel {
 public:
  static constexpr std::chrono::microseconds kUsualCommit{4000};

  // The first `voters` of the replicas vote; the others only pass on what they are asked.
  RaftModel(World& world, Network& network, int replicas, int voters, StoreBugs bugs);

  // At replica `at`: carries a command to the leader and answers when it is committed and applied. No answer: lost, or
  // there is no leader; the command may have been applied all the same.
  void propose(NodeId at, consensus::machine::Command command, std::function<void(consensus::machine::Applied)> answer);
  // A linearizable read: the machine, at a moment between question and answer at which the leader had a majority.
  void read(NodeId at, std::function<void()> answer);

  const consensus::machine::Machine& machine() const { return machine_; }
  // What the machine holds, as the product reads it; made once for each revision.
  std::shared_ptr<const model::Cluster> cluster();
  // Whether replica `at` hears from a leader that has a majority.
  bool is_in_touch(NodeId at) const;
  // Called after every command that changed a key.
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

  void set_up(NodeId replica, bool up);
  bool is_up(NodeId replica) const { return replicas_[static_cast<std::size_t>(replica)].up; }
  std::optional<NodeId> leader() const { return leader_; }
  // How long a commit takes at the most: a busy disk.
  void set_commit_time(std::chrono::microseconds longest) { longest_commit_ = longest; }
  // Leadership leaves the present leader, as by a hiccup of its disk.
  void depose();
  std::uint64_t elections() const { return term_; }

 private:
  struct Replica {
    bool up = true;
    consensus::machine::LeaseClock clock;
  };
  struct Proposal {
    consensus::machine::Command command;
    std::function<void(consensus::machine::Applied)> answer;
    std::uint64_t term;
    Instant arrived;
  };
  bool has_majority(NodeId replica) const;
  void watch_leadership();
  void elect();
  void commit(Proposal proposal);
  // `received`: when the entry first was in a replica's log. All count from there, the earliest that any of them may.
  consensus::machine::Applied apply(const consensus::machine::Command& command, Instant received);
  void judge_leases();
  std::chrono::nanoseconds time() const { return world_.now().time_since_epoch(); }

  World& world_;
  Network& network_;
  StoreBugs bugs_;
  consensus::machine::Machine machine_;
  std::vector<Replica> replicas_;
  int voters_;
  std::chrono::microseconds longest_commit_ = kUsualCommit;
  std::shared_ptr<const model::Cluster> cluster_;
  std::optional<NodeId> leader_;
  std::uint64_t term_ = 0;
  std::optional<Instant> leaderless_since_;
  Instant no_majority_since_{};
  std::function<void()> changed_;
};

}  // namespace matriarch::simulation
