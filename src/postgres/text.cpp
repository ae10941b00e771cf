#include "postgres/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace matriarch::postgres {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Reads one word of a command line, which may be made of bare, single-quoted and double-quoted pieces.
class WordReader {
 public:
  explicit WordReader(std::string_view text) : rest_(text) {}

  bool at_end() {
    while (!rest_.empty() && kSpace.find(rest_.front()) != std::string_view::npos) rest_.remove_prefix(1);
    return rest_.empty();
  }
  std::optional<std::string> next() {
    std::string word;
    while (!rest_.empty() && kSpace.find(rest_.front()) == std::string_view::npos) {
      const char c = take();
      const bool complete = c == '\'' ? single_quoted(word) : c == '"' ? double_quoted(word) : c == '\\' ? escaped(word) : bare(word, c);
      if (!complete) return std::nullopt;
    }
    return word;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  static bool bare(std::string& word, char c) {
    word += c;
    return true;
  }
  bool escaped(std::string& word) {
    if (rest_.empty()) return false;
    word += take();
    return true;
  }
  bool single_quoted(std::string& word) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '\'') return true;
      word += c;
    }
    return false;
  }
  bool double_quoted(std::string& word) {
    while (!rest_.empty()) {
      char c = take();
      if (c == '"') return true;
      if (c == '\\' && !rest_.empty() && std::string_view("$`\"\\").find(rest_.front()) != std::string_view::npos) c = take();
      word += c;
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool equals_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  auto lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  for (auto& line : lines) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  }
  return lines;
}

std::string one_line(std::string_view message) {
  std::string text;
  for (const auto line : lines_of(trim(message))) {
    if (!text.empty()) text += "; ";
    text += trim(line);
  }
  return text;
}

template <typename Number>
std::optional<Number> to_number(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}
template std::optional<int> to_number(std::string_view, int);
template std::optional<std::uint16_t> to_number(std::string_view, int);
template std::optional<std::uint32_t> to_number(std::string_view, int);
template std::optional<std::int64_t> to_number(std::string_view, int);
template std::optional<std::uint64_t> to_number(std::string_view, int);

std::optional<std::vector<std::string>> split_shell_words(std::string_view command) {
  std::vector<std::string> words;
  WordReader reader(command);
  while (!reader.at_end()) {
    auto word = reader.next();
    if (!word) return std::nullopt;
    words.push_back(std::move(*word));
  }
  return words;
}

}  // namespace matriarch::postgres
