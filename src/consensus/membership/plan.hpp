// Which step the leader takes next with the members of the cluster. Pure: one step at a time, each safe by itself.
//
// An even number of voters survives no more failures than one less, so there are 1, 3 or 5 (2 only when allowed);
// members beyond that stand by: they have the log and take the place of a voter that stays away.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "consensus/raft/replica.hpp"

namespace matriarch::consensus::membership {

struct Seen {
  raft::Member member;
  bool is_leader = false;
  bool is_alive = false;      // answered lately
  bool is_long_gone = false;  // has been silent so long that a standby should take its place
  bool is_caught_up = false;  // its log is (nearly) the leader's
  std::uint64_t behind = 0;   // entries that it lacks of the leader's log
};

struct Assign {
  std::uint64_t id = 0;
  raft::Role role = raft::Role::kStandby;
  bool operator==(const Assign&) const = default;
};

struct PlanRules {
  std::size_t most_voters = 5;
  bool two_voters_allowed = false;
};

// How many of so many members should vote.
std::size_t voters_among(std::size_t members, const PlanRules& rules);

// Nothing to do, or one assignment. Never makes the living voters less than a majority.
std::optional<Assign> next_assignment(const std::vector<Seen>& members, const PlanRules& rules);

// May this member be taken out? The error says what would be lost.
tl::expected<void, std::string> may_remove(const std::vector<Seen>& members, std::uint64_t id);

}  // namespace matriarch::consensus::membership
