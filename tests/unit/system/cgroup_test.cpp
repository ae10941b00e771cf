#include "system/cgroup.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "system/process.hpp"

namespace matriarch::system {
namespace {

using namespace std::chrono_literals;

TEST(Cgroup, KillsEverythingThatWasPutIntoIt) {
  const auto own = Cgroup::own_delegated();
  if (!own) GTEST_SKIP() << "no delegated control group here";
  auto box = own->child("matriarch-test-" + std::to_string(::getpid()));
  ASSERT_TRUE(box) << box.error().message();
  EXPECT_EQ(*box->populated(), false);

  const auto procs = box->open_procs();
  ASSERT_TRUE(procs);
  const auto inside = spawn({.argv = {"sleep", "1000"}, .cgroup_procs = procs->get()});
  ASSERT_TRUE(inside) << inside.error().message();
  const auto moved = spawn({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(moved);
  const auto outside = spawn({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(outside);
  ASSERT_TRUE(box->add(moved->pid));
  EXPECT_EQ(*box->populated(), true);
  EXPECT_FALSE(box->remove()) << "only an empty group can be removed";

  ASSERT_TRUE(box->kill());
  EXPECT_TRUE(*wait_for_end(inside->pidfd, 10s));
  EXPECT_TRUE(*wait_for_end(moved->pidfd, 10s));
  EXPECT_FALSE(*wait_for_end(outside->pidfd, 0ms));
  ASSERT_TRUE(send_signal(outside->pidfd, SIGKILL));
  ASSERT_TRUE(*wait_for_end(outside->pidfd, 10s));
  for (const auto* child : {&*inside, &*moved, &*outside}) EXPECT_TRUE(*try_reap(child->pidfd));
  EXPECT_TRUE(box->remove());
}

}  // namespace
}  // namespace matriarch::system
