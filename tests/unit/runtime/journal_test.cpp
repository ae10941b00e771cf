#include "runtime/journal.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "unit/system/a_directory.hpp"

namespace matriarch::runtime {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777u : 0u;
}

TEST(Journal, TheFileGetsTheModeThatIsAskedFor) {
  const system::ADirectory directory;
  for (const unsigned mode : {0600u, 0644u}) {
    const Journal journal({.dir = directory.path(), .mode = mode});
    EXPECT_EQ(mode_of(directory / "patroni.log"), mode);
  }
}

TEST(Journal, NothingIsRotatedWithoutOldFiles) {
  const system::ADirectory directory;
  {
    Journal journal({.dir = directory.path(), .file_size = 100, .file_num = 0});
    for (int i = 0; i < 50; ++i) journal.log(ports::Level::kInfo, "a line of some length");
  }
  EXPECT_FALSE(std::filesystem::exists(directory / "patroni.log.1"));
  EXPECT_TRUE(std::filesystem::exists(directory / "patroni.log"));
}

}  // namespace
}  // namespace matriarch::runtime
