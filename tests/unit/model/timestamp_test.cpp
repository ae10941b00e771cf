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

}  // namespace
}  // namespace matriarch::model
