#include "model/json_merge.hpp"

#include <gtest/gtest.h>

#include "unit/model/an_object.hpp"


namespace matriarch::model {
namespace {

TEST(JsonMerge, FollowsPatronisRules) {
  struct {
    const char *config, *patch, *merged;
    bool changed;
  } const rows[] = {
      {R"({"a":1})", R"({"a":1})", R"({"a":1})", false},
      {R"({"a":30})", R"({"a":"30"})", R"({"a":30})", false},
      {R"({"a":true})", R"({"a":"true"})", R"({"a":"true"})", true},
      {R"({"a":1,"b":2,"c":3})", R"({"a":null})", R"({"b":2,"c":3})", true},
      {R"({"a":null})", R"({"a":null})", "{}", false},
      {R"({})", R"({"a":null})", "{}", false},
      {R"({"p":{"x":1,"y":2}})", R"({"p":{"x":5}})", R"({"p":{"x":5,"y":2}})", true},
      {R"({"p":3})", R"({"p":{"x":5}})", R"({"p":{"x":5}})", true},
      {R"({})", R"({"p":{"x":null,"y":{"z":null}}})", R"({"p":{"y":{}}})", true},
      {R"({"l":[1,2]})", R"({"l":[1,2]})", R"({"l":[1,2]})", false},
      {R"({"l":[1,2]})", R"({"l":[2]})", R"({"l":[2]})", true},
  };
  for (const auto& row : rows) {
    auto config = object(row.config);
    EXPECT_EQ(merge_patch(config, object(row.patch)), row.changed) << row.config << " + " << row.patch;
    EXPECT_EQ(write_json(config), row.merged) << row.config << " + " << row.patch;
  }
}

TEST(JsonMerge, ComparesByKeysAndTexts) {
  EXPECT_TRUE(same_configuration(object(R"({"a":2,"b":{"c":"x"}})"), object(R"({"b":{"c":"x"},"a":"2"})")));
  EXPECT_FALSE(same_configuration(object(R"({"a":null})"), object("{}")));
  EXPECT_FALSE(same_configuration(object(R"({"a":true})"), object(R"({"a":"true"})")));
}

}  // namespace
}  // namespace matriarch::model
