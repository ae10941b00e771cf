#include "ctl/local_zone.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace matriarch::ctl {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

std::tm broken_down(model::WallTime at) {
  const std::time_t when = std::chrono::floor<seconds>(at).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&when, &parts);
  return parts;
}

std::string format(LocalTime local) {
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<seconds>(local - day)};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::chrono::minutes offset_at(model::WallTime at) {
  return std::chrono::duration_cast<std::chrono::minutes>(seconds{broken_down(at).tm_gmtoff});
}

LocalTime to_local(model::WallTime at) { return LocalTime{at.time_since_epoch() + seconds{broken_down(at).tm_gmtoff}}; }

std::vector<model::WallTime> to_moments(LocalTime local) {
  // Offsets change by hours, at most once within two days.
  const model::WallTime as_utc{local.time_since_epoch()};
  std::vector<model::WallTime> moments;
  for (const auto around : {as_utc - std::chrono::days{1}, as_utc + std::chrono::days{1}}) {
    const model::WallTime moment = as_utc - seconds{broken_down(around).tm_gmtoff};
    if (to_local(moment) == local && std::find(moments.begin(), moments.end(), moment) == moments.end()) moments.push_back(moment);
  }
  std::sort(moments.begin(), moments.end());
  return moments;
}

bool is_local_abbreviation(std::string_view text) {
  ::tzset();
  return text == std::string_view(::tzname[0]) || text == std::string_view(::tzname[1]);
}

std::string stamp(model::WallTime at) { return format(to_local(at)); }

std::string stamp_with_fraction(model::WallTime at) {
  const auto fraction = at - std::chrono::floor<seconds>(at);
  return fmt::format("{}.{:05}", stamp(at), std::chrono::duration_cast<microseconds>(fraction).count() / 10);
}

}  // namespace matriarch::ctl
