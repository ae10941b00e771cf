// docs/compatibility.md names the commands and their options as they are: what the help offers, and what is refused.
#include "ctl/commands/commands.hpp"
#include "unit/ctl/desk.hpp"
#include "unit/document.hpp"

namespace matriarch::ctl {
namespace {

using document::Names;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// The options of a help: everything before the words for people in the lines below "Options:".
Names options_in(const std::string& help) {
  Names options;
  const auto begin = help.find("Options:\n");
  std::istringstream lines(begin == std::string::npos ? std::string() : help.substr(begin + 9));
  for (std::string line; std::getline(lines, line) && line.starts_with("  -");) {
    for (const auto& option : document::matches_in(line.substr(0, line.find("  ", 3)), R"((-[-a-zA-Z]+))")) options.insert(option);
  }
  options.erase("--help");
  return options;
}

Names commands_in_the_code(Desk& desk) {
  Names names;
  for (const auto& command : all_commands()) names.emplace(command.name);
  names.erase("store");
  EXPECT_EQ(desk.run({"store", "--help"}), 0);
  for (const auto& step : document::matches_in(desk.out, R"(\n  ([a-z-]+) )")) {
    if (is_store_command(step)) names.insert("store " + step);
  }
  return names;
}

Names options_of(Desk& desk, const std::string& command) {
  auto arguments = words_of(command);
  arguments.emplace_back("--help");
  EXPECT_EQ(desk.run(arguments), 0) << command << desk.err;
  EXPECT_THAT(desk.out, ::testing::HasSubstr("\nOptions:\n")) << command;  // one that is only refused has none
  Names found;
  for (const auto& option : options_in(desk.out)) found.insert(command + " " + option);
  return found;
}

struct Described {
  Names commands, options;  // "list --extended"
  std::vector<std::pair<std::string, std::string>> refused;  // command, option or empty
};

Described described() {
  Described result;
  Names all;
  for (const auto& row : document::rows_of("commands")) {
    for (const auto& command : document::codes_in(row.at(0))) {
      all.insert(command);
      const auto options = document::codes_in(row.at(1));
      const bool is_known = document::is_known(row.at(2));
      if (is_known) result.commands.insert(command);
      if (!is_known && options.empty()) result.refused.emplace_back(command, "");
      for (const auto& option : options) {
        if (is_known) result.options.insert(command + " " + option);
        else result.refused.emplace_back(command, option);
      }
    }
  }
  return result;
}

TEST(Compatibility, CommandsAndOptionsAreThoseOfTheHelp) {
  const Described document = described();
  Names commands = document.commands, options;
  for (const auto& [command, option] : document.refused) commands.insert(command);
  Desk desk;
  document::expect_same(commands, commands_in_the_code(desk));
  for (const auto& command : document.commands) options.merge(options_of(desk, command));
  document::expect_same(document.options, options);
}

// Never silently: an error that names it.
TEST(Compatibility, WhatIsRefusedIsNamed) {
  Desk desk;
  const auto refused = described().refused;
  EXPECT_FALSE(refused.empty());
  for (const auto& [command, option] : refused) {
    std::vector<std::string> arguments{command, "orders"};
    if (!option.empty()) arguments.insert(arguments.end(), {option, "0"});
    EXPECT_NE(desk.run(arguments), 0) << command << " " << option;
    EXPECT_THAT(desk.err, ::testing::HasSubstr(option.empty() ? command : option));
    EXPECT_THAT(desk.calls, ::testing::IsEmpty());
  }
}

TEST(Compatibility, GlobalOptionsAreThoseOfTheHelp) {
  Desk desk;
  EXPECT_EQ(desk.run({"--help"}), 0);
  document::expect_same(document::known_in("global options", 0, 1), options_in(desk.out));
}

TEST(Compatibility, SchemesOfStoreAddressesAreThoseOfTheCode) {
  const std::string text = document::text_of(document::kProject / "src/ctl/dcs_url.cpp");
  Names described;
  for (const auto& row : document::rows_of("schemes")) {
    for (const auto& scheme : document::codes_in(row.at(0))) {
      described.insert(scheme);
      Desk desk;
      const int code = desk.run({"-d", scheme + "://h", "list"});
      EXPECT_EQ(code == 0, document::is_known(row.at(1))) << scheme << desk.err;
      EXPECT_TRUE(code == 0 || desk.err.find(scheme) != std::string::npos) << desk.err;
    }
  }
  for (const auto& scheme : document::matches_in(text, R"xx(Scheme\{"([^"]+)")xx")) EXPECT_TRUE(described.contains(scheme)) << scheme;
}

}  // namespace
}  // namespace matriarch::ctl
