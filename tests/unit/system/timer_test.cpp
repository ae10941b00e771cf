#include <gtest/gtest.h>
#include <poll.h>

#include "system/clock.hpp"
#include "system/timerfd.hpp"

namespace matriarch::system {
namespace {

using namespace std::chrono_literals;

bool readable_within(int fd, std::chrono::milliseconds time) {
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, static_cast<int>(time.count())) == 1;
}

TEST(Clock, BootTimeNeverGoesBackAndRealtimeIsOfThisCentury) {
  const auto before = boot_time();
  EXPECT_GT(before, 0ns);
  EXPECT_GE(boot_time(), before);
  EXPECT_GT(realtime(), std::chrono::hours(24 * 365 * 50));
}

TEST(BootTimer, FiresAtItsMomentAndNotBefore) {
  auto timer = BootTimer::create();
  ASSERT_TRUE(timer);
  const auto at = boot_time() + 20ms;
  ASSERT_TRUE(timer->set_at(at));
  EXPECT_FALSE(timer->drain());
  ASSERT_TRUE(readable_within(timer->fd(), 10s));
  EXPECT_GE(boot_time(), at);
  EXPECT_TRUE(timer->drain());
  EXPECT_FALSE(timer->drain());
}

TEST(BootTimer, FiresAtOnceWhenTheMomentHasPassed) {
  auto timer = BootTimer::create();
  ASSERT_TRUE(timer);
  ASSERT_TRUE(timer->set_at(0ns));
  EXPECT_TRUE(readable_within(timer->fd(), 10s));
}

TEST(BootTimer, SettingAgainTakesBackAnExpiryNobodyRead) {
  auto timer = BootTimer::create();
  ASSERT_TRUE(timer);
  ASSERT_TRUE(timer->set_at(1ns));
  ASSERT_TRUE(readable_within(timer->fd(), 10s));
  ASSERT_TRUE(timer->set_at(boot_time() + 1h));
  EXPECT_FALSE(readable_within(timer->fd(), 0ms));
}

TEST(BootTimer, DisarmedItStaysSilent) {
  auto timer = BootTimer::create();
  ASSERT_TRUE(timer);
  ASSERT_TRUE(timer->set_at(1ns));
  ASSERT_TRUE(timer->disarm());
  EXPECT_FALSE(readable_within(timer->fd(), 0ms));
}

}  // namespace
}  // namespace matriarch::system
