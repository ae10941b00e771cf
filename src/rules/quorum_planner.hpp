// One safe step of quorum commit towards the wanted state (docs/invariants.md S6).
//
// A commit waits for n of the names S; a node may be promoted if at least q others of the leader and the voters V are not
// ahead of it (q + 1 if it is not one of them itself). So, at every instant and for every confirmed commit, at most q
// members of V may lack it. Two bounds keep that:
//   future(V, n, S) = |V| - max(0, n - |S without V|)   how many voters may lack a commit that is confirmed from now on,
//   past(V)         = |V| - |V caught up|               how many may lack one that was confirmed before S last changed.
// Every step keeps q at or above both, so a plan may be interrupted anywhere.
#pragma once

#include <set>
#include <variant>

#include "model/names.hpp"

namespace matriarch::rules {

struct QuorumState {
  std::set<model::MemberName> voters;     // V, as recorded
  int quorum = 0;                         // q, as recorded
  std::set<model::MemberName> names;      // S, in effect
  int confirmations = 0;                  // n, in effect
  std::set<model::MemberName> caught_up;  // have everything confirmed before S last changed
};

struct SetNames {
  std::set<model::MemberName> names;
  int confirmations = 0;
  bool operator==(const SetNames&) const = default;
};
struct RecordVoters {
  std::set<model::MemberName> voters;
  int quorum = 0;
  bool operator==(const RecordVoters&) const = default;
};
using QuorumStep = std::variant<std::monostate, SetNames, RecordVoters>;  // nothing: there, or waiting for standbys to catch up

// The next step towards waiting for min(wanted, |active|) of `active`.
QuorumStep next_quorum_step(const QuorumState& now, const std::set<model::MemberName>& active, int wanted);

// The condition on the recorded (V, q) for commits confirmed under (n, S).
int future_misses(const std::set<model::MemberName>& voters, int confirmations, const std::set<model::MemberName>& names);

}  // namespace matriarch::rules
