#include "settings/values.hpp"

#include <gtest/gtest.h>

namespace matriarch::settings {
namespace {

namespace json = boost::json;

TEST(Values, BooleansAreFourWordsEachInAnyCase) {
  for (const char* text : {"on", "True", "YES", "1"}) EXPECT_EQ(parse_bool(json::string(text)), true) << text;
  for (const char* text : {"off", "False", "NO", "0"}) EXPECT_EQ(parse_bool(json::string(text)), false) << text;
  for (const char* text : {"t", "f", "tr", "", "2", "y"}) EXPECT_EQ(parse_bool(json::string(text)), std::nullopt) << text;
  EXPECT_EQ(parse_bool(true), true);
  EXPECT_EQ(parse_bool(0), false);
  EXPECT_EQ(parse_bool(nullptr), std::nullopt);
  EXPECT_EQ(parse_bool(json::array{true}), std::nullopt);
}

struct IntRow {
  json::value value;
  const char* unit;
  std::optional<std::int64_t> expected;
};

TEST(Values, IntegersWithAndWithoutUnits) {
  const IntRow rows[] = {
      {"1.5", "", 2},        {"2.5", "", 2},          {"1e3", "", 1000},         {"010", "", 8},
      {"08", "", {}},        {"10MB", "", {}},        {"1GB", "8kB", 131072},    {"90s", "min", 2},
      {"1 d", "s", 86400},   {"1 day", "s", {}},      {true, "", {}},            {false, "s", {}},
      {nullptr, "", {}},     {json::array{1}, "", {}}, {"", "", {}},              {"abc", "", {}},
      {" 7 ", "", 7},        {"0x1F", "", 31},        {"-5", "", -5},            {".5", "", 0},
      {"1h", "s", 3600},     {"30min", "s", 1800},    {"16", "MB", 16},          {"1GB", "MB", 1024},
      {"4097.5kB", "kB", 4098}, {"1.3GB", "8kB", 170368}, {5, "", 5},            {2.5, "", 2},
      {"1 gb", "MB", {}},    {"99999999999999999999", "", {}},
  };
  for (const IntRow& row : rows) EXPECT_EQ(parse_int(row.value, row.unit), row.expected) << json::serialize(row.value) << " " << row.unit;
}

TEST(Values, RealsKeepTheirFraction) {
  EXPECT_DOUBLE_EQ(parse_real("0.5").value(), 0.5);
  EXPECT_DOUBLE_EQ(parse_real(0.25).value(), 0.25);
  EXPECT_DOUBLE_EQ(parse_real("150ms", "s").value(), 0.15);
  EXPECT_DOUBLE_EQ(parse_real("0.00051ms", "ms").value(), 0.001);
  EXPECT_DOUBLE_EQ(parse_real("0.0005ms", "ms").value(), 0);
  EXPECT_EQ(parse_real("soon"), std::nullopt);
  EXPECT_EQ(parse_real(true), std::nullopt);
}

TEST(Values, TruthIsPythons) {
  for (const json::value& value : {json::value(nullptr), json::value(false), json::value(0), json::value(""), json::value(json::array{}), json::value(json::object{})}) {
    EXPECT_FALSE(is_truthy(value)) << json::serialize(value);
  }
  for (const json::value& value : {json::value(true), json::value(-1), json::value("false"), json::value(json::array{0})}) {
    EXPECT_TRUE(is_truthy(value)) << json::serialize(value);
  }
}

}  // namespace
}  // namespace matriarch::settings
