#include "model/cluster.hpp"

#include <gtest/gtest.h>

namespace matriarch::model {
namespace {

Cluster a_view() {
  Cluster view;
  view.leader = LeaderKey{.name = MemberName("n1"), .revision = {3}, .session = 7};
  view.members.emplace(MemberName("n1"), Member{.name = MemberName("n1"), .session = 7, .state = "running", .role = "primary", .lsn = {100}});
  view.members.emplace(MemberName("n2"), Member{.name = MemberName("n2"), .session = 8, .state = "running", .role = "replica", .lsn = {90}});
  view.status.optime = {100};
  view.revision = {10};
  return view;
}

TEST(Views, ThatDifferInPositionsAloneAreNoNews) {
  Cluster later = a_view();
  later.members.at(MemberName("n2")).lsn = {100};
  later.members.at(MemberName("n2")).revision = {11};
  later.status.optime = {120};
  later.revision = {12};
  EXPECT_TRUE(differ_only_in_positions(a_view(), later));
}

TEST(Views, WithAnotherLeaderStateOrMemberAreNews) {
  Cluster later = a_view();
  later.leader.reset();
  EXPECT_FALSE(differ_only_in_positions(a_view(), later));
  later = a_view();
  later.members.at(MemberName("n1")).state = "stopped";
  EXPECT_FALSE(differ_only_in_positions(a_view(), later));
  later = a_view();
  later.members.at(MemberName("n1")).checkpoint_after_promote_done = false;
  EXPECT_FALSE(differ_only_in_positions(a_view(), later));
  later = a_view();
  later.members.erase(MemberName("n2"));
  EXPECT_FALSE(differ_only_in_positions(a_view(), later));
  later = a_view();
  later.sync.revision = {11};
  EXPECT_FALSE(differ_only_in_positions(a_view(), later));
  later = a_view();
  later.failover_revision = {11};
  EXPECT_FALSE(differ_only_in_positions(a_view(), later));
}

}  // namespace
}  // namespace matriarch::model
