#include "postgres/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>

#include <fmt/format.h>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

struct Unit {
  std::string_view name;
  double size;  // in the family's smallest unit
};
constexpr std::array kMemory = {Unit{"TB", 1099511627776.0}, Unit{"GB", 1073741824.0}, Unit{"MB", 1048576.0}, Unit{"kB", 1024.0}, Unit{"B", 1.0}};
constexpr std::array kTime = {Unit{"d", 86400e6}, Unit{"h", 3600e6}, Unit{"min", 60e6}, Unit{"s", 1e6}, Unit{"ms", 1e3}, Unit{"us", 1.0}};

const Unit* find(std::span<const Unit> family, std::string_view name) {
  for (const Unit& unit : family) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

struct Base {
  std::span<const Unit> family;
  double size = 0;  // of one base unit: "8kB" is 8192
};

// "8kB" is eight times kB; a unit that belongs to no family is nothing.
std::optional<Base> to_base(std::string_view base_unit) {
  double factor = 1;
  const auto digits = base_unit.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  if (digits > 0) factor = static_cast<double>(to_number<std::int64_t>(base_unit.substr(0, digits)).value_or(1));
  const auto name = base_unit.substr(digits);
  for (const std::span<const Unit> family : {std::span<const Unit>(kMemory), std::span<const Unit>(kTime)}) {
    if (const Unit* unit = find(family, name)) return Base{family, factor * unit->size};
  }
  return std::nullopt;
}

// Converts to base units. A fraction is first rounded to whole units of the next smaller size, as PostgreSQL does
// ("1.3GB" is a whole number of MB before it is counted in 8kB pages).
std::optional<double> convert(double value, std::string_view unit_name, std::string_view base_unit) {
  const auto base = to_base(base_unit);
  if (!base) return std::nullopt;
  const Unit* unit = find(base->family, unit_name);
  if (unit == nullptr) return std::nullopt;
  const double result = value * unit->size / base->size;
  const bool is_smallest = unit == &base->family.back();
  if (is_smallest || std::nearbyint(value) == value) return result;
  const double step = (unit + 1)->size / base->size;
  return std::nearbyint(result / step) * step;
}

struct Parsed {
  double value;
  std::string_view unit;
};

// A decimal number with fraction and exponent at the beginning; what follows is the unit.
std::optional<Parsed> leading_real(std::string_view text) {
  std::string_view digits = text;
  const bool plus = digits.starts_with('+');
  if (plus) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  return Parsed{value, trim(std::string_view(end, static_cast<std::size_t>(digits.data() + digits.size() - end)))};
}

std::optional<Parsed> leading_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text;
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.starts_with('0')) {
    base = 8;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(digits.data() + digits.size() - end));
  return Parsed{negative ? -static_cast<double>(value) : static_cast<double>(value), rest};
}

bool continues_as_real(std::string_view rest) {
  return !rest.empty() && (rest.front() == '.' || rest.front() == 'e' || rest.front() == 'E');
}

std::optional<double> in_base_units(const Parsed& parsed, std::string_view base_unit) {
  if (parsed.unit.empty()) return parsed.value;
  if (base_unit.empty()) return std::nullopt;
  return convert(parsed.value, parsed.unit, base_unit);
}

}  // namespace

std::optional<bool> parse_bool(std::string_view text) {
  const std::string word = to_lower(trim(text));
  if (word.empty()) return std::nullopt;
  for (const std::string_view yes : {"true", "yes", "1"}) {
    if (yes.starts_with(word)) return true;
  }
  for (const std::string_view no : {"false", "no", "0"}) {
    if (no.starts_with(word)) return false;
  }
  if (word == "on") return true;
  if (word == "of" || word == "off") return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text, std::string_view base_unit) {
  text = trim(text);
  auto parsed = leading_integer(text);
  if (parsed ? continues_as_real(parsed->unit) : continues_as_real(text)) parsed = leading_real(text);
  if (!parsed) return std::nullopt;
  parsed->unit = trim(parsed->unit);
  const auto value = in_base_units(*parsed, base_unit);
  if (!value || std::fabs(*value) > 9e18) return std::nullopt;
  return static_cast<std::int64_t>(std::nearbyint(*value));
}

std::optional<double> parse_real(std::string_view text, std::string_view base_unit) {
  const auto parsed = leading_real(trim(text));
  return parsed ? in_base_units(*parsed, base_unit) : std::nullopt;
}

std::string to_human(std::string_view number, std::string_view base_unit) {
  const auto parsed = leading_real(trim(number));
  const auto base = to_base(base_unit);
  if (!parsed || !parsed->unit.empty() || parsed->value == 0 || !base) return std::string(number);
  const double size = parsed->value * base->size;
  for (const Unit& unit : base->family) {
    const double count = size / unit.size;
    if (std::fabs(count - std::nearbyint(count)) < 1e-8) return fmt::format("{:.0f}{}", std::nearbyint(count), unit.name);
  }
  return std::string(number);
}

bool same_setting(std::string_view vartype, std::string_view unit, std::string_view shown, std::string_view configured) {
  if (vartype == "bool") {
    const auto a = parse_bool(shown), b = parse_bool(configured);
    return a && b && *a == *b;
  }
  if (vartype == "integer") {
    const auto a = parse_integer(shown), b = parse_integer(configured, unit);
    return a && b && *a == *b;
  }
  if (vartype == "real") {
    const auto a = parse_real(shown), b = parse_real(configured, unit);
    return a && b && *a == *b;
  }
  if (vartype == "enum") {
    if (equals_without_case(shown, configured)) return true;
    const auto a = parse_bool(shown), b = parse_bool(configured);
    return a && b && *a == *b;
  }
  return shown == configured;
}

}  // namespace matriarch::postgres
