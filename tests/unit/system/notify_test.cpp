#include "system/notify.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "system/fd.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::system {
namespace {

// What a service manager binds; `name` may begin with '@' for the abstract namespace.
Fd a_manager_at(const std::string& name) {
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  return fd;
}

std::string received_by(const Fd& manager) {
  char buffer[256];
  const auto size = ::recv(manager.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  return size < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(size));
}

class Notify : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
};

TEST_F(Notify, ReachesASocketFile) {
  const ADirectory directory;
  const auto manager = a_manager_at(directory / "notify");
  ::setenv("NOTIFY_SOCKET", (directory / "notify").c_str(), 1);
  EXPECT_TRUE(*notify_service_manager("READY=1\nSTATUS=leading"));
  EXPECT_EQ(received_by(manager), "READY=1\nSTATUS=leading");
}

TEST_F(Notify, ReachesAnAbstractSocket) {
  const std::string name = "@matriarch-test-" + std::to_string(::getpid());
  const auto manager = a_manager_at(name);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  EXPECT_TRUE(*notify_service_manager("STOPPING=1"));
  EXPECT_EQ(received_by(manager), "STOPPING=1");
}

TEST_F(Notify, IsSilentWithoutAManager) {
  EXPECT_FALSE(*notify_service_manager("READY=1"));
}

TEST_F(Notify, SaysWhenTheSocketIsUnusable) {
  ::setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
  EXPECT_EQ(notify_service_manager("READY=1").error().code, ENOENT);
  ::setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
  EXPECT_EQ(notify_service_manager("READY=1").error().code, EAFNOSUPPORT);
}

TEST_F(Notify, ReadsTheWatchdogIntervalMeantForThisProcess) {
  EXPECT_FALSE(service_watchdog_interval());
  ::setenv("WATCHDOG_USEC", "1500000", 1);
  EXPECT_EQ(service_watchdog_interval(), std::chrono::microseconds(1'500'000));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(service_watchdog_interval());
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_TRUE(service_watchdog_interval());
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_FALSE(service_watchdog_interval());
}

}  // namespace
}  // namespace matriarch::system
