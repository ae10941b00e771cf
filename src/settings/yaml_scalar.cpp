#include "settings/yaml_scalar.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace matriarch::settings {
namespace {

namespace json = boost::json;

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

constexpr std::array<std::string_view, 5> kNulls{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 9> kTrue{"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::array<std::string_view, 9> kFalse{"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_octal(char c) { return c >= '0' && c <= '7'; }
bool is_binary(char c) { return c == '0' || c == '1'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// All characters are digits of the base or `_`, and at least one is a digit.
template <typename IsDigit>
bool is_number_of(std::string_view text, IsDigit is_one) {
  bool any = false;
  for (const char c : text) {
    if (is_one(c)) any = true;
    else if (c != '_') return false;
  }
  return any;
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

// (:[0-5]?[0-9])+ and nothing after it
bool is_base_60_tail(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    if (text[0] != ':') return false;
    std::size_t digits = 0;
    while (digits + 1 < text.size() && is_digit(text[digits + 1])) ++digits;
    if (digits == 0 || digits > 2 || (digits == 2 && text[1] > '5')) return false;
    text.remove_prefix(digits + 1);
  }
  return true;
}

bool is_int(std::string_view text) {
  const std::string_view body = without_sign(text);
  if (body.empty() || !is_digit(body[0])) return false;
  if (body.starts_with("0b")) return is_number_of(body.substr(2), is_binary);
  if (body.starts_with("0x")) return is_number_of(body.substr(2), is_hex);
  if (body[0] == '0') return is_number_of(body, is_octal);
  const std::size_t colon = body.find(':');
  if (!is_number_of(body.substr(0, colon), is_digit)) return false;
  return colon == std::string_view::npos || is_base_60_tail(body.substr(colon));
}

std::size_t count_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && (is_digit(text[count]) || text[count] == '_')) ++count;
  return count;
}

// ([eE][-+][0-9]+)? and nothing after it
bool is_exponent_or_end(std::string_view text) {
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  if (text.size() < 3 || (text[1] != '-' && text[1] != '+')) return false;
  for (const char c : text.substr(2)) {
    if (!is_digit(c)) return false;
  }
  return true;
}

bool is_special_float(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kInfinity{".inf", ".Inf", ".INF"};
  static constexpr std::array<std::string_view, 3> kNan{".nan", ".NaN", ".NAN"};
  return is_one_of(without_sign(text), kInfinity) || is_one_of(text, kNan);
}

bool is_float(std::string_view text) {
  if (is_special_float(text)) return true;
  if (text.size() > 1 && text[0] == '.' && is_digit(text[1])) {
    return is_exponent_or_end(text.substr(1 + count_digits(text.substr(1))));
  }
  const std::string_view body = without_sign(text);
  if (body.empty() || !is_digit(body[0])) return false;
  const std::size_t dot = body.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view whole = body.substr(0, dot);
  const std::string_view fraction = body.substr(dot + 1);
  const std::size_t digits = count_digits(whole);
  if (digits == whole.size()) return is_exponent_or_end(fraction.substr(count_digits(fraction)));
  return is_base_60_tail(whole.substr(digits)) && count_digits(fraction) == fraction.size();
}

// yyyy-mm-dd, or yyyy-m-d followed by a time.
bool is_timestamp(std::string_view text) {
  if (text.size() < 8) return false;
  for (std::size_t i = 0; i < 4; ++i) {
    if (!is_digit(text[i])) return false;
  }
  if (text[4] != '-') return false;
  const auto part = [&](std::size_t& at) {
    std::size_t digits = 0;
    while (at < text.size() && is_digit(text[at])) ++at, ++digits;
    return digits;
  };
  std::size_t at = 5;
  const std::size_t month = part(at);
  if (month == 0 || month > 2 || at >= text.size() || text[at] != '-') return false;
  ++at;
  const std::size_t day = part(at);
  if (day == 0 || day > 2) return false;
  if (at == text.size()) return month == 2 && day == 2;
  if (text[at] != 'T' && text[at] != 't' && text[at] != ' ' && text[at] != '\t') return false;
  return text.find(':', at) != std::string_view::npos;
}

std::string without_underscores(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != '_') result += c;
  }
  return result;
}

