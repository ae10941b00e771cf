#include "rules/describe.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace matriarch::rules {
namespace {

template <typename Visit>
void for_each_row(Visit visit) {
  for (const Table& table : the_house().tables) {
    for (const Rule& rule : table.duties) visit(table, rule);
    for (const Rule& rule : table.verdicts) visit(table, rule);
  }
}

TEST(House, EveryRowHasANameOfItsOwnAndASentence) {
  std::set<std::string_view> names;
  for_each_row([&](const Table& table, const Rule& rule) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name << " is in the house twice";
    EXPECT_EQ(rule.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << rule.name;
    EXPECT_FALSE(rule.explains.empty()) << rule.name;
    EXPECT_TRUE(rule.holds && rule.plan) << table.name << " " << rule.name;
  });
}

TEST(House, ARowCanBeTakenOutAndSwapped) {
  const auto has = [](const House& house, std::string_view name) {
    return as_text(house).find("    " + std::string(name) + " ") != std::string::npos;
  };
  EXPECT_TRUE(has(the_house(), "view-not-fresh"));
  EXPECT_FALSE(has(without(the_house(), "view-not-fresh"), "view-not-fresh"));
}

// `matriarch rules --markdown > docs/rules.md` after a change of the tables.
TEST(House, TheDocumentIsPrintedFromTheTables) {
  std::ifstream file(std::string(MATRIARCH_SOURCE_DIR) + "/docs/rules.md");
  std::stringstream document;
  document << file.rdbuf();
  EXPECT_EQ(document.str(), as_markdown(the_house()));
}

}  // namespace
}  // namespace matriarch::rules
