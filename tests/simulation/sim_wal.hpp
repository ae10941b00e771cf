// WAL as positions on branches: who has what, which commits were promised to clients, and whether two nodes wrote at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/lsn.hpp"
#include "model/names.hpp"
#include "simulation/network.hpp"
#include "simulation/world.hpp"

namespace matriarch::simulation {

// A promotion begins a branch. Two nodes that promote from the same branch begin two, though both call it the same timeline.
struct Branch {
  std::uint32_t timeline = 1;
  int parent = -1;
  std::uint64_t switched_at = 0;  // the position at which it left its parent
  NodeId owner = 0;
};

struct Position {
  int branch = -1;
  std::uint64_t lsn = 0;
  bool operator==(const Position&) const = default;
};

struct Commit {
  Position position;
  NodeId node = 0;
  Instant acknowledged{};
  bool waited = false;  // confirmed by a synchronous standby before it was acknowledged
};

class Wal {
 public:
  explicit Wal(World& world) : world_(world) {}

  int begin_cluster(NodeId owner, std::uint64_t lsn);
  int promote(Position from, NodeId owner);
  const Branch& branch(int id) const { return branches_[static_cast<std::size_t>(id)]; }
  int branches() const { return static_cast<int>(branches_.size()); }
  // Whether the history that ends at `at` includes `what`.
  bool includes(Position at, Position what) const;

  // A client was told "committed". Reports two writers at once.
  void acknowledge(Position position, NodeId node, bool waited);
  // A node that has just woken from a suspension may finish what was on the wire (docs/invariants.md S3): such commits are
  // counted, not reported, until then.
  void excuse(NodeId node, Instant until) { excused_[node] = until; }
  const std::vector<Commit>& commits() const { return commits_; }
  std::size_t late_commits() const { return late_; }
  // Commits that waited for a standby and that the history ending at `at` lacks.
  std::vector<Commit> missing(Position at) const;

  void on_violation(std::function<void(std::string)> report) { report_ = std::move(report); }

 private:
  World& world_;
  std::vector<Branch> branches_;
  std::vector<Commit> commits_;
  std::map<int, Instant> first_ack_;  // branch -> its first acknowledged commit
  std::map<NodeId, Instant> excused_;
  std::size_t late_ = 0;
  std::function<void(std::string)> report_;
};

}  // namespace matriarch::simulation
