#include "consensus/membership/plan.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace matriarch::consensus::membership {
namespace {

using raft::Role;

Seen alive(std::uint64_t id, Role role) {
  return {.member = {.id = id, .address = "n" + std::to_string(id), .role = role},
          .is_leader = id == 1,
          .is_alive = true,
          .is_caught_up = true};
}
Seen dead(std::uint64_t id, Role role) {
  auto seen = alive(id, role);
  seen.is_alive = seen.is_caught_up = false;
  return seen;
}
Seen long_gone(std::uint64_t id, Role role) {
  auto seen = dead(id, role);
  seen.is_long_gone = true;
  return seen;
}

TEST(Plan, OneThreeOrFive) {
  EXPECT_EQ(voters_among(1, {}), 1u);
  EXPECT_EQ(voters_among(2, {}), 1u);
  EXPECT_EQ(voters_among(2, {.two_voters_allowed = true}), 2u);
  EXPECT_EQ(voters_among(4, {}), 3u);
  EXPECT_EQ(voters_among(9, {}), 5u);
}

TEST(Plan, ANewMemberFirstGetsTheLog) {
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kSpare)}, {}), (Assign{2, Role::kStandby}));
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), dead(2, Role::kSpare)}, {}), std::nullopt);
}

TEST(Plan, TheSecondMemberStandsByUntilThereIsAThird) {
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kStandby)}, {}), std::nullopt);
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kStandby)}, {.two_voters_allowed = true}),
            (Assign{2, Role::kVoter}));
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kStandby), alive(3, Role::kStandby)}, {}),
            (Assign{2, Role::kVoter}));
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kVoter), alive(3, Role::kStandby)}, {}),
            (Assign{3, Role::kVoter}));
}

TEST(Plan, WhoIsBehindIsNotPromoted) {
  auto behind = alive(3, Role::kStandby);
  behind.is_caught_up = false;
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kStandby), behind}, {}), std::nullopt);
}

TEST(Plan, AFourthStandsBy) {
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kVoter), alive(3, Role::kVoter), alive(4, Role::kStandby)}, {}),
            std::nullopt);
}

TEST(Plan, AStandbyTakesThePlaceOfAVoterThatStaysAway) {
  const std::vector<Seen> hurt = {alive(1, Role::kVoter), alive(2, Role::kVoter), dead(3, Role::kVoter), alive(4, Role::kStandby)};
  EXPECT_EQ(next_assignment(hurt, {}), std::nullopt);
  auto gone = hurt;
  gone[2] = long_gone(3, Role::kVoter);
  EXPECT_EQ(next_assignment(gone, {}), (Assign{3, Role::kSpare}));
  gone[2] = long_gone(3, Role::kSpare);
  EXPECT_EQ(next_assignment(gone, {}), (Assign{4, Role::kVoter}));
}

TEST(Plan, TooManyVotersShrinkByTheSilentFirstAndNeverByTheLeader) {
  const std::vector<Seen> four = {alive(1, Role::kVoter), alive(2, Role::kVoter), dead(3, Role::kVoter), alive(4, Role::kVoter)};
  EXPECT_EQ(next_assignment(four, {}), (Assign{3, Role::kStandby}));
  EXPECT_EQ(next_assignment({alive(1, Role::kVoter), alive(2, Role::kVoter)}, {}), (Assign{2, Role::kStandby}));
}

TEST(Plan, ARemovalThatWouldStopTheClusterIsRefused) {
  EXPECT_FALSE(may_remove({alive(1, Role::kVoter), alive(2, Role::kVoter), dead(3, Role::kVoter)}, 2).has_value());
  EXPECT_TRUE(may_remove({alive(1, Role::kVoter), alive(2, Role::kVoter), dead(3, Role::kVoter)}, 3).has_value());
  EXPECT_FALSE(may_remove({alive(1, Role::kVoter)}, 1).has_value());
  EXPECT_FALSE(may_remove({alive(1, Role::kVoter), alive(2, Role::kVoter)}, 9).has_value());
}

std::vector<Seen> some_members() {
  std::vector<Seen> members{alive(1, Role::kVoter)};
  const auto others = *rc::gen::inRange<std::uint64_t>(0, 7);
  for (std::uint64_t id = 2; id < 2 + others; ++id) {
    const auto role = *rc::gen::element(Role::kVoter, Role::kVoter, Role::kStandby, Role::kSpare);
    members.push_back(*rc::gen::element(alive(id, role), alive(id, role), dead(id, role), long_gone(id, role)));
  }
  return members;
}

std::size_t voters(const std::vector<Seen>& members, bool only_alive) {
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(), [&](const Seen& seen) {
    return seen.member.role == Role::kVoter && (seen.is_alive || !only_alive);
  }));
}
bool has_majority(const std::vector<Seen>& members) { return voters(members, true) > voters(members, false) / 2; }

RC_GTEST_PROP(PlanProperty, NoStepStopsAWorkingClusterAndStepsEnd, ()) {
  auto members = some_members();
  RC_PRE(has_majority(members));
  const PlanRules rules{.two_voters_allowed = *rc::gen::arbitrary<bool>()};
  for (int steps = 0;; ++steps) {
    RC_ASSERT(steps < 30);
    const auto step = next_assignment(members, rules);
    if (!step) break;
    const auto target = std::find_if(members.begin(), members.end(), [&](const Seen& seen) { return seen.member.id == step->id; });
    RC_ASSERT(target != members.end());
    RC_ASSERT(target->member.role != step->role);
    if (step->role == Role::kVoter) RC_ASSERT(target->is_alive);
    RC_ASSERT(!(target->is_leader && step->role != Role::kVoter));
    target->member.role = step->role;
    RC_ASSERT(has_majority(members));
  }
  const auto all_alive = std::all_of(members.begin(), members.end(), [](const Seen& seen) { return seen.is_alive; });
  if (all_alive) RC_ASSERT(voters(members, false) == voters_among(members.size(), rules));
}

RC_GTEST_PROP(PlanProperty, ARemovalLeavesAMajority, ()) {
  auto members = some_members();
  RC_PRE(has_majority(members));
  const auto victim = *rc::gen::inRange<std::size_t>(0, members.size());
  if (!may_remove(members, members[victim].member.id)) return;
  members.erase(members.begin() + static_cast<long>(victim));
  RC_ASSERT(has_majority(members));
}

}  // namespace
}  // namespace matriarch::consensus::membership
