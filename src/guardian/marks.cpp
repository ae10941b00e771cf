#include "guardian/marks.hpp"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>

#include "system/file.hpp"

namespace matriarch::guardian {
namespace {

constexpr std::size_t kMaxEnvironment = 4u << 20;

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || pid <= 0) return std::nullopt;
  return pid;
}

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Asks `may_match` of every pid first: it should be cheap, there are hundreds.
template <typename Predicate>
std::vector<system::ProcessStat> find_processes(Predicate may_match) {
  std::vector<system::ProcessStat> found;
  const auto close = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> proc(::opendir("/proc"), close);
  if (!proc) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = parse_pid(entry->d_name);
    if (!pid || *pid == ::getpid() || !may_match(*pid)) continue;
    const auto stat = system::process_stat(*pid);
    if (stat && !stat->has_ended()) found.push_back(*stat);
  }
  return found;
}

std::string_view without_deleted(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";  // the package was upgraded under a running server
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

using LinkBuffer = std::array<char, PATH_MAX>;

// Empty when the process is gone, or not ours to look at.
std::string_view read_link(pid_t pid, const char* link, LinkBuffer& buffer) {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/%s", pid, link);
  const ssize_t size = ::readlink(path.data(), buffer.data(), buffer.size());
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

bool is_titled_backend(pid_t pid) {
  const auto arguments = system::process_arguments(pid);
  return arguments && !arguments->empty() && arguments->front().starts_with("postgres: ");
}

std::string_view role_name(Ward ward) {
  switch (ward) {
    case Ward::kAgent:
      return "agent";
    case Ward::kStore:
      return "store";
    case Ward::kPostgres:
      return "postgres";
  }
  return "";
}

}  // namespace

std::string mark(Ward ward, std::string_view run_directory) {
  return std::string(kMarkVariable).append("=").append(role_name(ward)).append(":").append(run_directory);
}

std::vector<std::string> marked_environment(const std::vector<std::string>& environment, Ward ward,
                                            std::string_view run_directory) {
  const std::string prefix = std::string(kMarkVariable) + "=";
  std::vector<std::string> marked;
  marked.reserve(environment.size() + 1);
  for (const std::string& variable : environment) {
    if (!variable.starts_with(prefix)) marked.push_back(variable);
  }
  marked.push_back(mark(ward, run_directory));
  return marked;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) environment.emplace_back(*variable);
  return environment;
}

bool carries_mark(pid_t pid, std::string_view wanted) {
  const auto text = system::read_file(proc_file(pid, "environ"), kMaxEnvironment);
  if (!text) return false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto variable = rest.substr(0, rest.find('\0'));
    if (variable == wanted) return true;
    rest.remove_prefix(std::min(variable.size() + 1, rest.size()));
  }
  return false;
}

std::vector<system::ProcessStat> find_marked(std::string_view wanted) {
  return find_processes([wanted](pid_t pid) { return carries_mark(pid, wanted); });
}

bool is_postgres_in(pid_t pid, std::string_view data_directory) {
  LinkBuffer buffer;
  const auto program = without_deleted(read_link(pid, "exe", buffer));
  const auto name = program.substr(program.rfind('/') + 1);
  if (name != "postgres" && name != "postmaster") return false;
  return without_deleted(read_link(pid, "cwd", buffer)) == data_directory;
}

std::vector<system::ProcessStat> find_orphaned_backends(std::string_view data_directory) {
  auto found = find_processes([data_directory](pid_t pid) { return is_postgres_in(pid, data_directory); });
  std::erase_if(found, [data_directory](const system::ProcessStat& stat) {
    return is_postgres_in(stat.parent, data_directory) || !is_titled_backend(stat.pid);
  });
  return found;
}

std::optional<ProcessRef> find_postmaster(const std::string& data_directory) {
  constexpr std::size_t kMaxPidFile = 8192;
  const auto text = system::read_file(data_directory + "/postmaster.pid", kMaxPidFile);
  if (!text) return std::nullopt;
  const auto pid = parse_pid(std::string_view(*text).substr(0, text->find('\n')));
  if (!pid || !is_postgres_in(*pid, resolved(data_directory))) return std::nullopt;
  return identify(*pid);
}

std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (real) return real.get();
  const auto slash = path.rfind('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) return path;
  return resolved(path.substr(0, slash)) + path.substr(slash);
}

std::optional<ProcessRef> identify(pid_t pid) {
  const auto stat = system::process_stat(pid);
  if (!stat || stat->has_ended()) return std::nullopt;
  return ProcessRef{.pid = stat->pid, .start_ticks = stat->start_ticks};
}

bool is_alive(const ProcessRef& process) {
  return process && identify(static_cast<pid_t>(process.pid)) == process;
}

}  // namespace matriarch::guardian
