#include "postgres/archive_command.hpp"

#include <algorithm>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

bool is_wal_name(std::string_view name) {
  return name.size() == 24 && std::all_of(name.begin(), name.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

}  // namespace

std::string fill_placeholders(std::string_view command, const std::map<char, std::string>& values) {
  std::string text;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const bool is_placeholder = command[i] == '%' && i + 1 < command.size();
    const auto found = is_placeholder ? values.find(command[i + 1]) : values.end();
    if (is_placeholder && command[i + 1] == '%') {
      text += '%';
      ++i;
    } else if (found != values.end()) {
      text += found->second;
      ++i;
    } else {
      text += command[i];
    }
  }
  return text;
}

bool is_ready_file(std::string_view name) {
  constexpr std::string_view kReady = ".ready", kPartial = ".partial";
  if (!name.ends_with(kReady)) return false;
  name.remove_suffix(kReady.size());
  if (name.ends_with(kPartial)) name.remove_suffix(kPartial.size());
  return is_wal_name(name);
}

std::string missing_wal_file(std::string_view output) {
  constexpr std::string_view kBegin = "could not open file \"";
  for (const auto line : lines_of(output)) {
    const auto begin = line.find(kBegin);
    if (begin == std::string_view::npos) continue;
    const auto rest = line.substr(begin + kBegin.size());
    const auto end = rest.find("\": ");
    if (end == std::string_view::npos) continue;
    const auto path = rest.substr(0, end);
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos || !path.substr(0, slash).ends_with("/pg_wal")) continue;
    if (path.size() - slash - 1 == 24) return std::string(path.substr(slash + 1));
  }
  return {};
}

}  // namespace matriarch::postgres
