#include "model/quantity.hpp"

#include <gtest/gtest.h>

namespace matriarch::model {
namespace {

TEST(Quantity, ReadsSizesAndTimes) {
  struct {
    const char *text, *base;
    std::int64_t value;
  } const rows[] = {
      {"10MB", "B", 10485760}, {"10 MB", "B", 10485760}, {"1.5kB", "B", 1536}, {"1e3", "B", 1000}, {"010", "B", 8},
      {"0x10", "B", 16},       {"-1", "B", -1},          {"2.5", "B", 2},      {".5", "B", 0},     {"3.5", "B", 4},
      {"1min", "s", 60},       {"500ms", "s", 0},        {"501ms", "s", 1},    {"5.7", "s", 6},    {"0", "s", 0},
      {"1GB", "16384kB", 64},  {"4097.5kB", "kB", 4098}, {" 7 ", "", 7},       {"+0x1F", "", 31},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_integer(row.text, row.base), row.value) << row.text << " in " << row.base;
  EXPECT_DOUBLE_EQ(parse_real("0.00051ms", "ms").value(), 0.001);
}

TEST(Quantity, RefusesEverythingElse) {
  for (const char* text : {"", "1M", "1KB", "1mb", "TB", "1,000", "08", "true", "1 m", "--1", "0x", "1e", "9999999999999999999999"}) {
    EXPECT_FALSE(parse_integer(text, "B")) << text;
  }
  EXPECT_FALSE(parse_integer(std::string(1 << 20, '1'), "B"));
  EXPECT_FALSE(parse_integer("1MB", ""));
  EXPECT_FALSE(parse_integer("1MB", "s"));
}

TEST(Quantity, ReadsBooleans) {
  EXPECT_EQ(parse_boolean("On"), true);
  EXPECT_EQ(parse_boolean("0"), false);
  EXPECT_EQ(parse_boolean("maybe"), std::nullopt);
}

}  // namespace
}  // namespace matriarch::model
