#include "model/timestamp.hpp"

#include <fmt/format.h>

namespace matriarch::model {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty(); }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool accept(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool skip_blanks() {
    const auto before = rest_.size();
    while (accept(' ')) {
    }
    return rest_.size() != before;
  }
  // Exactly `count` digits.
  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest_[i])) return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool digit_follows() const { return !rest_.empty() && is_digit(rest_.front()); }
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> read_date(Reader& reader) {
  const auto year = reader.digits(4);
  if (!year) return std::nullopt;
  const bool dashed = reader.accept('-');
  const auto month = reader.digits(2);
  if (!month || (dashed && !reader.accept('-'))) return std::nullopt;
  const auto day = reader.digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *year < 1) return std::nullopt;
  return std::chrono::sys_days{date};
}

std::optional<microseconds> read_fraction(Reader& reader) {
  if (!reader.digit_follows()) return std::nullopt;
  std::int64_t value = 0;
  for (std::int64_t unit = 100'000; reader.digit_follows(); unit /= 10) value += (reader.take() - '0') * unit;
  return microseconds{value};
}

std::optional<microseconds> read_clock(Reader& reader) {
  const auto hour = reader.digits(2);
  if (!hour || *hour > 23) return std::nullopt;
  const bool colons = reader.accept(':');
  const auto minute = reader.digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  microseconds clock = std::chrono::hours{*hour} + minutes{*minute};
  const bool has_seconds = colons ? reader.accept(':') : reader.digit_follows();
  if (!has_seconds) return clock;
  const auto second = reader.digits(2);
  if (!second || *second > 59) return std::nullopt;
  clock += std::chrono::seconds{*second};
  if (!reader.accept('.') && !reader.accept(',')) return clock;
  const auto fraction = read_fraction(reader);
  if (!fraction) return std::nullopt;
  return clock + *fraction;
}

// "+HH", "+HHMM", "+HH:MM"; nothing when it is none of them.
std::optional<minutes> read_offset(Reader& reader, int sign) {
  const auto hours = reader.digits(2);
  if (!hours) return std::nullopt;
  int rest = 0;
  const bool colon = reader.accept(':');
  if (colon || reader.digit_follows()) {
    const auto read = reader.digits(2);
    if (!read || *read > 59) return std::nullopt;
    rest = *read;
  }
  if (*hours > 23) return std::nullopt;
  return minutes{sign * (*hours * 60 + rest)};
}

std::optional<minutes> read_zone(Reader& reader) {
  if (reader.accept('Z') || reader.accept('z') || reader.accept("UTC") || reader.accept("GMT")) return minutes{0};
  if (reader.accept('+')) return read_offset(reader, 1);
  if (reader.accept('-')) return read_offset(reader, -1);
  return std::nullopt;
}

}  // namespace

std::optional<WrittenTime> parse_written_time(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  Reader reader(text);
  const auto date = read_date(reader);
  if (!date) return std::nullopt;
  WrittenTime written{.at = WallTime{*date}};
  if (reader.at_end()) return written;
  if (!reader.accept('T') && !reader.accept('t') && !reader.skip_blanks()) return std::nullopt;
  const auto clock = read_clock(reader);
  if (!clock) return std::nullopt;
  written.at += *clock;
  reader.skip_blanks();
  if (reader.at_end()) return written;
  const auto offset = read_zone(reader);
  if (!offset || !reader.at_end()) return std::nullopt;
  written.at -= *offset;
  written.offset = offset;
  return written;
}

std::optional<WallTime> parse_timestamp(std::string_view text) {
  const auto written = parse_written_time(text);
  if (!written || !written->offset) return std::nullopt;
  return written->at;
}

std::string format_timestamp(WallTime time, minutes offset, char separator) {
  const auto local = time + offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{local - day};
  const auto micros = std::chrono::duration_cast<microseconds>(clock.subseconds()).count();
  const auto distance = offset < minutes{0} ? -offset : offset;
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator, clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), micros ? fmt::format(".{:06}", micros) : "",
                     offset < minutes{0} ? '-' : '+', distance.count() / 60, distance.count() % 60);
}

}  // namespace matriarch::model
