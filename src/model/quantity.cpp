#include "model/quantity.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <regex>
#include <span>

#include "model/letter_case.hpp"

namespace matriarch::model {
namespace {

struct Unit {
  std::string_view name;
  double in_base;  // of the smallest unit of its kind
};
constexpr std::array kSizes{Unit{"B", 1}, Unit{"kB", 1024}, Unit{"MB", 1048576}, Unit{"GB", 1073741824}, Unit{"TB", 1099511627776}};
constexpr std::array kTimes{Unit{"us", 1}, Unit{"ms", 1e3}, Unit{"s", 1e6}, Unit{"min", 6e7}, Unit{"h", 3.6e9}, Unit{"d", 8.64e10}};

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

struct Prefix {
  double value = 0;
  std::string_view rest;
};

// No number is longer; and std::regex recurses for each character.
constexpr std::size_t kMaxLength = 64;

std::optional<Prefix> match(std::string_view text, const std::regex& pattern) {
  if (text.size() > kMaxLength) return std::nullopt;
  std::match_results<std::string_view::const_iterator> found;
  if (!std::regex_search(text.begin(), text.end(), found, pattern, std::regex_constants::match_continuous)) return std::nullopt;
  const auto length = static_cast<std::size_t>(found.length(0));
  return Prefix{0, text.substr(length)};
}

std::optional<Prefix> float_prefix(std::string_view text) {
  static const std::regex kFloat("[+-]?[0-9]*\\.?[0-9]+([eE][+-]?[0-9]+)?");
  auto found = match(text, kFloat);
  if (!found) return std::nullopt;
  std::string_view number = text.substr(0, text.size() - found->rest.size());
  if (number.starts_with('+')) number.remove_prefix(1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), found->value);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  return found;
}

std::optional<Prefix> integer_prefix_in(std::string_view text, const std::regex& pattern, int base) {
  auto found = match(text, pattern);
  if (!found) return std::nullopt;
  std::string_view number = text.substr(0, text.size() - found->rest.size());
  const bool negative = number.starts_with('-');
  if (negative || number.starts_with('+')) number.remove_prefix(1);
  if (base == 16) number.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, base);
  found->value = error == std::errc::result_out_of_range ? 1.8e19 : static_cast<double>(value);
  if (negative) found->value = -found->value;
  return found;
}

// "08" is the octal number 0 with the unit "8": nothing, but for the same reason as in Patroni.
std::optional<Prefix> integer_prefix(std::string_view text) {
  static const std::regex kHex("[+-]?0x[0-9a-fA-F]+"), kOctal("[+-]?0[0-7]*"), kDecimal("[+-]?[1-9][0-9]*");
  if (auto hex = integer_prefix_in(text, kHex, 16)) return hex;
  if (auto octal = integer_prefix_in(text, kOctal, 8)) return octal;
  return integer_prefix_in(text, kDecimal, 10);
}

std::optional<Prefix> number_prefix(std::string_view text) {
  auto whole = integer_prefix(text);
  const std::string_view rest = whole ? whole->rest : text;
  const bool is_fraction = rest.starts_with('.') || (whole && (rest.starts_with('e') || rest.starts_with('E')));
  return is_fraction ? float_prefix(text) : whole;
}

// The base unit with its optional multiplier, as a count of the smallest unit.
struct Base {
  std::span<const Unit> units;
  std::size_t index = 0;
  double multiplier = 1;
};

std::optional<Base> find_base(std::string_view text) {
  double multiplier = 1;
  if (const auto prefix = integer_prefix(text); prefix && prefix->value > 0) {
    multiplier = prefix->value;
    text = prefix->rest;
  }
  for (const std::span<const Unit> units : {std::span<const Unit>(kSizes), std::span<const Unit>(kTimes)}) {
    const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == text; });
    if (found != units.end()) return Base{units, static_cast<std::size_t>(found - units.begin()), multiplier};
  }
  return std::nullopt;
}

// PostgreSQL rounds to a whole multiple of the next smaller unit, so that "0.00051ms" is 1 us.
double round_to_smaller_unit(double value, const Unit& given, const Unit* smaller) {
  if (!smaller) return value;
  const double step = smaller->in_base / given.in_base;
  return std::nearbyint(value / step) * step;
}

std::optional<double> convert(const Prefix& number, std::string_view base_unit) {
  const std::string_view unit = trim(number.rest);
  if (unit.empty()) return number.value;
  const auto base = find_base(base_unit);
  if (!base) return std::nullopt;
  const auto found = std::find_if(base->units.begin(), base->units.end(), [&](const Unit& known) { return known.name == unit; });
  if (found == base->units.end()) return std::nullopt;
  const Unit* smaller = found == base->units.begin() ? nullptr : &*(found - 1);
  const double rounded = round_to_smaller_unit(number.value, *found, smaller);
  return rounded * found->in_base / (base->units[base->index].in_base * base->multiplier);
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text, std::string_view base_unit) {
  const auto number = number_prefix(trim(text));
  if (!number) return std::nullopt;
  const auto converted = convert(*number, base_unit);
  if (!converted || std::abs(*converted) > 9.2e18) return std::nullopt;
  return static_cast<std::int64_t>(std::nearbyint(*converted));
}

std::optional<double> parse_real(std::string_view text, std::string_view base_unit) {
  const auto number = float_prefix(trim(text));
  if (!number) return std::nullopt;
  return convert(*number, base_unit);
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = lower(std::string(text));
  if (word == "on" || word == "true" || word == "yes" || word == "1") return true;
  if (word == "off" || word == "false" || word == "no" || word == "0") return false;
  return std::nullopt;
}

}  // namespace matriarch::model
