#include "system/proc.hpp"

#include <fcntl.h>
#include <limits.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "system/file.hpp"
#include "system/process.hpp"

namespace matriarch::system {
namespace {

constexpr std::size_t kMaxArguments = 2u << 20;  // the kernel's own bound for one exec is of this order

using Path = std::array<char, 64>;

Path proc_path(pid_t pid, const char* file) noexcept {
  Path path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/%s", static_cast<int>(pid), file);
  return path;
}

template <std::size_t N>
std::string_view read_into(std::array<char, N>& buffer, const Path& path) noexcept {
  const Fd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
  return size > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(size)) : std::string_view();
}

// The next blank-separated field of `rest`, which moves behind it.
std::string_view next_field(std::string_view& rest) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const auto field = rest.substr(0, rest.find(' '));
  rest.remove_prefix(field.size());
  return field;
}

template <typename Number>
bool parse(std::string_view text, Number& number) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

SystemResult<std::string> read_link(pid_t pid, const char* link) {
  const Path path = proc_path(pid, link);
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(path.data(), target.data(), target.size());
  if (size < 0) return failed("read", path.data());
  return std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace

std::optional<ProcessStat> process_stat(pid_t pid) noexcept {
  std::array<char, 1024> buffer{};
  const std::string_view text = read_into(buffer, proc_path(pid, "stat"));
  // The name is in parentheses and may itself hold blanks and parentheses: the fields begin after the last one.
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(name_end + 1);

  ProcessStat stat{.pid = pid};
  const auto state = next_field(rest);
  if (state.size() != 1) return std::nullopt;
  stat.state = state[0];
  if (!parse(next_field(rest), stat.parent)) return std::nullopt;
  next_field(rest);  // process group
  if (!parse(next_field(rest), stat.session)) return std::nullopt;
  constexpr int kFieldsBetween = 15;  // between session (6) and starttime (22) of proc(5)
  for (int i = 0; i < kFieldsBetween; ++i) next_field(rest);
  if (!parse(next_field(rest), stat.start_ticks)) return std::nullopt;
  return stat;
}

SystemResult<std::vector<std::string>> process_arguments(pid_t pid) {
  const auto content = read_file(proc_path(pid, "cmdline").data(), kMaxArguments);
  if (!content) return tl::unexpected(content.error());
  std::vector<std::string> arguments;
  std::string_view rest = *content;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\0'), rest.size());
    arguments.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return arguments;
}

SystemResult<std::string> process_directory(pid_t pid) {
  return read_link(pid, "cwd");
}

SystemResult<std::string> process_executable(pid_t pid) {
  return read_link(pid, "exe");
}

bool has_pending_kill(pid_t pid) noexcept {
  std::array<char, 4096> buffer{};
  const std::string_view text = read_into(buffer, proc_path(pid, "status"));
  for (const std::string_view key : {"\nSigPnd:\t", "\nShdPnd:\t"}) {
    const auto at = text.find(key);
    if (at == std::string_view::npos) continue;
    const std::string_view digits = text.substr(at + key.size(), 16);
    std::uint64_t mask = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), mask, 16);
    if (parsed.ec == std::errc() && (mask & (std::uint64_t{1} << (SIGKILL - 1))) != 0) return true;
  }
  return false;
}

SystemResult<Fd> open_pidfd_of(const ProcessStat& stat) {
  auto fd = open_pidfd(stat.pid);
  if (!fd) return fd;
  // Read after the pidfd was opened: if it is still the same process now, the pidfd can be of no other.
  const auto now = process_stat(stat.pid);
  if (!now || now->start_ticks != stat.start_ticks) {
    return failed_with(ESRCH, "open a pidfd of process " + std::to_string(stat.pid));
  }
  return fd;
}

}  // namespace matriarch::system
