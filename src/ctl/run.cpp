#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/commands/commands.hpp"
#include "ctl/ctl.hpp"
#include "ctl/failure.hpp"
#include "ctl/interrupt.hpp"
#include "settings/support.hpp"

namespace matriarch::ctl {
namespace {

const Command* find(std::string_view name) {
  const auto commands = all_commands();
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const Command& command) { return command.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

struct Split {
  GlobalOptions options;
  bool help = false;
  std::string command;
  Words rest;
  std::optional<std::string> wrong;  // what is wrong with the global options
};

// Options before the command's name are global; what follows the name is the command's own.
Split split(const Words& arguments) {
  Split result;
  std::size_t i = 0;
  const auto value_of = [&](std::string_view names) -> std::optional<std::string> {
    if (i + 1 < arguments.size()) return arguments[++i];
    result.wrong = fmt::format("Option '{}' requires an argument.", names);
    return std::nullopt;
  };
  for (; i < arguments.size() && !result.wrong; ++i) {
    const std::string& word = arguments[i];
    const auto given = [&](std::string_view short_name, std::initializer_list<std::string_view> long_names, std::optional<std::string>& value) {
      if (word == short_name) return value = value_of(short_name), true;
      for (const auto name : long_names) {
        if (word == name) return value = value_of(name), true;
        if (word.starts_with(std::string(name) + "=")) return value = word.substr(name.size() + 1), true;
      }
      if (!word.starts_with("--") && word.starts_with(short_name)) return value = word.substr(2), true;
      return false;
    };
    if (given("-c", {"--config-file"}, result.options.config_file) || given("-d", {"--dcs-url", "--dcs"}, result.options.dcs_url)) continue;
    if (word == "-k" || word == "--insecure") {
      result.options.insecure = true;
    } else if (word == "--help") {
      result.help = true;
    } else if (word.starts_with('-') && word.size() > 1 && word != "--") {
      result.wrong = fmt::format("No such option '{}'.", word.substr(0, word.find('=')));
    } else {
      if (word == "--") ++i;
      break;
    }
  }
  if (result.wrong || i >= arguments.size()) return result;
  result.command = arguments[i];
  result.rest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
  return result;
}

void print_usage(std::ostream& out, const std::string& program) {
  fmt::print(out, "Usage: {} [OPTIONS] COMMAND [ARGS]...\n\n  Command-line interface for interacting with a cluster of Matriarch or Patroni.\n\n", program);
  fmt::print(out,
             "Options:\n  -c, --config-file TEXT     Configuration file\n  -d, --dcs-url, --dcs TEXT  The DCS connect url\n"
             "  -k, --insecure             Allow connections to SSL sites without certs\n  --help                     Show this message and exit.\n\n");
  print_help(out);
}

[[noreturn]] void fail_globally(const std::string& program, const std::string& text) {
  throw UsageError{fmt::format("Usage: {} [OPTIONS] COMMAND [ARGS]...", program), program, text};
}

int dispatch(const std::string& program, const Split& split, const World& world, const Streams& streams) {
  if (split.help) {
    print_usage(streams.out, program);
    return 0;
  }
  if (split.wrong) fail_globally(program, *split.wrong);
  if (split.command.empty()) {
    print_usage(streams.out, program);
    return 2;
  }
  const auto* command = find(split.command);
  if (!command) fail_globally(program, fmt::format("No such command '{}'.", split.command));
  Context context(program, world, streams, split.options);
  // Who asks for help may not have a configuration yet. Patroni's tool reads it first.
  const bool asks_for_help = context.strict() && std::find(split.rest.begin(), split.rest.end(), "--help") != split.rest.end();
  if (command->needs_cluster && !asks_for_help) context.load();
  return command->run(context, split.rest);
}

}  // namespace

int run(const std::string& program, std::vector<std::string> arguments, const World& world, Streams streams) {
  if (streams.owns_process) abort_on_interrupt();
  try {
    const int code = dispatch(program, split(arguments), world, streams);
    streams.out.flush();
    return code;
  } catch (const UsageError& error) {
    fmt::print(streams.err, "{}\nTry '{} --help' for help.\n\nError: {}\n", error.usage, error.command, error.text);
    return 2;
  } catch (const HelpRequested& help) {
    streams.out << help.text;
    return 0;
  } catch (const Failure& failure) {
    streams.out.flush();
    fmt::print(streams.err, "Error: {}\n", failure.text);
    return failure.exit_code;
  } catch (const Aborted&) {
    streams.out.flush();
    fmt::print(streams.err, "\nAborted!\n");
    return 1;
  } catch (const std::exception& error) {
    streams.out.flush();
    fmt::print(streams.err, "Error: {}\n", error.what());
    return 1;
  }
}

bool is_command(std::string_view name) { return find(name) != nullptr; }

std::optional<std::string> nearest_command(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& command : all_commands()) names.emplace_back(command.name);
  return settings::nearest(name, names);
}

std::string find_command(const std::vector<std::string>& arguments) { return split(arguments).command; }

void print_help(std::ostream& out) {
  fmt::print(out, "Commands:\n");
  std::string_view group;
  for (const auto& command : all_commands()) {
    if (command.group != group) fmt::print(out, "  {}\n", command.group);
    group = command.group;
    fmt::print(out, "    {:<16} {}\n", command.name, command.summary);
  }
}

}  // namespace matriarch::ctl
