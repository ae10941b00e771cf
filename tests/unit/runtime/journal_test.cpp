#include "runtime/journal.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

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

}  // namespace
}  // namespace matriarch::runtime
