#include "ctl/schedule_time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <vector>

#include "ctl/local_zone.hpp"
#include "model/letter_case.hpp"

namespace matriarch::ctl {
namespace {

using model::WrittenTime;
using std::chrono::microseconds;
using std::chrono::minutes;
using Parsed = tl::expected<std::optional<WrittenTime>, std::string>;

constexpr std::size_t kLongest = 64;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != ',') {
      word += model::lower(c);
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.starts_with('-')) return std::nullopt;
  return value;
}

// The index of a name given whole or by its first three letters.
template <std::size_t N>
std::optional<unsigned> index_of(const std::array<std::string_view, N>& names, std::string_view word) {
  for (unsigned i = 0; i < N; ++i) {
    if (word == names[i] || word == names[i].substr(0, 3)) return i;
  }
  return std::nullopt;
}
constexpr std::array<std::string_view, 12> kMonths{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

std::optional<std::chrono::local_days> date_of(int year, unsigned month, int day) {
  if (year < 1000 || year > 9999 || day < 1 || day > 31) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::local_days{date};
}

// "4:32", "04:32:31", "4:32pm", "10am"; a bare number is none.
std::optional<microseconds> clock_of(std::string word, std::optional<std::string> suffix) {
  int afternoon = -1;
  for (const std::string_view mark : {"am", "pm"}) {
    if (suffix == mark) afternoon = mark == "pm";
    if (!suffix && word.size() > 2 && word.ends_with(mark)) {
      afternoon = mark == "pm";
      word.resize(word.size() - 2);
    }
  }
  std::vector<int> parts;
  for (std::string_view rest = word;;) {
    const auto colon = rest.find(':');
    const auto part = number(rest.substr(0, colon));
    if (!part || rest.substr(0, colon).size() > 2) return std::nullopt;
    parts.push_back(*part);
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (parts.size() > 3 || (parts.size() == 1 && afternoon < 0)) return std::nullopt;
  parts.resize(3);
  if (afternoon >= 0) {
    if (parts[0] < 1 || parts[0] > 12) return std::nullopt;
    parts[0] = parts[0] % 12 + 12 * afternoon;
  }
  if (parts[0] > 23 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
  return std::chrono::hours{parts[0]} + minutes{parts[1]} + std::chrono::seconds{parts[2]};
}

// The date at the beginning of `words`, which is removed: "29 may 2030", "may 29 2030", "29.05.2030", "2030/05/29", a
// weekday, "tomorrow", "today"; nothing removed: today.
tl::expected<std::chrono::local_days, std::string> take_date(std::vector<std::string>& words, std::chrono::local_days today) {
  const auto drop = [&](std::size_t count) { words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count)); };
  const std::string first = words.front();
  if (first == "today" || first == "tomorrow") {
    drop(1);
    return today + std::chrono::days{first == "tomorrow" ? 1 : 0};
  }
  if (const auto weekday = index_of(kWeekdays, first)) {
    drop(1);
    return today + (std::chrono::weekday{*weekday} - std::chrono::weekday{today});
  }
  if (words.size() >= 3) {
    const bool month_first = index_of(kMonths, first).has_value();
    const auto month = index_of(kMonths, month_first ? first : words[1]);
    const auto day = number(month_first ? words[1] : first), year = number(words[2]);
    if (month && day && year) {
      const auto date = date_of(*year, *month + 1, *day);
      if (!date) return tl::unexpected(std::string("no such date"));
      drop(3);
      return *date;
    }
  }
  for (const char separator : {'.', '/'}) {
    std::vector<std::optional<int>> parts;
    for (std::string_view rest = first;;) {
      const auto end = rest.find(separator);
      parts.push_back(number(rest.substr(0, end)));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    if (parts.size() != 3 || !parts[0] || !parts[1] || !parts[2]) continue;
    const bool year_first = *parts[0] > 31;
    if (separator == '/' && !year_first) return tl::unexpected(std::string("is the day or the month first? Write it as YYYY-MM-DD"));
    if (*parts[1] < 1 || *parts[1] > 12) return tl::unexpected(std::string("no such date"));
    const auto date = date_of(year_first ? *parts[0] : *parts[2], static_cast<unsigned>(*parts[1]), year_first ? *parts[2] : *parts[0]);
    if (!date) return tl::unexpected(std::string("no such date"));
    drop(1);
    return *date;
  }
  return today;
}

tl::expected<WrittenTime, std::string> at_local(LocalTime local) {
  const auto moments = to_moments(local);
  if (moments.empty()) return tl::unexpected(std::string("the local clocks skip this time; give an offset, as in +02:00"));
  if (moments.size() > 1) return tl::unexpected(std::string("the local clocks show this time twice; give an offset, as in +02:00"));
  return WrittenTime{moments.front(), offset_at(moments.front())};
}

// "+30m", "+2h", "+1d", "+45s", "+1h30m".
std::optional<microseconds> interval_of(std::string_view text) {
  std::chrono::seconds total{0};
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = number(text.substr(0, digits));
    if (!count || *count > 1'000'000 || digits == text.size()) return std::nullopt;
    switch (text[digits]) {
      case 's': total += std::chrono::seconds{*count}; break;
      case 'm': total += minutes{*count}; break;
      case 'h': total += std::chrono::hours{*count}; break;
      case 'd': total += std::chrono::days{*count}; break;
      default: return std::nullopt;
    }
    text.remove_prefix(digits + 1);
  }
  return total;
}

std::optional<WrittenTime> relative_or_epoch(std::string_view text, model::WallTime now) {
  if (text.starts_with('+')) {
    const auto interval = interval_of(text.substr(1));
    if (!interval) return std::nullopt;
    return WrittenTime{now + *interval, offset_at(now + *interval)};
  }
  if (!text.starts_with('@') || text.size() > 12) return std::nullopt;
  std::int64_t epoch = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), epoch);
  if (error != std::errc{} || end != text.data() + text.size() || epoch < 0) return std::nullopt;
  const model::WallTime at{std::chrono::seconds{epoch}};
  return WrittenTime{at, offset_at(at)};
}

