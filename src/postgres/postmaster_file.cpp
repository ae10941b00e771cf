#include "postgres/postmaster_file.hpp"

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

PostmasterStatus to_status(std::string_view text) {
  if (text == "starting") return PostmasterStatus::kStarting;
  if (text == "ready") return PostmasterStatus::kReady;
  if (text == "standby") return PostmasterStatus::kStandby;
  if (text == "stopping") return PostmasterStatus::kStopping;
  return PostmasterStatus::kUnknown;
}

}  // namespace

std::optional<PostmasterFile> parse_postmaster_file(std::string_view content) {
  const auto lines = lines_of(content);
  const auto line = [&](std::size_t number) { return number <= lines.size() ? trim(lines[number - 1]) : std::string_view{}; };
  const auto pid = to_number<std::int64_t>(line(1));
  if (!pid || *pid == 0 || *pid > INT32_MAX || *pid < -INT32_MAX) return std::nullopt;
  return PostmasterFile{
      .pid = static_cast<pid_t>(*pid < 0 ? -*pid : *pid),
      .single_user = *pid < 0,
      .start_time = to_number<std::int64_t>(line(3)).value_or(0),
      .port = to_number<std::uint16_t>(line(4)).value_or(0),
      .socket_directory = std::string(line(5)),
      .listen_address = std::string(line(6)),
      .status = to_status(line(8)),
  };
}

std::vector<std::pair<std::string, std::string>> parse_postmaster_options(std::string_view content) {
  std::vector<std::pair<std::string, std::string>> options;
  // PostgreSQL writes: /path/postgres "-D" "/data" "--name=value" and reads it back by the same separators.
  std::string_view rest = trim(content);
  for (auto at = rest.find("\" \""); !rest.empty();) {
    std::string_view item = rest.substr(0, at);
    rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 3);
    at = rest.find("\" \"");
    if (item.ends_with('"') && rest.empty()) item.remove_suffix(1);
    const auto equals = item.find('=');
    if (!item.starts_with("--") || equals == std::string_view::npos) continue;
    options.emplace_back(item.substr(2, equals - 2), item.substr(equals + 1));
  }
  return options;
}

}  // namespace matriarch::postgres
