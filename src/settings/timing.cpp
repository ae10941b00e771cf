#include "settings/timing.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using model::Milliseconds;
using namespace std::chrono_literals;

struct Limits {
  model::Timing defaults;
  model::Timing least;
  bool fractions;
  bool sum_rule;  // loop_wait + 2 * retry_timeout <= ttl
};

Limits limits_of(TimingLimits limits) {
  const model::Timing patronis{.ttl = 30s, .loop_wait = 10s, .retry_timeout = 10s};
  switch (limits) {
    case TimingLimits::kEmbedded:
      return {{.ttl = 2s, .loop_wait = 1s, .retry_timeout = 500ms}, {.ttl = 1s, .loop_wait = 100ms, .retry_timeout = 100ms}, true, false};
    case TimingLimits::kMatriarchOnly: return {patronis, {.ttl = 2s, .loop_wait = 100ms, .retry_timeout = 100ms}, true, true};
    case TimingLimits::kPatroni: return {patronis, {.ttl = 20s, .loop_wait = 1s, .retry_timeout = 3s}, false, true};
  }
  return {};
}

// Far beyond any use, and far from where nanoseconds overflow.
constexpr double kLongestSeconds = 1e8;

// Python's int(): whole numbers, text of them, reals cut to whole ones.
std::optional<double> whole_seconds(const json::value& value) {
  if (value.is_number()) return std::trunc(value.to_number<double>());
  if (!value.is_string()) return std::nullopt;
  const auto number = parse_int(value);
  const std::string_view text = value.get_string();
  if (!number || text.find_first_not_of(" \t\n\r+-0123456789") != std::string_view::npos) return std::nullopt;
  std::int64_t decimal = 0;  // "010" is 10 here
  std::string_view digits = text.substr(std::min(text.find_first_not_of(" \t\n\r+"), text.size()));
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), decimal);
  return parsed.ec == std::errc{} ? std::optional<double>(static_cast<double>(decimal)) : std::nullopt;
}

std::optional<double> seconds_of(const json::value& value, bool fractions) { return fractions ? parse_real(value) : whole_seconds(value); }

std::string shown(Milliseconds time) { return model::comparison_text(in_seconds(time)); }

class TimingReader {
 public:
  TimingReader(const json::object& document, const Limits& limits) : document_(document), limits_(limits) {}

  tl::expected<AdjustedTiming, Complaints> read() {
    model::Timing& timing = result_.timing;
    timing.loop_wait = read_one("loop_wait", limits_.defaults.loop_wait, limits_.least.loop_wait);
    timing.retry_timeout = read_one("retry_timeout", limits_.defaults.retry_timeout, limits_.least.retry_timeout);
    timing.ttl = read_one("ttl", limits_.defaults.ttl, limits_.least.ttl);
    if (!errors_.empty()) return tl::unexpected(std::move(errors_));
    if (limits_.sum_rule) keep_the_sum_rule(timing);
    return std::move(result_);
  }

 private:
  Milliseconds read_one(const char* key, Milliseconds fallback, Milliseconds least) {
    const json::value* value = document_.if_contains(key);
    if (value == nullptr) return fallback;
    const auto seconds = seconds_of(*value, limits_.fractions);
    if (!seconds || !(std::abs(*seconds) <= kLongestSeconds)) {
      errors_.push_back({.path = key,
                         .value = shown_value(key, *value),
                         .wrong = seconds ? "is too large" : limits_.fractions ? "is not a number" : "is not an integer",
                         .right = fmt::format("expected a number of seconds, at least {}", shown(least))});
      return fallback;
    }
    const Milliseconds time(std::llround(*seconds * 1000));
    if (time >= least) return time;
    warn(key, time, fmt::format("can't be smaller than {}, adjusting...", shown(least)));
    return least;
  }

  void keep_the_sum_rule(model::Timing& timing) {
    const Milliseconds least = limits_.least.loop_wait;
    const model::Timing before = timing;
    if (least + 2 * timing.retry_timeout > timing.ttl) {
      timing.loop_wait = least;
      timing.retry_timeout = (timing.ttl - least) / 2;
      if (!limits_.fractions) timing.retry_timeout = std::chrono::floor<std::chrono::seconds>(timing.retry_timeout);
      warn("ttl", timing.ttl,
           fmt::format("Violated the rule \"loop_wait + 2*retry_timeout <= ttl\", where ttl={}. Adjusting loop_wait from {} to {} and "
                       "retry_timeout from {} to {}",
                       shown(before.ttl), shown(before.loop_wait), shown(timing.loop_wait), shown(before.retry_timeout),
                       shown(timing.retry_timeout)));
    } else if (timing.loop_wait + 2 * timing.retry_timeout > timing.ttl) {
      timing.loop_wait = timing.ttl - 2 * timing.retry_timeout;
      warn("loop_wait", before.loop_wait,
           fmt::format("Violated the rule \"loop_wait + 2*retry_timeout <= ttl\", where ttl={} and retry_timeout={}. Adjusting loop_wait "
                       "from {} to {}",
                       shown(before.ttl), shown(before.retry_timeout), shown(before.loop_wait), shown(timing.loop_wait)));
    }
  }

  void warn(const char* key, Milliseconds time, std::string wrong) {
    result_.warnings.push_back({.severity = Severity::kWarning, .path = key, .value = shown(time), .wrong = std::move(wrong)});
  }

  const json::object& document_;
  const Limits& limits_;
  AdjustedTiming result_;
  Complaints errors_;
};

}  // namespace

model::Timing default_timing(TimingLimits limits) { return limits_of(limits).defaults; }

tl::expected<AdjustedTiming, Complaints> read_timing(const json::object& document, TimingLimits limits) {
  const Limits found = limits_of(limits);
  return TimingReader(document, found).read();
}

json::value in_seconds(Milliseconds time) {
  if (time.count() % 1000 == 0) return time.count() / 1000;
  return static_cast<double>(time.count()) / 1000.0;
}

}  // namespace matriarch::settings
