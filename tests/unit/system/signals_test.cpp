#include "system/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "unit/system/a_pipe.hpp"

namespace matriarch::system {
namespace {

TEST(Signals, ABlockedSignalIsReadInsteadOfDelivered) {
  const auto signals = receive_signals({SIGUSR1, SIGUSR2});
  ASSERT_TRUE(signals);
  EXPECT_FALSE(next_signal(*signals));
  ::raise(SIGUSR2);  // would end the program
  const auto info = next_signal(*signals);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->ssi_signo, static_cast<unsigned>(SIGUSR2));
  EXPECT_EQ(info->ssi_pid, static_cast<unsigned>(::getpid()));
  EXPECT_FALSE(next_signal(*signals));
}

TEST(Signals, AWriteToAClosedPipeIsAnError) {
  ignore_sigpipe();
  APipe pipe;
  pipe.read_end.reset();
  EXPECT_EQ(::write(pipe.write_end.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  std::signal(SIGPIPE, SIG_DFL);
}

}  // namespace
}  // namespace matriarch::system
