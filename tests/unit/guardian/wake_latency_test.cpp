#include "guardian/wake_latency.hpp"

#include <gtest/gtest.h>

namespace matriarch::guardian {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{Duration(1000s)};

TEST(WakeLatency, TellsTheWorstAndWhatNinetyNineOfHundredStayBelow) {
  WakeLatency latency;
  EXPECT_EQ(latency.worst(), 0ns);
  EXPECT_EQ(latency.p99(), 0ns);
  for (int i = 0; i < 999; ++i) latency.add(60us, kStart);
  latency.add(40ms, kStart);
  EXPECT_EQ(latency.worst(), 40ms);
  EXPECT_EQ(latency.p99(), 64us);
}

TEST(WakeLatency, ForgetsAfterTwoPeriods) {
  WakeLatency latency;
  latency.add(40ms, kStart);
  latency.add(1ms, kStart + 61s);
  EXPECT_EQ(latency.worst(), 40ms);
  latency.add(1ms, kStart + 122s);
  EXPECT_EQ(latency.worst(), 1ms);
  latency.add(1us, kStart + 1h);
  EXPECT_EQ(latency.worst(), 1us) << "a long sleep forgets both";
}

TEST(WakeLatency, AnyValueFindsItsPlace) {
  WakeLatency latency;
  latency.add(-5ms, kStart);
  EXPECT_EQ(latency.worst(), 0ns);
  latency.add(Duration::max(), kStart);
  EXPECT_EQ(latency.worst(), Duration::max());
  EXPECT_LE(latency.p99(), latency.worst());
}

}  // namespace
}  // namespace matriarch::guardian
