#include "ctl/unified_diff.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace matriarch::ctl {
namespace {

constexpr std::size_t kContext = 3;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

struct Line {
  char mark = ' ';  // ' ', '-', '+'
  std::string_view text;
  std::size_t before = 0, after = 0;  // lines consumed ahead of it on each side
};

// The longest common subsequence; configurations are a few hundred lines.
std::vector<Line> compare(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  std::vector<std::vector<std::uint32_t>> common(a.size() + 1, std::vector<std::uint32_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t k = b.size(); k-- > 0;) common[i][k] = a[i] == b[k] ? common[i + 1][k + 1] + 1 : std::max(common[i + 1][k], common[i][k + 1]);
  }
  std::vector<Line> lines;
  std::size_t i = 0, k = 0;
  while (i < a.size() || k < b.size()) {
    if (i < a.size() && k < b.size() && a[i] == b[k]) {
      lines.push_back({' ', a[i], i, k});
      ++i, ++k;
    } else if (i < a.size() && (k == b.size() || common[i + 1][k] >= common[i][k + 1])) {
      lines.push_back({'-', a[i], i, k});
      ++i;
    } else {
      lines.push_back({'+', b[k], i, k});
      ++k;
    }
  }
  return lines;
}

// "3" for one line, "3,4" for more, "2,0" for none after line 2.
std::string range(std::size_t start, std::size_t count) {
  if (count == 1) return fmt::format("{}", start + 1);
  return fmt::format("{},{}", count ? start + 1 : start, count);
}

std::string hunk(const std::vector<Line>& lines, std::size_t from, std::size_t to) {
  std::size_t removed = 0, added = 0;
  std::string body;
  for (std::size_t i = from; i < to; ++i) {
    removed += lines[i].mark != '+';
    added += lines[i].mark != '-';
    body += fmt::format("{}{}\n", lines[i].mark, lines[i].text);
  }
  return fmt::format("@@ -{} +{} @@\n{}", range(lines[from].before, removed), range(lines[from].after, added), body);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after) {
  const auto lines = compare(lines_of(before), lines_of(after));
  std::string text;
  for (std::size_t i = 0; i < lines.size();) {
    if (lines[i].mark == ' ') {
      ++i;
      continue;
    }
    const std::size_t from = i > kContext ? i - kContext : 0;
    std::size_t last = i;  // the last change of this hunk: the next one is more than two contexts away
    for (std::size_t k = i; k < lines.size() && k - last <= 2 * kContext + 1; ++k) {
      if (lines[k].mark != ' ') last = k;
    }
    const std::size_t to = std::min(last + kContext + 1, lines.size());
    text += hunk(lines, from, to);
    i = to;
  }
  return text.empty() ? text : "--- \n+++ \n" + text;
}

std::string coloured(std::string_view diff) {
  std::string text;
  for (const auto line : lines_of(diff)) {
    const char* colour = line.starts_with("+++") || line.starts_with("---") ? "\x1b[1m"
                         : line.starts_with('+')                              ? "\x1b[32m"
                         : line.starts_with('-')                              ? "\x1b[31m"
                         : line.starts_with('@')                              ? "\x1b[36m"
                                                                              : "";
    text += fmt::format("{}{}{}\n", colour, line, *colour ? "\x1b[0m" : "");
  }
  return text;
}

}  // namespace matriarch::ctl
