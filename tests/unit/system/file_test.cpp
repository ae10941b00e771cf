#include "system/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fd.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::system {
namespace {

TEST(File, ReadsBackWhatWasWrittenForItsOwnerAlone) {
  const ADirectory directory;
  const std::string content(200'000, 'x');
  ASSERT_TRUE(write_atomically(directory / "f", content));
  EXPECT_EQ(*read_file(directory / "f", content.size()), content);
  struct stat info {};
  ASSERT_EQ(::stat((directory / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_NE(::access((directory / "f.tmp").c_str(), F_OK), 0);
}

TEST(File, ReplacesTheContentAndASymbolicLinkInsteadOfItsTarget) {
  const ADirectory directory;
  ASSERT_TRUE(write_atomically(directory / "target", "untouched"));
  ASSERT_EQ(::symlink("target", (directory / "f").c_str()), 0);
  ASSERT_TRUE(write_atomically(directory / "f", "new", 0640));
  EXPECT_EQ(*read_file(directory / "target", 100), "untouched");
  EXPECT_EQ(*read_file(directory / "f", 100), "new");
  struct stat info {};
  ASSERT_EQ(::lstat((directory / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFREG | 0640u);
}

TEST(File, AFailedWriteChangesNothing) {
  const ADirectory directory;
  const auto written = write_atomically(directory / "no/f", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ENOENT);
  // The temporary file cannot be made: its name is taken by a directory.
  ASSERT_TRUE(write_atomically(directory / "f", "old"));
  ASSERT_EQ(::mkdir((directory / "f.tmp").c_str(), 0700), 0);
  EXPECT_FALSE(write_atomically(directory / "f", "new"));
  EXPECT_EQ(*read_file(directory / "f", 100), "old");
}

TEST(File, AContentOverTheBoundIsRefused) {
  const ADirectory directory;
  ASSERT_TRUE(write_atomically(directory / "f", "12345"));
  EXPECT_EQ(*read_file(directory / "f", 5), "12345");
  EXPECT_EQ(read_file(directory / "f", 4).error().code, EFBIG);
  EXPECT_EQ(read_file("/dev/zero", 1 << 20).error().code, EFBIG);
}

TEST(File, ReadsFilesThatTellNoSize) {
  EXPECT_THAT(*read_file("/proc/self/stat", 4096), testing::HasSubstr(") R"));
}

TEST(File, NamesTheFileThatIsNotThere) {
  EXPECT_EQ(read_file("/no/such/file", 10).error().message(), "open /no/such/file: No such file or directory");
}

TEST(File, RenamesAcrossDirectories) {
  const ADirectory directory;
  ASSERT_EQ(::mkdir((directory / "a").c_str(), 0700), 0);
  ASSERT_TRUE(write_atomically(directory / "f", "x"));
  ASSERT_TRUE(rename_durably(directory / "f", directory / "a/g"));
  EXPECT_EQ(*read_file(directory / "a/g", 10), "x");
  EXPECT_EQ(rename_durably(directory / "f", directory / "h").error().code, ENOENT);
}

TEST(File, RemovesATreeWithoutFollowingLinksOutOfIt) {
  const ADirectory directory;
  ASSERT_EQ(::mkdir((directory / "outside").c_str(), 0700), 0);
  ASSERT_TRUE(write_atomically(directory / "outside/kept", "x"));
  ASSERT_EQ(::mkdir((directory / "tree").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((directory / "tree/sub").c_str(), 0700), 0);
  ASSERT_TRUE(write_atomically(directory / "tree/sub/f", "x"));
  ASSERT_EQ(::symlink("../outside", (directory / "tree/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(directory / "tree"));
  EXPECT_NE(::access((directory / "tree").c_str(), F_OK), 0);
  EXPECT_EQ(*read_file(directory / "outside/kept", 10), "x");
  EXPECT_TRUE(remove_tree(directory / "tree"));
}

TEST(File, TellsTheFreeSpace) {
  EXPECT_GT(*free_space("/tmp"), 0u);
  EXPECT_EQ(*free_space("/proc"), 0u);
  EXPECT_FALSE(free_space("/no/such"));
}

}  // namespace
}  // namespace matriarch::system
