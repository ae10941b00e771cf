#include "simulation/sim_wal.hpp"

#include <fmt/format.h>

namespace matriarch::simulation {

int Wal::begin_cluster(NodeId owner, std::uint64_t lsn) {
  branches_.push_back({.timeline = 1, .parent = -1, .switched_at = lsn, .owner = owner});
  return static_cast<int>(branches_.size()) - 1;
}

int Wal::promote(Position from, NodeId owner) {
  branches_.push_back({.timeline = branch(from.branch).timeline + 1, .parent = from.branch, .switched_at = from.lsn, .owner = owner});
  return static_cast<int>(branches_.size()) - 1;
}

bool Wal::includes(Position at, Position what) const {
  if (at.branch < 0 || what.branch < 0) return false;
  // Walk from `at` towards the root; on the way up only what lies before the switch belongs to the history.
  std::uint64_t end = at.lsn;
  for (int id = at.branch; id >= 0; id = branch(id).parent) {
    if (id == what.branch) return what.lsn <= end;
    end = std::min(end, branch(id).switched_at);
  }
  return false;
}

void Wal::acknowledge(Position position, NodeId node, bool waited) {
  commits_.push_back({.position = position, .node = node, .acknowledged = world_.now(), .waited = waited});
  first_ack_.try_emplace(position.branch, world_.now());
  // Branches are numbered in the order of their promotions: once a newer one serves, an older one must not.
  for (auto newer = first_ack_.upper_bound(position.branch); newer != first_ack_.end(); ++newer) {
    const auto& [other, since] = *newer;
    if (const auto excuse = excused_.find(node); excuse != excused_.end() && world_.now() <= excuse->second && !waited) {
      ++late_;
      continue;
    }
    if (report_) {
      report_(fmt::format("S3 two writers: node {} acknowledged a commit on branch {} (timeline {}) {} ms after node {} had acknowledged on branch {}",
                          node + 1, position.branch, branch(position.branch).timeline,
                          std::chrono::duration_cast<Milliseconds>(world_.now() - since).count(), branch(other).owner + 1, other));
    }
  }
}

std::vector<Commit> Wal::missing(Position at) const {
  std::vector<Commit> result;
  for (const auto& commit : commits_) {
    if (commit.waited && !includes(at, commit.position)) result.push_back(commit);
  }
  return result;
}

}  // namespace matriarch::simulation
