// The arguments of one command: CLI11 parses, the words for what is wrong are patronictl's.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::ctl {

class Arguments {
 public:
  // `command` is "patronictl list"; `positionals` stands in the usage line: "[CLUSTER_NAMES]...".
  Arguments(std::string command, std::string positionals, std::string summary);

  // Each returns itself. Options given twice: the last one counts.
  Arguments& flag(const std::string& names, bool& value, const std::string& help);
  Arguments& option(const std::string& names, std::optional<std::string>& value, const std::string& help, const std::string& type = "TEXT");
  Arguments& option(const std::string& names, std::vector<std::string>& values, const std::string& help, const std::string& type = "TEXT");
  // Everything that is not an option, in order.
  Arguments& rest(std::vector<std::string>& values);

  // Throws UsageError or HelpRequested.
  void parse(std::vector<std::string> arguments);

  [[noreturn]] void fail(const std::string& text) const;
  // One of a list, as in "Invalid value for '--role' / '-r': 'x' is not one of 'leader', ...".
  [[noreturn]] void fail_choice(std::string_view option, std::string_view value, std::string_view choices) const;

 private:
  std::string usage() const;
  std::string no_such_option(const std::string& name) const;
  std::string help() const;

  std::string command_, positionals_, summary_;
  CLI::App app_;
  std::vector<std::pair<std::string, std::string>> rows_;  // of the help: "-f, --format TEXT", words
  bool help_wanted_ = false;
};

}  // namespace matriarch::ctl
