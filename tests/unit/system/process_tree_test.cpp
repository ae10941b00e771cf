#include "system/process_tree.hpp"

#include <gmock/gmock.h>
#include <sys/prctl.h>

#include <csignal>
#include <thread>

#include "system/clock.hpp"
#include "system/process.hpp"
#include "unit/system/a_pipe.hpp"

namespace matriarch::system {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<pid_t> pids(std::span<const ProcessStat> processes) {
  std::vector<pid_t> result;
  for (const auto& process : processes) result.push_back(process.pid);
  return result;
}

// A shell that starts another shell (in a session of its own) that starts a sleep, and says their numbers.
class AFamily {
 public:
  AFamily() {
    SpawnOptions options{.argv = {"sh", "-c", "setsid sh -c 'sleep 1000 & echo $$ $!; wait' & echo; wait"}};
    options.redirections.push_back({.target = 1, .source = out_.write_end.get()});
    auto child = spawn(options);
    if (!child) throw std::runtime_error(child.error().message());
    root_ = std::move(*child);
    std::string text;
    while (std::count(text.begin(), text.end(), '\n') < 2) text += out_.read_some();
    if (std::sscanf(text.c_str(), " %d %d", &middle, &leaf) != 2) throw std::runtime_error("bad answer: " + text);
  }
  ~AFamily() {
    for (const pid_t pid : {root_.pid, middle, leaf}) ::kill(pid, SIGKILL);
    reap_all();
  }
  pid_t root() const { return root_.pid; }
  const Child& root_child() const { return root_; }
  // Waits for the end of every process of the family; those that became ours by the subreaper too.
  void reap_all() {
    // Every member holds the pipe: its end means that all are gone, or about to be.
    out_.read_to_end();
    for (const pid_t pid : {root_.pid, middle, leaf}) {
      const auto pidfd = open_pidfd(pid);
      if (pidfd) (void)wait_for_end(*pidfd, 10s);
    }
    while (reap_any()) {
    }
  }

  pid_t middle = 0;
  pid_t leaf = 0;

