#include "ctl/durations.hpp"

#include <fmt/format.h>

#include "model/quantity.hpp"

namespace matriarch::ctl {

namespace {

constexpr std::string_view kDigits = "0123456789.";

// PostgreSQL's units, "m" for minutes, and one after the other: "1h30m".
std::optional<double> seconds_in(std::string_view text) {
  if (const auto whole = model::parse_real(text, "s")) return whole;
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const auto number = text.substr(0, text.find_first_not_of(kDigits));
    const auto rest = text.substr(number.size());
    const auto unit = rest.substr(0, rest.find_first_of(kDigits));
    if (number.empty() || unit.empty()) return std::nullopt;
    const auto part = model::parse_real(fmt::format("{}{}", number, unit == "m" ? "min" : unit), "s");
    if (!part) return std::nullopt;
    seconds += *part;
    text = rest.substr(unit.size());
  }
  return seconds;
}

}  // namespace

model::Milliseconds duration_of(const Arguments& arguments, const char* option, const std::optional<std::string>& text, model::Milliseconds preset) {
  if (!text) return preset;
  const auto seconds = seconds_in(*text);
  if (!seconds || *seconds < 0 || *seconds > 1e7) arguments.fail(fmt::format("Invalid value for '{}': '{}' is not a duration.", option, *text));
  return model::Milliseconds{static_cast<std::int64_t>(*seconds * 1000)};
}

}  // namespace matriarch::ctl
