#include "postgres/small_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace matriarch::postgres::real {
namespace {

std::string where_it_is;

void write_to(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY);
  if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) std::perror(path);
  if (fd >= 0) ::close(fd);
}

// Without privileges a namespace of our own gives the right to mount.
bool enter_namespace() {
  if (::geteuid() == 0) return ::unshare(CLONE_NEWNS) == 0;
  const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_to("/proc/self/setgroups", "deny");
  write_to("/proc/self/uid_map", uid + " " + uid + " 1");
  write_to("/proc/self/gid_map", gid + " " + gid + " 1");
  return true;
}

}  // namespace

void mount_small_disk() {
  // Over a directory that is always there: nothing is left behind.
  constexpr const char* name = "/mnt";
  const bool mounted = enter_namespace() && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       ::mount("none", name, "tmpfs", 0, "size=8m,mode=0777") == 0;
  if (!mounted) {
    std::fprintf(stderr, "no small file system for the test of a full disk: %s\n", std::strerror(errno));
    ::exit(1);
  }
  where_it_is = name;
}

const std::string& small_disk() { return where_it_is; }

}  // namespace matriarch::postgres::real
