// docs/compatibility.md against what only the source tells: the service's switches, variables of the process, the store's keys.
#include "unit/document.hpp"

namespace {

using namespace matriarch::document;  // NOLINT: all of this file is about it

TEST(Compatibility, SwitchesOfTheServiceAreThoseOfTheCode) {
  const std::string options = text_of(kProject / "src/main/command_line.cpp"), names = text_of(kProject / "src/main/main_matriarch.cpp");
  Names in_code = matches_in(options, R"xx(app\.add_(?:flag|option)\("(?:-\w,)?(--[a-z-]+)")xx");
  for (const auto& name : matches_in(options, R"xx(app\.add_(?:flag|option)\("(-\w),--)xx")) in_code.insert(name);
  for (const auto& name : matches_in(names, R"xx(first == "([a-z]+)"\))xx")) in_code.insert(name);
  for (const auto& name : matches_in(names, R"xx([( ]name == "(patroni[a-z_]*)"\))xx")) in_code.insert(name);
  in_code.erase("help");  // as --help
  expect_same(known_in("service", 0, 1), in_code);
}

TEST(Compatibility, VariablesOfTheProcessAreThoseOfTheCode) {
  const std::string text = sources_of("", {"environment.cpp"});
  Names in_code = matches_in(text, R"xx((?:[gs]etenv\(|number_in_environment\(|variable\(environment(?:_|\(\))?, )"([A-Z_]+)")xx");
  for (const auto& name : matches_in(text, R"xx("((?:MATRIARCH|MATRIARCHCTL|PATRONI|PATRONICTL)_[A-Z_]+)")xx")) in_code.insert(name);
  for (const auto& name : matches_in(text, R"xx("([A-Z_]+)=")xx")) in_code.insert(name);
  for (const auto& name : matches_in(text, R"xx(\{"\w+", "(PG[A-Z]+)", ")xx")) in_code.insert(name);
  for (const char* not_for_people : {"MATRIARCH_GUARDED", "PATRONI_CONFIGURATION", "PATRONI_NAME", "PATRONI_POSTGRESQL_BIN_DIR"}) in_code.erase(not_for_people);  // a mark; of the configuration
  expect_same(known_in("process variables", 0, 1), in_code);
}

TEST(Compatibility, KeysOfTheStoreAreThoseOfTheCode) {
  Names in_code = matches_in(text_of(kProject / "src/store/layout/records.hpp"), R"xx(std::string_view k\w+ = "([^"]+)")xx");
  in_code.erase("members/");
  in_code.insert("members/NAME");
  expect_same(known_in("store keys", 0, 1), in_code);
}

TEST(Compatibility, FieldsOfAMemberAreThoseOfTheCode) {
  expect_same(known_in("member fields", 0, 1), matches_in(text_of(kProject / "src/rules/member_document.cpp"), R"xx(document\["([a-z_]+)"\])xx"));
}

}  // namespace
