#include "system/cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "system/file.hpp"

namespace matriarch::system {
namespace {

constexpr std::size_t kMaxProcFile = 1u << 20;

// Calls `each` with every line until it returns true.
template <typename Each>
void find_line(std::string_view text, Each each) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (each(line)) return;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

// Where the unified hierarchy is mounted: from "ID PARENT DEV ROOT MOUNTPOINT OPTIONS ... - cgroup2 SOURCE OPTIONS".
std::optional<std::string> mount_point() {
  const auto text = read_file("/proc/self/mountinfo", kMaxProcFile);
  if (!text) return std::nullopt;
  std::optional<std::string> found;
  find_line(*text, [&](std::string_view line) {
    if (line.find(" - cgroup2 ") == std::string_view::npos) return false;
    for (int field = 0; field < 4; ++field) line.remove_prefix(line.find(' ') + 1);
    found = std::string(line.substr(0, line.find(' ')));
    return true;
  });
  return found;
}

// Our place in it: the line "0::/path".
std::optional<std::string> own_place() {
  const auto text = read_file("/proc/self/cgroup", kMaxProcFile);
  if (!text) return std::nullopt;
  std::optional<std::string> found;
  find_line(*text, [&](std::string_view line) {
    if (!line.starts_with("0::/")) return false;
    found = std::string(line.substr(3));
    return true;
  });
  return found;
}

SystemResult<void> write_to(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed("write", path);
  return {};
}

}  // namespace

std::optional<Cgroup> Cgroup::own_delegated() {
  const auto mount = mount_point();
  const auto place = own_place();
  if (!mount || !place) return std::nullopt;
  std::string path = *place == "/" ? *mount : *mount + *place;
  const bool may_make_groups = ::access(path.c_str(), W_OK) == 0;
  const bool may_move_processes = ::access((path + "/cgroup.procs").c_str(), W_OK) == 0;
  if (!may_make_groups || !may_move_processes) return std::nullopt;
  return Cgroup(std::move(path));
}

SystemResult<Cgroup> Cgroup::child(const std::string& name) const {
  Cgroup made(path_ + "/" + name);
  if (::mkdir(made.path_.c_str(), 0755) != 0 && errno != EEXIST) return failed("make the control group", made.path_);
  // cgroup.kill came with Linux 5.14.
  if (::access((made.path_ + "/cgroup.kill").c_str(), W_OK) != 0) return failed("use", made.path_ + "/cgroup.kill");
  return made;
}

SystemResult<Fd> Cgroup::open_procs() const {
  const std::string file = path_ + "/cgroup.procs";
  Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return failed("open", file);
  return fd;
}

SystemResult<void> Cgroup::add(pid_t pid) const {
  return write_to(path_ + "/cgroup.procs", std::to_string(pid));
}

SystemResult<void> Cgroup::kill() const {
  return write_to(path_ + "/cgroup.kill", "1");
}

SystemResult<bool> Cgroup::populated() const {
  const auto events = read_file(path_ + "/cgroup.events", kMaxProcFile);
  if (!events) return tl::unexpected(events.error());
  return events->find("populated 1") != std::string::npos;
}

SystemResult<void> Cgroup::remove() const {
  if (::rmdir(path_.c_str()) != 0) return failed("remove the control group", path_);
  return {};
}

}  // namespace matriarch::system
