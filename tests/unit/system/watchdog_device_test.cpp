// No test machine has a watchdog to spare: a plain file shows what is written, and that what it cannot do is an error.
#include "system/watchdog_device.hpp"

#include <gtest/gtest.h>

#include "system/file.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::system {
namespace {

using namespace std::chrono_literals;

TEST(WatchdogDevice, KeepsAliveWithoutTheMagicByteAndDisarmsWithIt) {
  const ADirectory directory;
  ASSERT_TRUE(write_atomically(directory / "watchdog", ""));
  auto device = WatchdogDevice::open(directory / "watchdog");
  ASSERT_TRUE(device);
  ASSERT_TRUE(device->keep_alive());
  ASSERT_TRUE(device->keep_alive());
  const auto written = *read_file(directory / "watchdog", 100);
  EXPECT_EQ(written.size(), 2u);
  EXPECT_EQ(written.find('V'), std::string::npos);
  ASSERT_TRUE(device->disarm());
  EXPECT_FALSE(device->is_open());
  EXPECT_EQ(*read_file(directory / "watchdog", 100), written + "V");
}

TEST(WatchdogDevice, LeavesItArmedWhenItGoesWithoutDisarming) {
  const ADirectory directory;
  ASSERT_TRUE(write_atomically(directory / "watchdog", ""));
  { auto device = WatchdogDevice::open(directory / "watchdog"); }
  EXPECT_EQ(*read_file(directory / "watchdog", 100), "");
}

TEST(WatchdogDevice, NamesTheDeviceThatCannotDoIt) {
  const ADirectory directory;
  ASSERT_TRUE(write_atomically(directory / "watchdog", ""));
  auto device = WatchdogDevice::open(directory / "watchdog");
  ASSERT_TRUE(device);
  EXPECT_EQ(device->info().error().code, ENOTTY);
  EXPECT_EQ(device->timeout().error().code, ENOTTY);
  EXPECT_EQ(device->set_timeout(10s).error().message(),
            "set the timeout of " + (directory / "watchdog") + ": Inappropriate ioctl for device");
  EXPECT_EQ(WatchdogDevice::open("/no/such/watchdog").error().code, ENOENT);
  auto full = WatchdogDevice::open("/dev/full");
  ASSERT_TRUE(full);
  EXPECT_FALSE(full->keep_alive());
  EXPECT_FALSE(full->disarm());
  EXPECT_TRUE(full->is_open());
}

}  // namespace
}  // namespace matriarch::system
