#include "consensus/raft/pace.hpp"

#include <gtest/gtest.h>

namespace matriarch::consensus::raft {
namespace {

using namespace std::chrono_literals;

constexpr Pace kFastest{.election_timeout = 150ms, .heartbeat = 50ms};

TEST(Pace, WithoutLeasesOrWithTheShortestItIsTheFastest) {
  EXPECT_EQ(stretched(kFastest, std::nullopt), kFastest);
  EXPECT_EQ(stretched(kFastest, 100ms), kFastest);
  EXPECT_EQ(stretched(kFastest, 1'000ms), kFastest);
}

TEST(Pace, StretchesWithTheShortestLeaseUpToABound) {
  EXPECT_EQ(stretched(kFastest, 2'000ms), (Pace{300ms, 200ms}));
  EXPECT_EQ(stretched(kFastest, 30'000ms), (Pace{600ms, 400ms}));
}

TEST(Pace, IsNeverFasterThanConfigured) {
  const Pace slow{.election_timeout = 1s, .heartbeat = 300ms};
  EXPECT_EQ(stretched(slow, 2'000ms), slow);
  const Pace rare{.election_timeout = 200ms, .heartbeat = 66ms};
  EXPECT_GE(stretched(rare, 1'500ms).heartbeat, 66ms);
}

// A lease that was renewed a quarter of its ttl ago bears an election with a split vote before it is fenced; a leader that
// lives is never silent for an election timeout.
TEST(Pace, LeavesEveryLeaseRoomForTwoElections) {
  for (auto ttl = 1'000ms; ttl <= 60'000ms; ttl += 10ms) {
    const auto pace = stretched(kFastest, ttl);
    EXPECT_LE(4 * pace.election_timeout, ttl * 3 / 4) << ttl.count();
    EXPECT_GE(pace.election_timeout - pace.heartbeat - kFastest.heartbeat, 49ms) << ttl.count();
  }
}

}  // namespace
}  // namespace matriarch::consensus::raft
