#include "rules/quorum_planner.hpp"

#include <algorithm>
#include <vector>

namespace matriarch::rules {

namespace {

using NameSet = std::set<model::MemberName>;

int size_of(const NameSet& names) { return static_cast<int>(names.size()); }

int count_outside(const NameSet& names, const NameSet& of) {
  return static_cast<int>(std::count_if(names.begin(), names.end(), [&](const auto& name) { return !of.contains(name); }));
}

int past_misses(const NameSet& voters, const NameSet& caught_up) { return count_outside(voters, caught_up); }

NameSet united(NameSet a, const NameSet& b) {
  a.insert(b.begin(), b.end());
  return a;
}

QuorumStep record_if_changed(const QuorumState& now, RecordVoters wanted) {
  if (wanted.voters == now.voters && wanted.quorum == now.quorum) return {};
  return wanted;
}

// Before the names may change, the record must be good under both the old and the new ones. If that is impossible nobody
// but the leader may be promoted for the moment.
QuorumStep prepare(const QuorumState& now, const SetNames& target) {
  RecordVoters both{.voters = united(now.voters, target.names)};
  both.quorum = std::max({future_misses(both.voters, now.confirmations, now.names),
                          future_misses(both.voters, target.confirmations, target.names), past_misses(both.voters, now.caught_up)});
  if (both.quorum >= size_of(both.voters)) both = {};
  return record_if_changed(now, both);
}

}  // namespace

int future_misses(const NameSet& voters, int confirmations, const NameSet& names) {
  return size_of(voters) - std::max(0, confirmations - count_outside(names, voters));
}

QuorumStep next_quorum_step(const QuorumState& now, const NameSet& active, int wanted) {
  const SetNames target{.names = active, .confirmations = std::min(wanted, size_of(active))};
  const bool is_in_effect = now.names == target.names && now.confirmations == target.confirmations;
  if (!is_in_effect) {
    if (now.quorum >= future_misses(now.voters, target.confirmations, target.names)) return target;
    return prepare(now, target);
  }
  if (active.empty()) return record_if_changed(now, {});
  RecordVoters goal{.voters = active};
  goal.quorum = std::max(future_misses(active, now.confirmations, now.names), past_misses(active, now.caught_up));
  if (goal.quorum >= size_of(active)) return {};
  return record_if_changed(now, goal);
}

}  // namespace matriarch::rules