Parsed parse_in_words(std::string_view text, model::WallTime now) {
  auto words = words_of(text);
  if (words.empty()) return tl::unexpected(std::string("it is empty"));
  const auto today = std::chrono::floor<std::chrono::days>(to_local(now));
  const auto count = words.size();
  const auto date = take_date(words, today);
  if (!date) return tl::unexpected(date.error());
  const bool had_date = words.size() != count;
  microseconds clock{0};
  if (!words.empty()) {
    const bool split_suffix = words.size() >= 2 && (words[1] == "am" || words[1] == "pm");
    const auto read = clock_of(words[0], split_suffix ? std::optional(words[1]) : std::nullopt);
    if (!read) return tl::unexpected(fmt::format("\"{}\" is not understood", words[0]));
    clock = *read;
    words.erase(words.begin(), words.begin() + (split_suffix ? 2 : 1));
  } else if (!had_date) {
    return tl::unexpected(std::string("it names no time"));
  }
  if (!words.empty()) return tl::unexpected(fmt::format("\"{}\" is not understood; write a zone as an offset, as in +02:00", words.front()));
  const auto local = at_local(LocalTime{*date} + clock);
  if (!local) return tl::unexpected(local.error());
  return *local;
}

// "... CET" on a machine in that zone: the local time.
std::string_view without_local_zone(std::string_view text) {
  const auto blank = text.rfind(' ');
  return blank != std::string_view::npos && is_local_abbreviation(text.substr(blank + 1)) ? text.substr(0, blank) : text;
}

std::string in_words(std::chrono::seconds distance) {
  const auto days = std::chrono::duration_cast<std::chrono::days>(distance).count();
  const std::chrono::hh_mm_ss clock{distance % std::chrono::days{1}};
  if (days) return fmt::format("{} d {} h", days, clock.hours().count());
  if (clock.hours().count()) return fmt::format("{} h {} min", clock.hours().count(), clock.minutes().count());
  if (clock.minutes().count()) return fmt::format("{} min", clock.minutes().count());
  return fmt::format("{} s", clock.seconds().count());
}

}  // namespace

Parsed parse_schedule(std::string_view text, model::WallTime now) {
  if (text.empty() || text == "now") return std::nullopt;
  if (text.size() > kLongest) return tl::unexpected(std::string("it is too long"));
  if (const auto time = relative_or_epoch(text, now)) return *time;
  text = without_local_zone(text);
  if (const auto iso = model::parse_written_time(text)) {
    if (iso->offset) return *iso;
    const auto local = at_local(LocalTime{iso->at.time_since_epoch()});
    if (!local) return tl::unexpected(local.error());
    return *local;
  }
  return parse_in_words(text, now);
}

std::string explain_schedule(const WrittenTime& time, model::WallTime now) {
  const auto distance = std::chrono::duration_cast<std::chrono::seconds>(time.at > now ? time.at - now : now - time.at);
  return fmt::format("{} (local time {}, UTC {}), {}", model::format_timestamp(time.at, time.offset.value_or(minutes{0})), stamp(time.at),
                     model::format_timestamp(time.at, minutes{0}, ' ').substr(0, 19),
                     time.at >= now ? "in " + in_words(distance) : in_words(distance) + " ago");
}

std::string example_time(model::WallTime now) {
  std::string text = stamp(now + std::chrono::hours{1}).substr(0, 16);
  text[10] = 'T';
  return text;
}

}  // namespace matriarch::ctl
