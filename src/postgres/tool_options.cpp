#include "postgres/tool_options.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

std::string_view name_of(std::string_view option) {
  while (option.starts_with('-')) option.remove_prefix(1);
  return option.substr(0, option.find('='));
}

std::string human_size(double kilobytes) {
  constexpr std::array kUnits = {"kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (kilobytes >= 1024 && unit + 1 < kUnits.size()) {
    kilobytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", kilobytes, kilobytes < 10 && unit > 0 ? 1 : 0, kUnits[unit]);
}

}  // namespace

CheckedOptions check_options(std::string_view tool, const model::Options& options, std::span<const std::string_view> refused) {
  CheckedOptions result;
  for (const auto& option : options) {
    const auto name = name_of(option);
    if (std::find(refused.begin(), refused.end(), name) != refused.end()) {
      result.complaints.push_back(fmt::format("{} option for {} is not allowed", name, tool));
    } else {
      result.accepted.push_back(option.starts_with("-") ? option : "--" + option);
    }
  }
  return result;
}

bool has_option(const std::vector<std::string>& options, std::string_view name) {
  return std::any_of(options.begin(), options.end(), [&](const std::string& option) { return name_of(option) == name; });
}

std::vector<std::string> command_with_parameters(std::vector<std::string> words, const std::vector<std::pair<std::string, std::string>>& parameters) {
  for (const auto& [key, value] : parameters) words.push_back(fmt::format("--{}={}", key, value));
  return words;
}

std::optional<CopyProgress> parse_copy_progress(std::string_view line) {
  line = trim(line);
  const auto slash = line.find('/');
  const auto unit = line.find(" kB (");
  if (slash == std::string_view::npos || unit == std::string_view::npos || unit < slash) return std::nullopt;
  const auto done = to_number<std::uint64_t>(line.substr(0, slash));
  const auto total = to_number<std::uint64_t>(line.substr(slash + 1, unit - slash - 1));
  if (!done || !total) return std::nullopt;
  return CopyProgress{.done_kilobytes = *done, .total_kilobytes = *total};
}

std::string describe(const CopyProgress& progress, double seconds) {
  const auto done = static_cast<double>(progress.done_kilobytes), total = static_cast<double>(std::max(progress.total_kilobytes, progress.done_kilobytes));
  std::string text = fmt::format("{} of {}", human_size(done), human_size(total));
  if (seconds < 0.1 || done <= 0) return text;
  const double rate = done / seconds;
  return text + fmt::format(", {}/s, {:.0f} s left", human_size(rate), (total - done) / rate);
}

}  // namespace matriarch::postgres
