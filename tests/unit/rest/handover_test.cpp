#include "rest/handover.hpp"

#include <gtest/gtest.h>

#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

using model::MemberName;

model::Cluster cluster(std::initializer_list<const char*> members) {
  model::Cluster made;
  made.leader = model::LeaderKey{MemberName("a")};
  for (const char* name : members) {
    model::Member member;
    member.name = MemberName(name);
    member.api_url = std::string("http://") + name + ":8008/patroni";
    made.members[member.name] = member;
  }
  made.sync = {.leader = MemberName("a"), .voters = {MemberName("B")}};
  return made;
}

std::string asked(const HandoverOrder& order, const model::Cluster& with, model::SynchronousMode mode) {
  model::DynamicSettings dynamic{.synchronous_mode = mode};
  const auto members = candidates_to_ask(order, with, dynamic);
  if (!members) return std::to_string(members.error().status) + " " + members.error().body;
  std::string names;
  for (const auto& member : *members) names += member.name.text;
  return names;
}

TEST(Handover, IsCheckedBeforeItIsWritten) {
  using enum model::SynchronousMode;
  const HandoverOrder to_b{true, MemberName("a"), MemberName("b")}, to_c{true, MemberName("a"), MemberName("c")}, to_anybody{true, MemberName("a"), {}};
  const auto three = cluster({"a", "b", "c"});
  EXPECT_EQ(asked(to_b, three, kOff), "b");
  EXPECT_EQ(asked(to_anybody, three, kOff), "bc");
  EXPECT_EQ(asked(to_anybody, three, kOn), "b");
  EXPECT_EQ(asked(to_anybody, three, kQuorum), "bc");
  EXPECT_EQ(asked(to_c, three, kOn), "412 candidate name does not match with sync_standby");
  EXPECT_EQ(asked(to_c, three, kQuorum), "c");
  EXPECT_EQ(asked({false, {}, MemberName("c")}, three, kOn), "c");
  EXPECT_EQ(asked({true, MemberName("b"), MemberName("c")}, three, kOff), "412 leader name does not match");
  EXPECT_EQ(asked({true, MemberName("a"), MemberName("x")}, three, kOff), "412 candidate does not exists");
  EXPECT_EQ(asked(to_anybody, cluster({"a"}), kOff), "412 switchover is not possible: cluster does not have members except leader");
  EXPECT_EQ(asked(to_anybody, cluster({"a", "c"}), kOn), "412 switchover is not possible: can not find sync_standby");
  auto leaderless = three;
  leaderless.leader.reset();
  EXPECT_EQ(asked(to_b, leaderless, kOff), "412 leader name does not match");
  EXPECT_EQ(asked({false, {}, MemberName("b")}, leaderless, kOff), "b");
}

TEST(Handover, NeedsOneFitCandidate) {
  const HandoverOrder order{true, MemberName("a"), {}};
  std::map<MemberName, model::PeerStatus> answers;
  EXPECT_EQ(refuse_without_candidate(order, answers)->body, "switchover is not possible: no good candidates have been found");
  answers[MemberName("b")] = {.reachable = false};
  answers[MemberName("c")] = {.reachable = true, .watchdog_failed = true};
  answers[MemberName("d")] = {.reachable = true};
  answers[MemberName("d")].tags.custom["nofailover"] = true;
  EXPECT_TRUE(refuse_without_candidate(order, answers));
  answers[MemberName("e")] = {.reachable = true};
  EXPECT_FALSE(refuse_without_candidate(order, answers));
}

std::string judged(const HandoverOrder& order, const model::Cluster& before, const model::Cluster& now) {
  const auto end = outcome(order, before, now);
  return end ? std::to_string(end->status) + " " + end->body : "waits";
}

TEST(Handover, EndsWhenTheStoreShowsIt) {
  const HandoverOrder switchover{true, MemberName("a"), MemberName("b")}, failover{false, {}, MemberName("b")}, anybody{true, MemberName("a"), {}};
  const auto before = cluster({"a", "b", "c"});
  auto now = before;
  now.failover = model::FailoverKey{.leader = MemberName("a"), .candidate = MemberName("b")};
  EXPECT_EQ(judged(switchover, before, now), "waits");
  now.leader.reset();
  EXPECT_EQ(judged(switchover, before, now), "waits");
  now.failover.reset();
  EXPECT_EQ(judged(switchover, before, now), "waits") << "nobody leads yet";
  now.leader = model::LeaderKey{MemberName("b")};
  EXPECT_EQ(judged(switchover, before, now), "200 Successfully switched over to \"b\"");
  EXPECT_EQ(judged(failover, before, now), "200 Successfully failed over to \"b\"");
  now.leader = model::LeaderKey{MemberName("c")};
  EXPECT_EQ(judged(anybody, before, now), "200 Successfully switched over to \"c\"");
  EXPECT_EQ(judged(switchover, before, now), "200 Switched over to \"c\" instead of \"b\"");
  EXPECT_EQ(judged(failover, before, now), "200 Failed over to \"c\" instead of \"b\"");
  now.leader = before.leader;
  EXPECT_EQ(judged(switchover, before, now), "503 Switchover failed");
  EXPECT_EQ(judged(failover, before, now), "503 Failover failed");
  EXPECT_EQ(outcome_unknown(failover, 20s).body, "Failover status unknown after 20 seconds; operation may still be in progress");
  EXPECT_EQ(patience({.timing = {.loop_wait = 1s}}), 20s);
  EXPECT_EQ(patience({.timing = {.loop_wait = 15s}}), 30s);
}

}  // namespace
}  // namespace matriarch::rest
