#include "system/memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>

#include "system/file.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::system {
namespace {

TEST(SharedMapping, OneMappingSeesWhatAnotherWrites) {
  const ADirectory directory;
  const auto fd = open_shared_file(directory / "page", 4096);
  ASSERT_TRUE(fd);
  auto one = map_shared(*fd, 4096);
  const auto again = open_shared_file(directory / "page", 4096);
  auto other = map_shared(*again, 4096);
  ASSERT_TRUE(one && other);
  std::strcpy(static_cast<char*>(one->data()), "term 7");
  EXPECT_STREQ(static_cast<char*>(other->data()), "term 7");
  const SharedMapping moved = std::move(*one);
  EXPECT_EQ(one->data(), nullptr);
  EXPECT_STREQ(static_cast<char*>(moved.data()), "term 7");
}

TEST(SharedMapping, TheFileHasItsBlocksAndItsOwnerAlone) {
  const ADirectory directory;
  ASSERT_TRUE(open_shared_file(directory / "page", 8192));
  struct stat info {};
  ASSERT_EQ(::stat((directory / "page").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 8192);
  EXPECT_GE(info.st_blocks * 512, 8192);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(SharedMapping, AFileThatIsTooShortIsRefused) {
  const ADirectory directory;
  const auto fd = open_shared_file(directory / "page", 100);
  EXPECT_EQ(map_shared(*fd, 4096).error().code, ENODATA);
}

TEST(Memfd, HoldsItsContentAndCannotBeChanged) {
  const auto fd = make_sealed_memfd("job", "content");
  ASSERT_TRUE(fd);
  EXPECT_EQ(*read_file("/proc/self/fd/" + std::to_string(fd->get()), 100), "content");
  EXPECT_EQ(::write(fd->get(), "x", 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  const auto inheritable = make_sealed_memfd("job", "content", true);
  EXPECT_EQ(::fcntl(inheritable->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Memory, LockingSaysWhetherItWorked) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers make mlockall() do nothing";
#endif
  const auto locked = lock_memory();
  const auto status = *read_file("/proc/self/status", 1 << 16);
  const bool nothing_locked = status.find("VmLck:\t       0 kB") != std::string::npos;
  EXPECT_EQ(locked.has_value(), !nothing_locked);
  ::munlockall();
}

}  // namespace
}  // namespace matriarch::system
