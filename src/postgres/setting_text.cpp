#include "postgres/setting_text.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include <fmt/format.h>

#include "model/quantity.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

struct Unit {
  std::string_view name;
  double size;  // in the family's smallest unit
};
constexpr std::array kMemory = {Unit{"TB", 1099511627776.0}, Unit{"GB", 1073741824.0}, Unit{"MB", 1048576.0}, Unit{"kB", 1024.0}, Unit{"B", 1.0}};
constexpr std::array kTime = {Unit{"d", 86400e6}, Unit{"h", 3600e6}, Unit{"min", 60e6}, Unit{"s", 1e6}, Unit{"ms", 1e3}, Unit{"us", 1.0}};

struct Base {
  std::span<const Unit> family;
  double size = 0;  // of one base unit: "8kB" is 8192
};

// "8kB" is eight times kB; a unit that belongs to no family is nothing.
std::optional<Base> to_base(std::string_view base_unit) {
  const auto digits = base_unit.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  const double factor = static_cast<double>(to_number<std::int64_t>(base_unit.substr(0, digits)).value_or(1));
  for (const std::span<const Unit> family : {std::span<const Unit>(kMemory), std::span<const Unit>(kTime)}) {
    for (const Unit& unit : family) {
      if (unit.name == base_unit.substr(digits)) return Base{family, factor * unit.size};
    }
  }
  return std::nullopt;
}

template <typename T>
bool both_equal(const std::optional<T>& a, const std::optional<T>& b) {
  return a && b && *a == *b;
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

std::string to_human(std::string_view number, std::string_view base_unit) {
  const auto value = model::parse_real(number);
  const auto base = to_base(base_unit);
  if (!value || *value == 0 || !base) return std::string(number);
  const double size = *value * base->size;
  for (const Unit& unit : base->family) {
    const double count = size / unit.size;
    if (std::fabs(count - std::nearbyint(count)) < 1e-8) return fmt::format("{:.0f}{}", std::nearbyint(count), unit.name);
  }
  return std::string(number);
}

bool same_setting(std::string_view vartype, std::string_view unit, std::string_view shown, std::string_view configured) {
  if (vartype == "bool") return both_equal(parse_bool(shown), parse_bool(configured));
  if (vartype == "integer") return both_equal(model::parse_integer(shown), model::parse_integer(configured, unit));
  if (vartype == "real") return both_equal(model::parse_real(shown), model::parse_real(configured, unit));
  if (vartype == "enum") return equals_without_case(shown, configured) || both_equal(parse_bool(shown), parse_bool(configured));
  return shown == configured;
}

}  // namespace matriarch::postgres
