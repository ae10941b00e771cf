#include "model/json_text.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace matriarch::model {
namespace {

namespace json = boost::json;

TEST(WriteJson, HasNoWhitespaceAndKeepsTheOrderOfMembers) {
  const json::value value{{"b", 1}, {"a", {true, nullptr, "x"}}};
  EXPECT_EQ(write_json(value), R"({"b":1,"a":[true,null,"x"]})");
  EXPECT_EQ(write_json(value, JsonSpacing::kSpaced), R"({"b": 1, "a": [true, null, "x"]})");
}

TEST(WriteJson, EscapesEverythingBeyondAscii) {
  EXPECT_EQ(write_json(json::value("b\xC3\xA4r \xE2\x82\xAC \xF0\x9F\x90\x98")), R"("b\u00e4r \u20ac \ud83d\udc18")");
  EXPECT_EQ(write_json(json::value("\"\\/\b\f\n\r\t\x01")), R"("\"\\/\b\f\n\r\t\u0001")");
}

TEST(WriteJson, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(write_json(json::value("\xFF" "a\xC3")), R"("\ufffda\ufffd")");
  EXPECT_EQ(write_json(json::value("\xED\xA0\x80")), R"("\ufffd\ufffd\ufffd")");  // a surrogate in UTF-8
  EXPECT_EQ(write_json(json::value("\xC0\xAF")), R"("\ufffd\ufffd")");            // overlong
}

TEST(WriteJson, WritesNumbersShortestAndOfTheirKind) {
  EXPECT_EQ(write_json(json::value(18446744073709551615u)), "18446744073709551615");
  EXPECT_EQ(write_json(json::value(-5)), "-5");
  EXPECT_EQ(write_json(json::value(2.5)), "2.5");
  EXPECT_EQ(write_json(json::value(2.0)), "2.0");
  EXPECT_EQ(write_json(json::value(1e22)), "1e+22");
}

TEST(ReadJson, RefusesWhatIsNotOneDocument) {
  EXPECT_FALSE(read_json(""));
  EXPECT_FALSE(read_json("pg1"));
  EXPECT_FALSE(read_json("{} {}"));
  EXPECT_FALSE(read_json("\"\xFF\""));
  EXPECT_TRUE(read_json(" {\"a\":1}\n"));
}

TEST(ReadJson, IsBoundedInDepthAndSize) {
  const std::string deep = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  EXPECT_TRUE(read_json(deep));
  EXPECT_FALSE(read_json("[" + deep + "]"));
  EXPECT_FALSE(read_json(std::string(1'000'000, '[')));
  EXPECT_TRUE(read_json("[1]", 3));
  EXPECT_FALSE(read_json("[11]", 3));
}

}  // namespace
}  // namespace matriarch::model
