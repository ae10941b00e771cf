#include "ctl/arguments.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "ctl/failure.hpp"
#include "settings/support.hpp"

namespace matriarch::ctl {
namespace {

// "-f,--format" -> "-f, --format TEXT".
std::string help_name(std::string names, const std::string& type) {
  for (auto at = names.find(','); at != std::string::npos; at = names.find(',', at + 2)) names.replace(at, 1, ", ");
  return type.empty() ? names : names + " " + type;
}

std::string option_name(const std::string& argument) { return argument.substr(0, argument.find('=')); }

}  // namespace

Arguments::Arguments(std::string command, std::string positionals, std::string summary)
    : command_(std::move(command)), positionals_(std::move(positionals)), summary_(std::move(summary)), app_(summary_) {
  app_.set_help_flag();
  app_.allow_extras(false);
  app_.positionals_at_end(false);
}

Arguments& Arguments::flag(const std::string& names, bool& value, const std::string& help) {
  app_.add_flag(names, value);
  rows_.emplace_back(help_name(names, ""), help);
  return *this;
}

Arguments& Arguments::option(const std::string& names, std::optional<std::string>& value, const std::string& help, const std::string& type) {
  app_.add_option(names, value)->take_last()->allow_extra_args(false);
  rows_.emplace_back(help_name(names, type), help);
  return *this;
}

Arguments& Arguments::option(const std::string& names, std::vector<std::string>& values, const std::string& help, const std::string& type) {
  app_.add_option(names, values)->allow_extra_args(false);
  rows_.emplace_back(help_name(names, type), help);
  return *this;
}

Arguments& Arguments::rest(std::vector<std::string>& values) {
  app_.add_option("arguments", values)->expected(0, -1);
  return *this;
}

// With what was probably meant.
std::string Arguments::no_such_option(const std::string& name) const {
  std::vector<std::string> known;
  for (const auto* option : app_.get_options()) {
    for (const auto& long_name : option->get_lnames()) known.push_back("--" + long_name);
  }
  const auto near = settings::nearest(name, known);
  return fmt::format("No such option '{}'.{}", name, near ? " Did you mean '" + *near + "'?" : "");
}

void Arguments::parse(std::vector<std::string> arguments) {
  app_.add_flag("--help", help_wanted_);
  rows_.emplace_back("--help", "Show this message and exit.");
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes vectors backwards
  try {
    app_.parse(arguments);
  } catch (const CLI::ExtrasError&) {
    if (help_wanted_) throw HelpRequested{help()};
    const auto extras = app_.remaining();
    const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& extra) { return extra.size() > 1 && extra.front() == '-'; });
    if (option != extras.end()) fail(no_such_option(option_name(*option)));
    fail(fmt::format("Got unexpected extra argument ({})", extras.empty() ? "" : extras.front()));
  } catch (const CLI::ArgumentMismatch& error) {
    if (help_wanted_) throw HelpRequested{help()};
    const std::string what = error.what();
    fail(fmt::format("Option '{}' requires an argument.", what.substr(0, what.find(':'))));
  } catch (const CLI::ParseError& error) {
    fail(error.what());
  }
  if (help_wanted_) throw HelpRequested{help()};
}

std::string Arguments::usage() const {
  return fmt::format("Usage: {} [OPTIONS]{}{}", command_, positionals_.empty() ? "" : " ", positionals_);
}

std::string Arguments::help() const {
  std::size_t width = 0;
  for (const auto& row : rows_) width = std::max(width, row.first.size());
  std::string text = fmt::format("{}\n\n  {}\n\nOptions:\n", usage(), summary_);
  for (const auto& [name, words] : rows_) text += fmt::format("  {:<{}}  {}\n", name, width, words);
  return text;
}

void Arguments::fail(const std::string& text) const { throw UsageError{usage(), command_, text}; }

void Arguments::fail_choice(std::string_view option, std::string_view value, std::string_view choices) const {
  fail(fmt::format("Invalid value for {}: '{}' is not one of {}.", option, value, choices));
}

}  // namespace matriarch::ctl
