#include "settings/yaml_scalar.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace matriarch::settings {
namespace {

namespace json = boost::json;

TEST(YamlScalar, Booleans) {
  for (const char* text : {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}) EXPECT_EQ(resolve_plain(text), json::value(true)) << text;
  for (const char* text : {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}) EXPECT_EQ(resolve_plain(text), json::value(false)) << text;
  for (const char* text : {"y", "n", "oN", "yEs", "tRUE"}) EXPECT_EQ(resolve_plain(text), json::value(text)) << text;
}

TEST(YamlScalar, Nulls) {
  for (const char* text : {"", "~", "null", "Null", "NULL"}) EXPECT_TRUE(resolve_plain(text).is_null()) << text;
  EXPECT_EQ(resolve_plain("none"), json::value("none"));
}

struct ScalarCase {
  const char* text;
  json::value expected;
};

TEST(YamlScalar, Integers) {
  const ScalarCase rows[] = {
      {"0", 0},           {"0644", 420},      {"08", "08"},          {"0o14", "0o14"},     {"0x1F", 31},       {"0b11", 3},
      {"1_000", 1000},    {"-5", -5},         {"+5", 5},             {"22:22", 1342},      {"5432:1", 325921}, {"1:60", "1:60"},
      {"0:30", "0:30"},   {"127.0.0.1:8008", "127.0.0.1:8008"},      {"0x", "0x"},         {"0b2", "0b2"},     {"_1", "_1"},
      {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}, {"9223372036854775808", std::uint64_t{9223372036854775808u}},
      {"18446744073709551616", "18446744073709551616"},
  };
  for (const ScalarCase& row : rows) EXPECT_EQ(resolve_plain(row.text), row.expected) << row.text;
}

TEST(YamlScalar, Floats) {
  const ScalarCase rows[] = {{"1.5", 1.5}, {".5", 0.5}, {"1.", 1.0}, {"1.5e+3", 1500.0}, {"1e3", "1e3"}, {"1.5e3", "1.5e3"}, {"-.5", "-.5"}, {"1_0.5", 10.5}, {"1:30.5", 90.5}};
  for (const ScalarCase& row : rows) EXPECT_EQ(resolve_plain(row.text), row.expected) << row.text;
  EXPECT_TRUE(std::isinf(resolve_plain(".inf").get_double()));
  EXPECT_LT(resolve_plain("-.INF").get_double(), 0);
  EXPECT_TRUE(std::isnan(resolve_plain(".nan").get_double()));
}

TEST(YamlScalar, DatesAreText) {
  for (const char* text : {"2024-01-01", "2001-12-14t21:59:43.10-05:00", "2001-1-1 1:00:00"}) {
    EXPECT_EQ(resolve_plain(text), json::value(text));
    EXPECT_EQ(kind_of_plain(text), ScalarKind::kTimestamp) << text;
  }
  EXPECT_EQ(kind_of_plain("2001-1-1"), ScalarKind::kString);
}

TEST(YamlScalar, UnderAnExplicitTag) {
  EXPECT_EQ(resolve_as(ScalarKind::kString, "on"), json::value("on"));
  EXPECT_EQ(resolve_as(ScalarKind::kFloat, "5"), json::value(5.0));
  EXPECT_EQ(resolve_as(ScalarKind::kInt, "0o14"), std::nullopt);
  EXPECT_EQ(resolve_as(ScalarKind::kBool, "maybe"), std::nullopt);
}

}  // namespace
}  // namespace matriarch::settings
