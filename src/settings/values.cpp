#include "settings/values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cfenv>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <span>

namespace matriarch::settings {
namespace {

namespace json = boost::json;

std::string float_form(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted_form(const json::value& value) {
  if (!value.is_string()) return string_form(value);
  const std::string_view text = value.get_string();
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') result += '\\';
    result += c;
  }
  return result + quote;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c); });
  return result;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// A unit within its family, as a multiple of the family's smallest.
struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array<Unit, 5> kMemory{{{"B", 1.0},
                                       {"kB", 1024.0},
                                       {"MB", 1048576.0},
                                       {"GB", 1073741824.0},
                                       {"TB", 1099511627776.0}}};
constexpr std::array<Unit, 6> kTime{{{"us", 1.0},
                                     {"ms", 1e3},
                                     {"s", 1e6},
                                     {"min", 6e7},
                                     {"h", 3.6e9},
                                     {"d", 8.64e10}}};

// "8kB" is eight times the unit kB.
struct BaseUnit {
  double multiplier = 1;
  std::size_t index = 0;  // within its family
  std::span<const Unit> family;
};

std::optional<std::size_t> index_of(std::span<const Unit> family, std::string_view name) {
  for (std::size_t i = 0; i < family.size(); ++i) {
    if (family[i].name == name) return i;
  }
  return std::nullopt;
}

std::optional<BaseUnit> parse_base_unit(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  BaseUnit base;
  if (digits > 0) base.multiplier = std::stod(std::string(text.substr(0, digits)));
  if (base.multiplier <= 0) return std::nullopt;
  for (const std::span<const Unit> family : {std::span<const Unit>(kMemory), std::span<const Unit>(kTime)}) {
    if (const auto index = index_of(family, text.substr(digits))) {
      base.index = *index;
      base.family = family;
      return base;
    }
  }
  return std::nullopt;
}

double round_half_even(double number) { return std::nearbyint(number); }

// As PostgreSQL's convert_to_base_unit: fractions of a unit are rounded to whole ones of the next smaller unit.
std::optional<double> to_base_unit(double number, std::string_view unit, std::string_view base_unit) {
  if (unit.empty()) return number;
  const auto base = parse_base_unit(base_unit);
  if (!base) return std::nullopt;
  const auto index = index_of(base->family, unit);
  if (!index) return std::nullopt;
  const double base_factor = base->family[base->index].factor * base->multiplier;
  const double converted = number * base->family[*index].factor / base_factor;
  if (*index == 0) return converted;
  const double smaller = base->family[*index - 1].factor;
  const double whole = round_half_even(number * base->family[*index].factor / smaller);
  return whole * smaller / base_factor;
}

struct Numeral {
  double number = 0;
  std::string_view rest;
};

std::size_t sign_length(std::string_view text) { return !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0; }

// [-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?
std::optional<Numeral> leading_real(std::string_view text) {
  std::size_t at = sign_length(text);
  const std::size_t start = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
    ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
  }
  if (at == start) return std::nullopt;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t exponent = at + 1;
    exponent += sign_length(text.substr(exponent));
    if (exponent < text.size() && is_digit(text[exponent])) {
      while (exponent < text.size() && is_digit(text[exponent])) ++exponent;
      at = exponent;
    }
  }
  double number = 0;
  const char* first = text.data() + start;
  const auto parsed = std::from_chars(first, text.data() + at, number);
  if (parsed.ec != std::errc{}) return std::nullopt;  // out of range
  if (text[0] == '-') number = -number;
  return Numeral{number, text.substr(at)};
}

struct Integer {
  bool fits = true;
  std::int64_t number = 0;
  std::string_view rest;
};

// Hex, else octal, else decimal.
std::optional<Integer> leading_integer(std::string_view text) {
  std::size_t at = sign_length(text);
  if (at >= text.size() || !is_digit(text[at])) return std::nullopt;
  int base = 10;
  std::size_t digits_from = at;
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (text[at] == '0' && at + 2 < text.size() && (text[at + 1] == 'x' || text[at + 1] == 'X') && is_hex(text[at + 2])) {
    base = 16;
    digits_from = at = at + 2;
    while (at < text.size() && is_hex(text[at])) ++at;
  } else if (text[at] == '0') {
    base = 8;
    while (at < text.size() && text[at] >= '0' && text[at] <= '7') ++at;
  } else {
    while (at < text.size() && is_digit(text[at])) ++at;
  }
  const std::string number = (text[0] == '-' ? "-" : "") + std::string(text.substr(digits_from, at - digits_from));
  Integer result{.rest = text.substr(at)};
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), result.number, base);
  result.fits = parsed.ec == std::errc{};
  return result;
}

