#include "consensus/machine/lease_clock.hpp"

#include <gmock/gmock.h>

namespace matriarch::consensus::machine {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LeaseClockTest : public ::testing::Test {
 protected:
  Applied apply(Body body, LeaseClock::Time now) {
    auto applied = machine_.apply({.body = std::move(body)});
    clock_.observe(machine_, applied, now);
    return applied;
  }
  void lead(std::uint64_t term) {
    clock_.lead(term);
    clock_.barrier_applied(term);
  }
  std::vector<LeaseId> due(LeaseClock::Time now) {
    std::vector<LeaseId> ids;
    for (const auto& expired : clock_.due(now, 100ms)) ids.push_back(expired.id);
    return ids;
  }
  Machine machine_;
  LeaseClock clock_;
};

TEST_F(LeaseClockTest, ALeaseRunsOutOneTtlAfterItsLastKeepAlive) {
  lead(1);
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  apply(KeepAlive{.id = 5}, 1000ms);
  EXPECT_EQ(clock_.next_look(), LeaseClock::Time(3000ms));
  EXPECT_THAT(due(2999ms), IsEmpty());
  EXPECT_THAT(due(3000ms), ElementsAre(5));
}

TEST_F(LeaseClockTest, AKeepAliveHeardOfLateShortensNothing) {
  lead(1);
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 1000ms);
  apply(KeepAlive{.id = 5}, 400ms);
  EXPECT_EQ(clock_.next_look(), LeaseClock::Time(3000ms));
}

TEST_F(LeaseClockTest, OnlyTheLeaderOfABarrierJudges) {
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  EXPECT_THAT(due(9s), IsEmpty());
  clock_.lead(3);
  EXPECT_THAT(due(9s), IsEmpty());
  clock_.barrier_applied(2);  // of an earlier leadership
  EXPECT_THAT(due(9s), IsEmpty());
  clock_.barrier_applied(3);
  EXPECT_THAT(due(9s), ElementsAre(5));
  clock_.follow();
  EXPECT_THAT(due(20s), IsEmpty());
}

TEST_F(LeaseClockTest, AnotherTermNeedsItsOwnBarrier) {
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  lead(3);
  clock_.lead(4);
  EXPECT_FALSE(clock_.may_judge());
}

TEST_F(LeaseClockTest, ANewLeaderCountsFromWhenItReceivedTheKeepAlive) {
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  apply(KeepAlive{.id = 5}, 1500ms);  // as a follower
  lead(2);
  EXPECT_THAT(due(3499ms), IsEmpty());
  EXPECT_THAT(due(3500ms), ElementsAre(5));
}

TEST_F(LeaseClockTest, ASnapshotStartsEveryLeaseAnew) {
  machine_.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  clock_.observe_all(machine_, 10s);
  lead(2);
  EXPECT_THAT(due(11999ms), IsEmpty());
  EXPECT_THAT(due(12s), ElementsAre(5));
}

TEST_F(LeaseClockTest, AProposalWithoutEffectIsRepeatedAfterAWhile) {
  lead(1);
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  EXPECT_THAT(due(2000ms), ElementsAre(5));
  EXPECT_THAT(due(2050ms), IsEmpty());
  EXPECT_EQ(clock_.next_look(), LeaseClock::Time(2100ms));
  EXPECT_THAT(due(2100ms), ElementsAre(5));
}

TEST_F(LeaseClockTest, AKeepAliveThatOvertookTheProposalWins) {
  lead(1);
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  const auto proposals = clock_.due(2000ms, 100ms);
  apply(KeepAlive{.id = 5}, 2001ms);
  apply(proposals.at(0), 2002ms);
  EXPECT_NE(machine_.find_lease(5), nullptr);
  EXPECT_THAT(due(4000ms), IsEmpty());
  EXPECT_THAT(due(4001ms), ElementsAre(5));
}

TEST_F(LeaseClockTest, AGoneLeaseIsForgotten) {
  lead(1);
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  apply(RevokeLease{.id = 5}, 10ms);
  EXPECT_EQ(clock_.next_look(), std::nullopt);
  EXPECT_EQ(clock_.remaining(5, 10ms), std::nullopt);
}

TEST_F(LeaseClockTest, AKeepAliveOlderThanItsLeaseIsDropped) {
  apply(GrantLease{.id = 5, .ttl_ms = 2000}, 0ms);
  EXPECT_FALSE(waited_too_long(machine_, KeepAlive{.id = 5}, 2000ms));
  EXPECT_TRUE(waited_too_long(machine_, KeepAlive{.id = 5}, 2001ms));
  EXPECT_FALSE(waited_too_long(machine_, KeepAlive{.id = 6}, 9s));
}

}  // namespace
}  // namespace matriarch::consensus::machine
