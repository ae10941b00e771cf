#include "settings/dynamic_cache.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

class DynamicCache : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cache-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / kDynamicCacheName; }
  void write(std::string_view text) const { std::ofstream(file(), std::ios::binary) << text; }
  fs::path folder_;
};

model::DynamicSettings settings_from(std::string_view yaml, TimingLimits limits) { return accept_dynamic(object_of(yaml), limits).value().settings; }

TEST_F(DynamicCache, HoldsTheDocumentWithItsTimesAdjusted) {
  EXPECT_EQ(cache_content(settings_from("{ttl: 30, loop_wait: 20, retry_timeout: 10, x: é}", TimingLimits::kPatroni)),
            R"({"ttl":30,"loop_wait":10,"retry_timeout":10,"x":"\u00e9"})");
  EXPECT_EQ(cache_content(settings_from("{ttl: 1.5}", TimingLimits::kEmbedded)), R"({"ttl":1.5})");
  EXPECT_EQ(cache_content(settings_from("{}", TimingLimits::kEmbedded)), "{}");
}

TEST_F(DynamicCache, IsReadBack) {
  const auto settings = settings_from("{ttl: 30, slots: {a: {type: physical}}}", TimingLimits::kPatroni);
  ASSERT_TRUE(write_cache(folder_.string(), settings));
  EXPECT_EQ(read_cache(folder_.string()).value(), settings.document);
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_TRUE(write_cache(folder_.string(), settings, 0640));
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "no temporary file stays";
}

TEST_F(DynamicCache, AMissingFileIsNoComplaint) { EXPECT_EQ(read_cache(folder_.string()).value(), std::nullopt); }

TEST_F(DynamicCache, GarbageIsNamedAndIgnored) {
  for (const char* text : {"", "{", "[]", "null", "{\"a\":1} x", "\xff"}) {
    write(text);
    const auto read = read_cache(folder_.string());
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(to_text(read.error()), HasSubstr("patroni.dynamic.json: does not hold a JSON object"));
  }
  write(std::string(3 << 20, ' '));
  EXPECT_FALSE(read_cache(folder_.string()));
}

TEST_F(DynamicCache, AFailureLeavesTheOldFile) {
  write("{\"ttl\":30}");
  fs::create_directory(folder_ / "data");
  const auto failed = write_cache((folder_ / "none").string(), {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(to_text(failed.error()), HasSubstr("cannot be written: No such file or directory"));
  EXPECT_TRUE(read_cache(folder_.string()).value());
}

}  // namespace
}  // namespace matriarch::settings