std::optional<std::int64_t> to_int64(double number) {
  const double rounded = round_half_even(number);
  if (!(rounded >= -9.2e18 && rounded <= 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(rounded);
}

}  // namespace

std::string string_form(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "None";
    case json::kind::bool_: return value.get_bool() ? "True" : "False";
    case json::kind::int64: return fmt::format("{}", value.get_int64());
    case json::kind::uint64: return fmt::format("{}", value.get_uint64());
    case json::kind::double_: return float_form(value.get_double());
    case json::kind::string: return std::string(value.get_string());
    case json::kind::array: {
      std::string text = "[";
      for (const auto& item : value.get_array()) text += (text.size() > 1 ? ", " : "") + quoted_form(item);
      return text + "]";
    }
    case json::kind::object: {
      std::string text = "{";
      for (const auto& [key, item] : value.get_object()) {
        text += (text.size() > 1 ? ", " : "") + quoted_form(json::value(key)) + ": " + quoted_form(item);
      }
      return text + "}";
    }
  }
  return {};
}

bool is_truthy(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return false;
    case json::kind::bool_: return value.get_bool();
    case json::kind::int64: return value.get_int64() != 0;
    case json::kind::uint64: return value.get_uint64() != 0;
    case json::kind::double_: return value.get_double() != 0;
    case json::kind::string: return !value.get_string().empty();
    case json::kind::array: return !value.get_array().empty();
    case json::kind::object: return !value.get_object().empty();
  }
  return false;
}

std::optional<bool> parse_bool(const json::value& value) {
  const std::string text = lower(string_form(value));
  if (text == "on" || text == "true" || text == "yes" || text == "1") return true;
  if (text == "off" || text == "false" || text == "no" || text == "0") return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_int(const json::value& value, std::string_view base_unit) {
  if (value.is_bool() || value.is_null() || value.is_structured()) return std::nullopt;
  const std::string form = string_form(value);
  const std::string_view text = trim(form);
  auto integer = leading_integer(text);
  const std::string_view rest = integer ? integer->rest : text;
  const bool is_real = rest.starts_with('.') || (integer && (rest.starts_with('e') || rest.starts_with('E')));
  if (!integer && !rest.starts_with('.') && !(sign_length(rest) == 1 && rest.substr(1).starts_with('.'))) return std::nullopt;
  if (integer && !is_real) {
    const std::string_view unit = trim(integer->rest);
    if (!integer->fits) return std::nullopt;
    if (unit.empty()) return integer->number;
    const auto converted = to_base_unit(static_cast<double>(integer->number), unit, base_unit);
    return converted ? to_int64(*converted) : std::nullopt;
  }
  const auto real = leading_real(text);
  if (!real) return std::nullopt;
  const auto converted = to_base_unit(real->number, trim(real->rest), base_unit);
  return converted ? to_int64(*converted) : std::nullopt;
}

std::optional<double> parse_real(const json::value& value, std::string_view base_unit) {
  if (value.is_bool() || value.is_null() || value.is_structured()) return std::nullopt;
  const std::string form = string_form(value);
  const auto real = leading_real(trim(form));
  if (!real) return std::nullopt;
  return to_base_unit(real->number, trim(real->rest), base_unit);
}

std::optional<double> parse_seconds(const json::value& value) { return parse_real(value, "s"); }

std::string with_unit(std::int64_t value, std::string_view base_unit) {
  const auto base = parse_base_unit(base_unit);
  if (!base || value == 0) return fmt::format("{}", value);
  const double amount = static_cast<double>(value) * base->multiplier * base->family[base->index].factor;
  for (std::size_t i = base->family.size(); i-- > 0;) {
    const double in_unit = amount / base->family[i].factor;
    if (in_unit == std::trunc(in_unit) && std::abs(in_unit) < 9e15) {
      return fmt::format("{}{}", static_cast<std::int64_t>(in_unit), base->family[i].name);
    }
  }
  return fmt::format("{}", value);
}

}  // namespace matriarch::settings
