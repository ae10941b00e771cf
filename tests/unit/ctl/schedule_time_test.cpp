#include "ctl/schedule_time.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "ctl/local_zone.hpp"

namespace matriarch::ctl {
namespace {

// Berlin, without a time zone database.
class ScheduleTime : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* zone = std::getenv("TZ")) before_ = zone;
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
  }
  void TearDown() override {
    if (before_) ::setenv("TZ", before_->c_str(), 1);
    else ::unsetenv("TZ");
    ::tzset();
  }
  // Monday, 4 March 2030, 11:52:27.509785 local time.
  const model::WallTime now_ = *model::parse_timestamp("2030-03-04T10:52:27.509785Z");
  std::optional<std::string> before_;

  std::string read(std::string_view text) {
    const auto time = parse_schedule(text, now_);
    if (!time) return "error";
    if (!*time) return "now";
    return model::format_timestamp((*time)->at, *(*time)->offset);
  }
};

TEST_F(ScheduleTime, AcceptsWhatIsUnambiguous) {
  struct {
    const char *text, *read;
  } const rows[] = {
      {"", "now"}, {"now", "now"},
      {"2030-05-29T04:32", "2030-05-29T04:32:00+02:00"}, {"2030-05-29 04:32:31", "2030-05-29T04:32:31+02:00"}, {"2030/05/29 04:32", "2030-05-29T04:32:00+02:00"},
      {"2030-05-29", "2030-05-29T00:00:00+02:00"}, {"20300529T043231", "2030-05-29T04:32:31+02:00"}, {"20300529", "2030-05-29T00:00:00+02:00"},
      {"2030-05-29T04:32:31.123456Z", "2030-05-29T04:32:31.123456+00:00"}, {"2030-05-29 04:32:31 UTC", "2030-05-29T04:32:31+00:00"},
      {"2030-05-29T04:32:31-03", "2030-05-29T04:32:31-03:00"}, {"2030-05-29T04:32:31+0530", "2030-05-29T04:32:31+05:30"},
      {"2030-05-29 04:32:31 +05:30", "2030-05-29T04:32:31+05:30"}, {"2030-05-29 04:32:31,5", "2030-05-29T04:32:31.500000+02:00"},
      {"04:32", "2030-03-04T04:32:00+01:00"}, {"4:32pm", "2030-03-04T16:32:00+01:00"}, {"10am", "2030-03-04T10:00:00+01:00"}, {"12am", "2030-03-04T00:00:00+01:00"},
      {"29 May 2030 04:32", "2030-05-29T04:32:00+02:00"}, {"May 29 2030 4:32 PM", "2030-05-29T16:32:00+02:00"}, {"29.05.2030 04:32", "2030-05-29T04:32:00+02:00"},
      {"Wed 10:00", "2030-03-06T10:00:00+01:00"}, {"monday 12:00", "2030-03-04T12:00:00+01:00"}, {"tomorrow 03:00", "2030-03-05T03:00:00+01:00"},
      {"+30m", "2030-03-04T12:22:27.509785+01:00"}, {"+1h30m", "2030-03-04T13:22:27.509785+01:00"}, {"+2d", "2030-03-06T11:52:27.509785+01:00"},
      {"@1906542000", "2030-06-01T13:00:00+02:00"}, {"2030-05-29 04:32 CET", "2030-05-29T04:32:00+02:00"},
  };
  for (const auto& row : rows) EXPECT_EQ(read(row.text), row.read) << row.text;
}

TEST_F(ScheduleTime, RefusesTheRest) {
  for (const char* text : {"NOW", "12", "05/29/2030", "29/05/2030 04:32", "2030-W10-1", "24:00", "2030-05-29 04:32:60", "2030-02-30", "31 Feb 2030", "GMT+3",
                           "2030-05-29 04:32 EST", "2030-05-29 04:32 GMT+3", "1906542000", "4:32xm", "13pm", "+", "+5", "+5y", "@", "@-1", "@99999999999999",
                           "soon", "29 May", "May 2030", "2030-03-31 02:30", "2030-10-27 02:30", "10:00 Wed", "::", "1:2:3:4", "tomorrow 03:00 x", "\xff"}) {
    EXPECT_EQ(read(text), "error") << text;
  }
  EXPECT_EQ(read(std::string(100'000, '1')), "error");
}

TEST_F(ScheduleTime, IsEchoed) {
  const auto time = parse_schedule("2030-03-04T15:04+00:00", now_);
  EXPECT_EQ(explain_schedule(**time, now_), "2030-03-04T15:04:00+00:00 (local time 2030-03-04 16:04:00, UTC 2030-03-04 15:04:00), in 4 h 11 min");
  EXPECT_EQ(example_time(now_), "2030-03-04T12:52");
  EXPECT_EQ(stamp_with_fraction(now_), "2030-03-04 11:52:27.50978");
  EXPECT_EQ(stamp(now_), "2030-03-04 11:52:27");
}

}  // namespace
}  // namespace matriarch::ctl
