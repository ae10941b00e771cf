#include "ctl/table.hpp"

#include <gtest/gtest.h>

#include "ctl/output.hpp"
#include "ctl/roles.hpp"
#include "ctl/text_width.hpp"
#include "unit/ctl/sample.hpp"

namespace matriarch::ctl {
namespace {

TEST(Table, CutsALongTitleAndCountsColumns) {
  EXPECT_EQ(to_text({.title = " a very long title ", .columns = {{"A"}}, .rows = {{"x"}}}), "+ a +\n| A |\n+---+\n| x |\n+---+\n");
  EXPECT_EQ(to_text({.columns = {{"N", true}}, .rows = {{"5"}, {"100"}}}), "+-----+\n|   N |\n+-----+\n|   5 |\n| 100 |\n+-----+\n");
  EXPECT_EQ(to_text({.columns = {{"A"}, {"B"}}, .rows = {{"日本", "x"}, {"e\xCC\x81", ""}}}),
            "+------+---+\n| A    | B |\n+------+---+\n| 日本 | x |\n| e\xCC\x81    |   |\n+------+---+\n");
}

TEST(TextWidth, CountsWhatATerminalShows) {
  EXPECT_EQ(text_width("abc"), 3u);
  EXPECT_EQ(text_width("日本"), 4u);
  EXPECT_EQ(text_width("e\xCC\x81"), 1u);
  EXPECT_EQ(text_width("\xFF\xFE"), 2u);
  EXPECT_EQ(cut("日本", 3), "日");
}

TEST(Output, KeepsEmptyFieldsUnlessToldNot) {
  Records records{.columns = {{"TL", {}, true}, {"Reason", {}}}, .rows = {{5, ""}, {nullptr, true}}};
  EXPECT_EQ(render(records, Format::kJson, {}), "[{\"TL\": 5, \"Reason\": \"\"}, {\"TL\": null, \"Reason\": true}]\n");
  EXPECT_EQ(render(records, Format::kYaml, {}), "- Reason: ''\n  TL: 5\n- Reason: true\n  TL: null\n\n");
  EXPECT_EQ(render(records, Format::kTsv, {.delimiter = ";"}), "TL;Reason\n5;\nNone;True\n");
}

TEST(Output, FlowYamlIsSortedAndQuoted) {
  EXPECT_EQ(flow_yaml(object(R"({"b":[1,"a,b"],"a":{"c":"yes"}})")), "{a: {c: 'yes'}, b: [1, 'a,b']}");
}

TEST(Roles, ChooseMembers) {
  auto cluster = sample_cluster();
  const auto chosen = [&](const char* role) {
    std::string names;
    for (const auto* member : members_with(cluster, *parse_role(role))) names += member->name.text.back();
    return names;
  };
  EXPECT_EQ(chosen("leader"), "a");
  EXPECT_EQ(chosen("primary"), "a");
  EXPECT_EQ(chosen("standby-leader"), "");
  EXPECT_EQ(chosen("replica"), "bcd");
  EXPECT_EQ(chosen("standby"), "bcd");
  EXPECT_EQ(chosen("any"), "abcd");
  EXPECT_FALSE(parse_role("master"));
  cluster.members[model::MemberName("pg-a")].role = "";
  EXPECT_EQ(chosen("standby-leader"), "a") << "only other roles exclude";
  cluster.leader = model::LeaderKey{model::MemberName("pg-c")};
  std::string names;
  for (const auto* member : leader_first(cluster)) names += member->name.text.back();
  EXPECT_EQ(names, "cabd");
}

}  // namespace
}  // namespace matriarch::ctl