// Nothing when it does not fit: then the caller keeps the text rather than a wrong number.
json::value to_integer(std::string_view digits, int base, bool negative) {
  std::uint64_t magnitude = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) return nullptr;
  constexpr std::uint64_t kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!negative) return magnitude <= kMost ? json::value(static_cast<std::int64_t>(magnitude)) : json::value(magnitude);
  if (magnitude > kMost + 1) return nullptr;
  return static_cast<std::int64_t>(~magnitude + 1);
}

std::vector<std::string> split_at_colons(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', from)) {
    parts.push_back(text.substr(from, colon - from));
    from = colon + 1;
  }
  parts.push_back(text.substr(from));
  return parts;
}

double to_double(const std::string& text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// 190:20:30 is (190 * 60 + 20) * 60 + 30.
double base_60(const std::string& text) {
  double number = 0;
  for (const std::string& part : split_at_colons(text)) number = number * 60 + to_double(part);
  return number;
}

json::value int_value(std::string_view text) {
  const bool negative = text[0] == '-';
  const std::string digits = without_underscores(without_sign(text));
  json::value result;
  if (digits.starts_with("0b")) result = to_integer(std::string_view(digits).substr(2), 2, negative);
  else if (digits.starts_with("0x")) result = to_integer(std::string_view(digits).substr(2), 16, negative);
  else if (digits.find(':') != std::string::npos) {
    const double number = base_60(digits);
    if (number < 9e15) result = static_cast<std::int64_t>(negative ? -number : number);
  } else {
    result = to_integer(digits, digits[0] == '0' ? 8 : 10, negative);
  }
  return result.is_null() ? json::value(json::string(text)) : result;
}

json::value float_value(std::string_view text) {
  const double sign = text[0] == '-' ? -1.0 : 1.0;
  if (is_special_float(text)) {
    const bool infinite = text.find_first_of("iI") != std::string_view::npos;
    return infinite ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  const std::string digits = without_underscores(without_sign(text));
  if (digits.find(':') != std::string::npos) return sign * base_60(digits);
  double number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec == std::errc::result_out_of_range) number = std::strtod(digits.c_str(), nullptr);  // 0 or infinity
  return sign * number;
}

}  // namespace

ScalarKind kind_of_plain(std::string_view text) {
  if (is_one_of(text, kNulls)) return ScalarKind::kNull;
  if (is_one_of(text, kTrue) || is_one_of(text, kFalse)) return ScalarKind::kBool;
  if (text == "<<") return ScalarKind::kMerge;
  if (text == "=") return ScalarKind::kValue;
  if (is_int(text)) return ScalarKind::kInt;
  if (is_float(text)) return ScalarKind::kFloat;
  if (is_timestamp(text)) return ScalarKind::kTimestamp;
  return ScalarKind::kString;
}

json::value resolve_plain(std::string_view text) {
  switch (kind_of_plain(text)) {
    case ScalarKind::kNull: return nullptr;
    case ScalarKind::kBool: return is_one_of(text, kTrue);
    case ScalarKind::kInt: return int_value(text);
    case ScalarKind::kFloat: return float_value(text);
    case ScalarKind::kString:
    case ScalarKind::kTimestamp:
    case ScalarKind::kMerge:
    case ScalarKind::kValue: break;
  }
  return json::string(text);
}

std::optional<json::value> resolve_as(ScalarKind kind, std::string_view text) {
  const ScalarKind looks = kind_of_plain(text);
  if (kind == ScalarKind::kString || kind == ScalarKind::kTimestamp) return json::value(json::string(text));
  if (kind == ScalarKind::kFloat && looks == ScalarKind::kInt) {
    const json::value number = int_value(text);
    if (number.is_int64()) return static_cast<double>(number.get_int64());
    return std::nullopt;
  }
  if (kind != looks) return std::nullopt;
  return resolve_plain(text);
}

}  // namespace matriarch::settings
