// PostgreSQL refuses to run as root: this program then goes on as the user postgres.
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "postgres/small_disk.hpp"

namespace {

bool become_postgres() {
  const passwd* user = ::getpwnam("postgres");
  if (user == nullptr) return false;
  if (::initgroups(user->pw_name, user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) return false;
  ::setenv("HOME", "/tmp", 1);
  ::prctl(PR_SET_DUMPABLE, 1);  // lost by the change of user; without it /proc/self belongs to root
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (::testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  ::signal(SIGPIPE, SIG_IGN);
  matriarch::postgres::real::mount_small_disk();
  if (::geteuid() == 0 && !become_postgres()) {
    std::fprintf(stderr, "these tests need the user postgres\n");
    return 1;
  }
  if (::chdir("/tmp") != 0) return 1;
  return RUN_ALL_TESTS();
}
