#include "postgres/version.hpp"

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

std::string_view leading_digits(std::string_view text) {
  return text.substr(0, text.find_first_not_of("0123456789"));
}

}  // namespace

std::optional<int> parse_version_output(std::string_view output) {
  const auto words = split(trim(output), ' ');
  if (words.size() < 3) return std::nullopt;
  const std::string_view text = words[2];
  const auto major = to_number<int>(leading_digits(text));
  if (!major || *major < 10 || *major > 999) return std::nullopt;
  const auto dot = text.find('.');
  const int minor = dot == std::string_view::npos ? 0 : to_number<int>(leading_digits(text.substr(dot + 1))).value_or(0);
  return *major * 10000 + (minor < 10000 ? minor : 0);
}

std::optional<int> parse_major_version(std::string_view content) {
  const auto major = to_number<int>(trim(content));
  if (!major || *major < 10 || *major > 999) return std::nullopt;
  return *major * 10000;
}

}  // namespace matriarch::postgres
