#include "system/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "unit/system/a_pipe.hpp"

namespace matriarch::system {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Fd, ClosesWhenItGoes) {
  APipe pipe;
  const int number = pipe.read_end.get();
  { const Fd owner = std::move(pipe.read_end); }
  EXPECT_FALSE(is_open(number));
  EXPECT_FALSE(pipe.read_end);
}

TEST(Fd, AssignmentClosesWhatItHeld) {
  APipe pipe;
  const int old = pipe.read_end.get();
  const int kept = pipe.write_end.get();
  pipe.read_end = std::move(pipe.write_end);
  EXPECT_FALSE(is_open(old));
  EXPECT_TRUE(is_open(kept));
  EXPECT_EQ(pipe.read_end.get(), kept);
}

TEST(Fd, ReleaseHandsOverWithoutClosing) {
  APipe pipe;
  const Fd again(pipe.read_end.release());
  EXPECT_TRUE(is_open(again.get()));
  EXPECT_FALSE(pipe.read_end);
}

}  // namespace
}  // namespace matriarch::system
