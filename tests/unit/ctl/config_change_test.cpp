#include "ctl/config_change.hpp"

#include <gtest/gtest.h>

#include "ctl/unified_diff.hpp"
#include "unit/ctl/sample.hpp"

namespace matriarch::ctl {
namespace {

TEST(SetValue, ReadsYaml) {
  struct {
    const char *before, *assignment, *after;
  } const rows[] = {
      {"{}", "a=on", R"({"a":true})"},
      {"{}", "a=0x10", R"({"a":16})"},
      {"{}", "a=1_000", R"({"a":1000})"},
      {"{}", "a=1e3", R"({"a":"1e3"})"},
      {"{}", "a=12.0e+03", R"({"a":12000.0})"},
      {"{}", "a=8MB", R"({"a":"8MB"})"},
      {"{}", "a='on'", R"({"a":"on"})"},
      {"{}", "a=[x, 1]", R"({"a":["x",1]})"},
      {"{}", "a={b: 1}", R"({"a":{"b":1}})"},
      {"{}", "a=b=c", R"({"a":"b=c"})"},
      {"{}", " a.b.c =1", R"({"a":{"b":{"c":1}}})"},
      {R"({"a":5})", "a.b=1", R"({"a":{"b":1}})"},
      {"{}", "postgresql.parameters.plpgsql.x=1", R"({"postgresql":{"parameters":{"plpgsql.x":1}}})"},
      {R"({"postgresql":{"use_slots":true,"parameters":{"x":1}}})", "postgresql.parameters.x=", R"({"postgresql":{"use_slots":true}})"},
      {R"({"postgresql":{"parameters":{"x":1}},"ttl":5})", "postgresql.parameters.x=~", R"({"ttl":5})"},
      {R"({"a":1})", "b=null", R"({"a":1})"},
      {R"({"a":1})", "a.b=null", R"({"a":1})"},
  };
  for (const auto& row : rows) {
    auto document = object(row.before);
    const auto set = set_value(document, row.assignment);
    ASSERT_TRUE(set) << row.assignment << ": " << set.error();
    EXPECT_EQ(model::write_json(document), row.after) << row.before << " " << row.assignment;
  }
  auto document = object("{}");
  EXPECT_EQ(set_value(document, "nothing").error(), "Invalid parameter setting nothing");
  EXPECT_FALSE(set_value(document, "a=[1"));
  EXPECT_TRUE(document.empty());
}

TEST(UnifiedDiff, GroupsChangesWithContext) {
  EXPECT_EQ(unified_diff("a\n", "a\n"), "");
  EXPECT_EQ(unified_diff("", "a\n"), "--- \n+++ \n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(unified_diff("a\n", ""), "--- \n+++ \n@@ -1 +0,0 @@\n-a\n");
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", "1\n2\nx\n4\n5\n6\n7\n8\n9\n10\ny\n12\n"),
            "--- \n+++ \n@@ -1,6 +1,6 @@\n 1\n 2\n-3\n+x\n 4\n 5\n 6\n@@ -8,5 +8,5 @@\n 8\n 9\n 10\n-11\n+y\n 12\n");
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n"), "--- \n+++ \n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
}

TEST(InOldOrder, KeepsTheStoresOrder) {
  EXPECT_EQ(model::write_json(in_old_order(object(R"({"a":{"x":1,"y":2},"b":2,"c":3})"), object(R"({"c":0,"a":{"y":0},"z":1})"))), R"({"c":3,"a":{"y":2,"x":1},"b":2})");
}

}  // namespace
}  // namespace matriarch::ctl
