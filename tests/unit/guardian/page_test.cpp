#include "guardian/page.hpp"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "guardian/run_directory.hpp"
#include "unit/guardian/a_moment.hpp"

namespace matriarch::guardian {
namespace {

using namespace std::chrono_literals;

class PageFile : public testing::Test {
 protected:
  PageFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "matriarch-page-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/page";
  }
  ~PageFile() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
  std::string path_;
};

TEST_F(PageFile, SurvivesItsWriters) {
  Lease lease{.term = 7, .token = 42, .valid_until = 99};
  {
    auto page = Page::open_as_guardian(path_);
    ASSERT_TRUE(page) << page.error().message();
    EXPECT_FALSE(page->was_kept());
    page->lease().write(lease);
  }
  auto page = Page::open_as_guardian(path_);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->was_kept());
  EXPECT_EQ(page->lease().read().value, lease);
  EXPECT_EQ(page->posture().read().status, ReadStatus::kAbsent);
}

TEST_F(PageFile, AgentAndGuardianSeeEachOther) {
  auto guardian = Page::open_as_guardian(path_);
  ASSERT_TRUE(guardian);
  auto agent = Page::open(path_);
  ASSERT_TRUE(agent) << agent.error().message();
  Posture posture{.may_write = 1};
  set_member(posture, "n1");
  agent->posture().write(posture);
  EXPECT_EQ(guardian->posture().read().value, posture);
  EXPECT_EQ(guardian->posture().read().value.member_name(), "n1");
  guardian->acknowledgement().write({.armed_term = 3});
  EXPECT_EQ(agent->acknowledgement().read().value.armed_term, 3u);
}

TEST_F(PageFile, HasOneGuardian) {
  auto first = Page::open_as_guardian(path_);
  ASSERT_TRUE(first);
  const auto second = Page::open_as_guardian(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EWOULDBLOCK);
}

TEST_F(PageFile, OfAnotherBootIsAsGoodAsNone) {
  {
    auto page = Page::open_as_guardian(path_);
    ASSERT_TRUE(page);
    page->lease().write({.term = 7});
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(20);
  file.write("another-boot", 12);
  file.close();
  const auto as_agent = Page::open(path_);
  ASSERT_FALSE(as_agent);
  EXPECT_EQ(as_agent.error().code, ENODATA);
  auto page = Page::open_as_guardian(path_);
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->was_kept());
  EXPECT_EQ(page->lease().read().status, ReadStatus::kAbsent);
}

TEST_F(PageFile, IsInMemoryAndFoundByAll) {
  const auto paths = page_paths(directory_);
  struct statfs where {};
  ASSERT_EQ(::statfs(std::filesystem::path(paths.front()).parent_path().c_str(), &where), 0);
  EXPECT_EQ(where.f_type, TMPFS_MAGIC) << "this machine has no memory for pages: " << paths.front();
  auto guardian = make_page(directory_);
  ASSERT_TRUE(guardian) << guardian.error().message();
  auto agent = open_page(directory_);
  ASSERT_TRUE(agent) << agent.error().message();
  guardian->acknowledgement().write({.armed_term = 8});
  EXPECT_EQ(agent->acknowledgement().read().value.armed_term, 8u);
  EXPECT_EQ(make_page(directory_).error().code, EWOULDBLOCK) << "not a second one at the next best place";
  guardian->remove();
  EXPECT_FALSE(std::filesystem::exists(paths.front()));
}

TEST_F(PageFile, WhereMemoryIsNotOursItIsInTheRunDirectory) {
  const auto paths = page_paths(directory_);
  if (paths.size() == 1) return;  // the temporary directory is in memory itself
  std::ofstream(paths.front()) << "somebody else's";
  ASSERT_EQ(::chmod(paths.front().c_str(), 0666), 0);
  auto guardian = make_page(directory_);
  ASSERT_TRUE(guardian) << guardian.error().message();
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/page"));
  EXPECT_TRUE(open_page(directory_));
  std::filesystem::remove(paths.front());
}

TEST_F(PageFile, ThatOthersMayWriteIsRefused) {
  ASSERT_TRUE(Page::open_as_guardian(path_));
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  EXPECT_EQ(Page::open(path_).error().code, EPERM);
  EXPECT_EQ(Page::open_as_guardian(path_).error().code, EPERM);
}

TEST(Posture, LongMemberNamesAreCut) {
  Posture posture;
  set_member(posture, std::string(100, 'x'));
  EXPECT_EQ(posture.member_name(), std::string(63, 'x'));
  set_member(posture, "short");
  EXPECT_EQ(posture.member_name(), "short");
}

Lease a_lease() {
  return {.term = 1,
          .valid_until = Duration(1030s).count(),
          .wall_offset = Duration(5000s).count(),
          .written_at = kNow.time_since_epoch().count()};
}

TEST(LeaseEnd, IsValidUntil) {
  EXPECT_EQ(lease_end(a_lease(), 60s, kNow, 5000s), Instant(1030s));
}

TEST(LeaseEnd, NoLeaseLastsLongerThanItsCeiling) {
  EXPECT_EQ(lease_end(a_lease(), 10s, kNow, 5000s), Instant(1010s));
  EXPECT_EQ(lease_end(a_lease(), 10s, kNow + 500s, 5000s), Instant(1010s)) << "looking later does not extend it";
  EXPECT_EQ(lease_end(a_lease(), 0s, kNow, 5000s), Instant{});
}

TEST(LeaseEnd, TimeThatAPausedMachineMissedIsTakenOff) {
  EXPECT_EQ(lease_end(a_lease(), 60s, kNow, 5007s), Instant(1023s));
  EXPECT_EQ(lease_end(a_lease(), 60s, kNow, 5000s + kWallJumpMargin), Instant(1030s)) << "NTP slews";
  EXPECT_LT(lease_end(a_lease(), 60s, kNow, 5031s), kNow);
}

TEST(LeaseEnd, AWallClockSetBackSaysNothing) {
  EXPECT_EQ(lease_end(a_lease(), 60s, kNow, 4700s), Instant(1030s));
}

TEST(LeaseEnd, ALeaseThatCannotBeTrueHasEnded) {
  auto from_the_future = a_lease();
  from_the_future.written_at = Duration(1002s).count();
  EXPECT_EQ(lease_end(from_the_future, 60s, kNow, 5000s), Instant{});
  from_the_future.written_at = Duration(1000s + 5us).count();
  EXPECT_EQ(lease_end(from_the_future, 60s, kNow, 5000s), Instant(1030s)) << "the reader looked at the clock first";
  auto endless = a_lease();
  endless.valid_until = INT64_MAX;
  EXPECT_EQ(lease_end(endless, Duration::max(), kNow, 5000s), Instant{});
  auto torn = a_lease();
  torn.valid_until = INT64_MIN;
  torn.wall_offset = INT64_MIN;
  EXPECT_EQ(lease_end(torn, 60s, kNow, 5000s), Instant{});
}

}  // namespace
}  // namespace matriarch::guardian
