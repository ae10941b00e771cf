#include "consensus/membership/identity.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace matriarch::consensus::membership {
namespace {

using ::testing::HasSubstr;

class HomeTest : public ::testing::Test {
 protected:
  HomeTest() {
    char pattern[] = "/tmp/matriarch-home-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~HomeTest() override { std::filesystem::remove_all(directory_); }
  void overwrite(const std::string& file, const std::string& content) { std::ofstream(directory_ + "/" + file) << content; }
  static tl::expected<void, std::string> fill_nothing(const std::string&) { return {}; }
  std::string directory_;
};

TEST_F(HomeTest, TheIdStaysAndIsRandom) {
  const auto first = Home::open(directory_).value().identity();
  EXPECT_EQ(Home::open(directory_).value().identity(), first);
  EXPECT_NE(first.raft_id, random_id());
  EXPECT_EQ(first.standing, Standing::kFresh);
}

TEST_F(HomeTest, OneProcessAtATime) {
  const auto home = Home::open(directory_).value();
  EXPECT_THAT(Home::open(directory_).error(), HasSubstr("in use"));
}

TEST_F(HomeTest, APromiseAndAMembershipSurviveARestart) {
  const Founding founding{.cluster_id = 9, .list_hash = "h", .founders = {{1, "a:1", "a"}, {2, "b:1", "b", false}}};
  {
    auto home = Home::open(directory_).value();
    ASSERT_TRUE(home.promise(founding));
  }
  auto home = std::optional(Home::open(directory_).value());
  EXPECT_EQ(home->identity().standing, Standing::kPromised);
  EXPECT_EQ(home->identity().founding, founding);
  ASSERT_TRUE(home->enter_cluster(9, fill_nothing));
  home.reset();
  EXPECT_EQ(Home::open(directory_).value().identity().cluster_id, 9u);
}

TEST_F(HomeTest, ADamagedIdentityIsNamedAndKept) {
  { ASSERT_TRUE(Home::open(directory_)); }
  overwrite("identity.json", "{\"format\":1,");
  EXPECT_THAT(Home::open(directory_).error(), HasSubstr("identity.json is damaged"));
  EXPECT_EQ(std::filesystem::file_size(directory_ + "/identity.json"), 12u);
}

TEST_F(HomeTest, ALogWithoutIdentityIsNotTaken) {
  { ASSERT_TRUE(Home::open(directory_).value().enter_cluster(9, fill_nothing)); }
  std::filesystem::remove(directory_ + "/identity.json");
  EXPECT_THAT(Home::open(directory_).error(), HasSubstr("is missing"));
}

TEST_F(HomeTest, AnEmptiedLogDirectoryIsNoticed) {
  { ASSERT_TRUE(Home::open(directory_).value().enter_cluster(9, fill_nothing)); }
  std::filesystem::remove(directory_ + "/raft/cluster");
  EXPECT_THAT(Home::open(directory_).error(), HasSubstr("is not in"));
}

TEST_F(HomeTest, AFailedEntranceLeavesItFresh) {
  auto home = Home::open(directory_).value();
  const auto fail = [](const std::string&) { return tl::expected<void, std::string>(tl::unexpected(std::string("no"))); };
  EXPECT_FALSE(home.enter_cluster(9, fail));
  EXPECT_EQ(home.identity().standing, Standing::kFresh);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/raft"));
}

TEST(Identity, GarbageIsAnError) {
  for (const auto* text : {"", "[]", "{}", "{\"format\":2}", "{\"format\":1,\"raft_id\":\"x\"}"}) {
    EXPECT_FALSE(decode_identity(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace matriarch::consensus::membership
