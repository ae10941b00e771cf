// Situations to decide on, built by name: a_healthy_leader(), a_streaming_replica(), ... A test changes what it is about.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "model/decision.hpp"
#include "model/memory.hpp"
#include "model/observation.hpp"
#include "rules/house.hpp"

namespace matriarch::rules::testing {

using namespace std::chrono_literals;
using namespace matriarch::model;

inline constexpr const char* kSystemId = "7412345678901234567";
inline constexpr std::int64_t kMySession = 101;

// What one node sees, with the parts that the model keeps immutable open for change.
class Scene {
 public:
  Scene();
  Observation seen;     // all but settings and view
  Settings settings;
  Cluster cluster;
  Memory memory;

  // The observation with settings and view put in place.
  Observation observation() const;
  Member& member(const std::string& name) { return cluster.members.at(MemberName(name)); }
  Member& add_member(const std::string& name, const std::string& role, Lsn lsn);
  void led_by(const std::string& name);
  void answers(const std::string& name, PeerStatus status);
  void writes_under_way(WriteKind kind) { seen.store.under_way.insert(kind); }
};

// n1 is this node; n2 and n3 are the others.
Scene a_healthy_leader();
Scene a_streaming_replica();        // n1 follows n2
Scene a_leaderless_cluster();       // n1 is a standby, n2 led until a moment ago; everybody answered
Scene an_empty_node();              // no data, nothing in the store
Scene a_crashed_leader();           // n1 holds the lock, its postmaster died
Scene a_winner_before_promotion();  // n1 has the lock, armed, on a fresh view, and is still a standby

PeerStatus a_standby_at(const Scene& scene, Lsn lsn);

// Applies the decision's memory and decides again, as the agent does after an event.
Decision decided(const Scene& scene);
Decision decided(const House& house, const Scene& scene);

template <typename Action>
std::vector<Action> actions_of(const Decision& decision) {
  std::vector<Action> found;
  for (const auto& action : decision.actions) {
    if (const auto* one = std::get_if<Action>(&action)) found.push_back(*one);
  }
  return found;
}
template <typename Action>
bool has(const Decision& decision) {
  return !actions_of<Action>(decision).empty();
}
// The task that was started, if any.
std::optional<TaskRequest> task_in(const Decision& decision);

std::string described(const Decision& decision);

// The row was taken: as the deciding one, on the way to it, or as a duty.
MATCHER_P(FiredRule, name, std::string(negation ? "did not fire " : "fired ") + name) {
  *result_listener << described(arg);
  for (const auto& list : {arg.path, arg.duties}) {
    if (std::find(list.begin(), list.end(), name) != list.end()) return true;
  }
  return false;
}
MATCHER_P(Says, text, std::string("says \"") + text + '"') {
  *result_listener << described(arg);
  return arg.says == text;
}
MATCHER(KeepsLease, "grants the permit") {
  *result_listener << described(arg);
  return has<GrantPermit>(arg);
}

}  // namespace matriarch::rules::testing
