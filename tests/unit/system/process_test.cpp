#include "system/process.hpp"

#include <gmock/gmock.h>
#include <poll.h>

#include <csignal>

#include "unit/system/a_directory.hpp"
#include "unit/system/a_pipe.hpp"

namespace matriarch::system {
namespace {

using namespace std::chrono_literals;

ExitStatus end_of(const Child& child) {
  const auto ended = wait_for_end(child.pidfd, 10s);
  if (!ended || !*ended) throw std::runtime_error("the child did not end");
  const auto status = try_reap(child.pidfd);
  if (!status || !*status) throw std::runtime_error("the child could not be reaped");
  return **status;
}

// Runs a shell script and returns what it wrote.
std::string output_of(const std::string& script, SpawnOptions options = {}) {
  APipe out;
  options.argv = {"sh", "-c", script};
  options.redirections.push_back({.target = 1, .source = out.write_end.get()});
  const auto child = spawn(options);
  if (!child) throw std::runtime_error(child.error().message());
  std::string text = out.read_to_end();
  end_of(*child);
  return text;
}

TEST(Spawn, RunsAProgramFromThePathAndReportsItsExitCode) {
  const auto child = spawn({.argv = {"sh", "-c", "exit 7"}});
  ASSERT_TRUE(child) << child.error().message();
  const auto status = end_of(*child);
  EXPECT_EQ(status, (ExitStatus{.by_signal = false, .value = 7}));
  EXPECT_EQ(describe(status), "exited with code 7");
}

TEST(Spawn, NamesTheProgramThatIsNotThereAndLeavesNoChild) {
  const auto child = spawn({.argv = {"/no/such/program"}});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ENOENT);
  EXPECT_EQ(child.error().message(), "exec /no/such/program: No such file or directory");
  EXPECT_FALSE(reap_any());
}

TEST(Spawn, WithoutAwaitingExecTheChildItselfSaysWhatFailed) {
  APipe errors;
  const auto child = spawn({.argv = {"/no/such/program"},
                            .redirections = {{.target = 2, .source = errors.write_end.get()}},
                            .await_exec = false});
  ASSERT_TRUE(child);
  EXPECT_EQ(errors.read_to_end(), "cannot start /no/such/program: No such file or directory\n");
  EXPECT_EQ(end_of(*child), (ExitStatus{.by_signal = false, .value = 127}));
}

TEST(Spawn, NamesTheDirectoryThatIsNotThere) {
  const auto child = spawn({.argv = {"true"}, .working_directory = "/no/such/directory"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().message(), "change to the directory /no/such/directory: No such file or directory");
}

TEST(Spawn, RefusesAnEmptyCommand) {
  EXPECT_EQ(spawn({}).error().code, EINVAL);
}

TEST(Spawn, GivesTheEnvironmentAndDirectoryAsked) {
  const ADirectory directory;
  SpawnOptions options{.environment = std::vector<std::string>{"A=first", "B=second"},
                       .working_directory = directory.path()};
  EXPECT_EQ(output_of("echo $A $B; pwd; env | grep -c HOME", options), "first second\n" + directory.path() + "\n0\n");
}

TEST(Spawn, RedirectionsMayCross) {
  // The child's 0 and 5 are the parent's 5-or-so and 0-or-so: neither may overwrite the other before it is used.
  APipe first;
  APipe second;
  ASSERT_EQ(::write(first.write_end.get(), "one\n", 4), 4);
  ASSERT_EQ(::write(second.write_end.get(), "two\n", 4), 4);
  SpawnOptions options;
  options.redirections = {{.target = second.read_end.get(), .source = first.read_end.get()},
                          {.target = first.read_end.get(), .source = second.read_end.get()}};
  const std::string one = std::to_string(second.read_end.get());
  const std::string two = std::to_string(first.read_end.get());
  EXPECT_EQ(output_of("read a <&" + one + "; read b <&" + two + "; echo $a $b", options), "one two\n");
}

TEST(Spawn, LeavesNoOtherDescriptorOpenInTheChild) {
  const Fd leaked(::dup(2));  // without close-on-exec
  const std::string open = output_of("ls /proc/self/fd");
  // 3 is the directory that ls itself has opened.
  EXPECT_EQ(open, "0\n1\n2\n3\n");
}

TEST(Spawn, StartsWithNoSignalBlockedOrIgnored) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const std::string masks = output_of("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(masks, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Spawn, MakesASessionWhenAsked) {
  SpawnOptions options{.new_session = true};
  const std::string text = output_of("cut -d' ' -f6 /proc/$$/stat; echo $$", options);
  const auto half = text.find('\n');
  EXPECT_EQ(text.substr(0, half + 1), text.substr(half + 1));
}

TEST(Process, ASignalThroughThePidfdEndsIt) {
  const auto child = spawn({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(child);
  EXPECT_EQ(try_reap(child->pidfd)->has_value(), false);
  EXPECT_EQ(*wait_for_end(child->pidfd, 0ms), false);
  ASSERT_TRUE(send_signal(child->pidfd, SIGKILL));
  const auto status = end_of(*child);
  EXPECT_EQ(status, (ExitStatus{.by_signal = true, .value = SIGKILL}));
  EXPECT_EQ(describe(status), "killed by signal 9 (Killed)");
}

TEST(Process, ASignalAfterItsEndIsAnErrorAndHitsNobody) {
  const auto child = spawn({.argv = {"true"}});
  ASSERT_TRUE(child);
  end_of(*child);
  EXPECT_EQ(send_signal(child->pidfd, SIGKILL).error().code, ESRCH);
  EXPECT_FALSE(open_pidfd(child->pid));
}

TEST(Process, ReapAnyTellsWhichChildEnded) {
  const auto child = spawn({.argv = {"sh", "-c", "exit 3"}});
  ASSERT_TRUE(child);
  ASSERT_TRUE(*wait_for_end(child->pidfd, 10s));
  const auto reaped = reap_any();
  ASSERT_TRUE(reaped);
  EXPECT_EQ(reaped->pid, child->pid);
  EXPECT_EQ(reaped->status.value, 3);
  EXPECT_FALSE(reap_any());
}

}  // namespace
}  // namespace matriarch::system
