#include "model/timestamp.hpp"

#include <gtest/gtest.h>

namespace matriarch::model {
namespace {

using namespace std::chrono_literals;

const WallTime kNoon = std::chrono::sys_days(std::chrono::year(2026) / 7 / 30) + 12h;

TEST(Timestamp, ReadsIso8601WithAnOffset) {
  EXPECT_EQ(parse_timestamp("2026-07-30T12:00:00+00:00"), kNoon);
  EXPECT_EQ(parse_timestamp("2026-07-30T12:00:00Z"), kNoon);
  EXPECT_EQ(parse_timestamp("2026-07-30 14:00:00.5+02:00"), kNoon + 500ms);
  EXPECT_EQ(parse_timestamp("2026-07-30T06:30-0530"), kNoon);
  EXPECT_EQ(parse_timestamp("2026-07-30T12:00:00.1234567+00"), kNoon + 123456us);
}

TEST(Timestamp, RefusesAnythingElse) {
  for (const char* text : {"", "tomorrow", "2026-07-30", "2026-07-30T12:00:00", "2026-02-30T12:00:00Z", "2026-07-30T25:00:00Z",
                           "2026-07-30T12:00:00+24:00", "2026-07-30T12:00:00Zx", "2026-07-30T12:00:00.Z", "26-07-30T12:00:00Z"}) {
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
  }
}

TEST(Timestamp, IsWrittenAsItIsRead) {
  EXPECT_EQ(format_timestamp(kNoon), "2026-07-30T12:00:00+00:00");
  EXPECT_EQ(format_timestamp(kNoon + 500ms), "2026-07-30T12:00:00.500000+00:00");
  const WallTime before_epoch = WallTime{} - 1us;
  EXPECT_EQ(parse_timestamp(format_timestamp(before_epoch)), before_epoch);
}

TEST(WrittenTime, ReadsIso8601) {
  struct {
    const char *text, *printed;
    bool has_zone;
  } const rows[] = {
      {"2030-01-01T12:00:00+00:00", "2030-01-01T12:00:00+00:00", true},
      {"2030-01-01 12:00", "2030-01-01T12:00:00+00:00", false},
      {"2030-01-01", "2030-01-01T00:00:00+00:00", false},
      {"20300529T043231", "2030-05-29T04:32:31+00:00", false},
      {"20300529T0432Z", "2030-05-29T04:32:00+00:00", true},
      {"2030-05-29T04:32:31.123456789Z", "2030-05-29T04:32:31.123456+00:00", true},
      {"2030-05-29 04:32:31,5 UTC", "2030-05-29T04:32:31.500000+00:00", true},
      {"2030-05-29T04:32:31+0530", "2030-05-28T23:02:31+00:00", true},
      {"2030-05-29T04:32:31-03", "2030-05-29T07:32:31+00:00", true},
      {" 2030-05-29T04:32:31 -03:00 ", "2030-05-29T07:32:31+00:00", true},
  };
  for (const auto& row : rows) {
    const auto time = parse_written_time(row.text);
    ASSERT_TRUE(time) << row.text;
    EXPECT_EQ(format_timestamp(time->at), row.printed) << row.text;
    EXPECT_EQ(time->offset.has_value(), row.has_zone) << row.text;
  }
}

TEST(WrittenTime, RefusesEverythingElse) {
  for (const char* text : {"", "now", "12", "2030", "2030-13-01", "2030-02-30", "2030-01-01T", "2030-01-01T24:00", "2030-01-01T12:60",
                           "2030-01-01T12:00:60", "2030-01-01T12:00:00.", "2030-01-01T12:00 CEST", "2030-01-01T12:00+", "2030-01-01T12:00+1",
                           "2030-01-01T12:00Zx", "2030-1-1T12:00Z", "0000-01-01T00:00Z", "2030-01-01x12:00"}) {
    EXPECT_FALSE(parse_written_time(text)) << text;
  }
}

TEST(WrittenTime, PrintsInTheZoneThatIsWanted) {
  const auto at = parse_written_time("2030-03-04T03:30:00+01:00");
  ASSERT_TRUE(at);
  EXPECT_EQ(format_timestamp(at->at, *at->offset), "2030-03-04T03:30:00+01:00");
  EXPECT_EQ(format_timestamp(at->at, std::chrono::minutes{-210}, ' '), "2030-03-03 23:00:00-03:30");
}

}  // namespace
}  // namespace matriarch::model
