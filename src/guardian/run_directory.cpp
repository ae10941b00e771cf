#include "guardian/run_directory.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace matriarch::guardian {
namespace {

constexpr const char* kSharedMemory = "/dev/shm";

bool is_in_memory(const std::string& directory) {
  struct statfs info {};
  if (::statfs(directory.c_str(), &info) != 0) return false;
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

// FNV-1a: the same in every version of every program.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string shared_memory_path(std::string_view run_directory) {
  std::array<char, 96> path{};
  std::snprintf(path.data(), path.size(), "%s/matriarch-%u-%016llx", kSharedMemory, ::geteuid(),
                static_cast<unsigned long long>(hash_of(run_directory)));
  return path.data();
}

// The first place that works. A page that is in use is the answer, not a reason to look elsewhere.
template <typename Open>
system::SystemResult<Page> first_of(const std::vector<std::string>& paths, Open open) {
  auto page = open(paths.front());
  for (std::size_t i = 1; i < paths.size() && !page && page.error().code != EWOULDBLOCK; ++i) page = open(paths[i]);
  return page;
}

}  // namespace

std::string control_path(std::string_view run_directory) {
  return std::string(run_directory) + "/guardian.sock";
}

std::vector<std::string> page_paths(std::string_view run_directory) {
  const std::string beside = std::string(run_directory) + "/page";
  if (is_in_memory(std::string(run_directory)) || !is_in_memory(kSharedMemory)) return {beside};
  return {shared_memory_path(run_directory), beside};
}

system::SystemResult<Page> make_page(std::string_view run_directory) {
  return first_of(page_paths(run_directory), [](const std::string& path) { return Page::open_as_guardian(path); });
}

system::SystemResult<Page> open_page(std::string_view run_directory) {
  return first_of(page_paths(run_directory), [](const std::string& path) { return Page::open(path); });
}

}  // namespace matriarch::guardian