 private:
  APipe out_;
  Child root_;
};

TEST(ProcessTree, FindsDescendantsAcrossSessions) {
  AFamily family;
  ProcessTree tree;
  EXPECT_THAT(pids(tree.children(family.root())), ElementsAre(family.middle));
  EXPECT_THAT(pids(tree.descendants(family.root())), ElementsAre(family.middle, family.leaf));
  EXPECT_THAT(pids(tree.descendants(::getpid())), ElementsAre(family.root(), family.middle, family.leaf));
}

TEST(ProcessTree, TheFullScanFindsTheSame) {
  AFamily family;
  ProcessTree tree;
  tree.use_full_scan();
  EXPECT_THAT(pids(tree.children(family.root())), ElementsAre(family.middle));
  EXPECT_THAT(pids(tree.descendants(::getpid())), ElementsAre(family.root(), family.middle, family.leaf));
}

TEST(ProcessTree, FindsChildrenOfEveryThread) {
  ProcessTree tree;
  pid_t pid = 0;
  Child child;
  std::thread other([&] {
    child = *spawn({.argv = {"sleep", "1000"}});
    pid = child.pid;
    EXPECT_THAT(pids(tree.children(::getpid())), ElementsAre(pid));
    ASSERT_TRUE(send_signal(child.pidfd, SIGKILL));
    EXPECT_TRUE(*wait_for_end(child.pidfd, 10s));
    EXPECT_TRUE(*try_reap(child.pidfd));
  });
  other.join();
}

TEST(ProcessTree, SparesTheSubtreesItIsTold) {
  AFamily family;
  ProcessTree tree;
  const pid_t spare[] = {family.middle};
  EXPECT_THAT(pids(tree.descendants(::getpid(), spare)), ElementsAre(family.root()));
}

TEST(ProcessTree, SaysWhenItHasNoRoom) {
  AFamily family;
  ProcessTree small(1);
  EXPECT_EQ(small.descendants(::getpid()).size(), 1u);
  EXPECT_TRUE(small.overflowed());
  ProcessTree large;
  large.descendants(::getpid());
  EXPECT_FALSE(large.overflowed());
}

TEST(ProcessTree, OrphansOfASubreaperStayInTheTreeAndDieWithIt) {
  ASSERT_TRUE(become_child_subreaper());
  AFamily family;
  ProcessTree tree;
  ASSERT_TRUE(send_signal(family.root_child().pidfd, SIGKILL));
  ASSERT_TRUE(*wait_for_end(family.root_child().pidfd, 10s));
  ASSERT_TRUE(*try_reap(family.root_child().pidfd));
  EXPECT_THAT(pids(tree.descendants(::getpid())), ElementsAre(family.middle, family.leaf));

  const auto swept = tree.signal_descendants(::getpid(), SIGKILL);
  EXPECT_EQ(swept.signalled, 2u);
  EXPECT_EQ(swept.refused, 0u);
  family.reap_all();
  EXPECT_EQ(tree.signal_descendants(::getpid(), SIGKILL).signalled, 0u);
  EXPECT_TRUE(tree.descendants(::getpid()).empty());
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

TEST(ProcessTree, AZombieIsListedButNotSignalled) {
  const auto child = spawn({.argv = {"true"}});
  ASSERT_TRUE(child);
  ASSERT_TRUE(*wait_for_end(child->pidfd, 10s));
  ProcessTree tree;
  ASSERT_THAT(pids(tree.children(::getpid())), ElementsAre(child->pid));
  EXPECT_TRUE(tree.children(::getpid())[0].has_ended());
  EXPECT_EQ(tree.signal_descendants(::getpid(), SIGKILL).signalled, 0u);
  EXPECT_TRUE(*try_reap(child->pidfd));
}

TEST(Proc, TellsWhatAProcessIs) {
  const auto self = process_stat(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->pid, ::getpid());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(self->session, ::getsid(0));
  EXPECT_FALSE(self->has_ended());
  EXPECT_GT(self->start_ticks, 0u);

  // A program that takes an empty argument and stays.
  const auto child = spawn({.argv = {"tail", "-f", "/dev/null", ""}, .working_directory = "/usr"});
  ASSERT_TRUE(child);
  EXPECT_GE(process_stat(child->pid)->start_ticks, self->start_ticks);
  EXPECT_THAT(*process_arguments(child->pid), ElementsAre("tail", "-f", "/dev/null", ""));
  EXPECT_EQ(*process_directory(child->pid), "/usr");
  EXPECT_THAT(*process_executable(child->pid), testing::EndsWith("/tail"));
  EXPECT_FALSE(has_pending_kill(child->pid));
  ASSERT_TRUE(send_signal(child->pidfd, SIGKILL));
  ASSERT_TRUE(*wait_for_end(child->pidfd, 10s));
  EXPECT_TRUE(*try_reap(child->pidfd));
  EXPECT_FALSE(process_stat(child->pid));
}

TEST(Proc, ANameWithBlanksAndParenthesesDoesNotConfuseIt) {
  ::prctl(PR_SET_NAME, "a) R 1 (b", 0, 0, 0);
  const auto self = process_stat(::getpid());
  ::prctl(PR_SET_NAME, "test_system", 0, 0, 0);
  ASSERT_TRUE(self);
  EXPECT_EQ(self->parent, ::getppid());
}

TEST(Proc, APidfdIsOpenedOnlyForTheProcessThatWasSeen) {
  auto seen = *process_stat(::getpid());
  EXPECT_TRUE(open_pidfd_of(seen));
  seen.start_ticks += 1;
  EXPECT_EQ(open_pidfd_of(seen).error().code, ESRCH);
}

}  // namespace
}  // namespace matriarch::system
