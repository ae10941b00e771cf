#include "system/realtime.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "system/process.hpp"
#include "unit/system/a_pipe.hpp"

namespace matriarch::system {
namespace {

TEST(Realtime, SaysWhetherItWorkedAndDoesNotPassOnToChildren) {
  std::thread other([] {
    const auto result = request_realtime(1);
    EXPECT_EQ(runs_in_realtime(), result.has_value());
    if (!result) {
      EXPECT_EQ(result.error().code, EPERM);
      return;
    }
    std::thread child([] { EXPECT_FALSE(runs_in_realtime()); });
    child.join();
  });
  other.join();
  EXPECT_FALSE(runs_in_realtime());
}

TEST(Realtime, RefusesAPriorityThatDoesNotExist) {
  EXPECT_EQ(request_realtime(1000).error().code, EINVAL);
}

}  // namespace
}  // namespace matriarch::system
