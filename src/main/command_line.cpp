#include "main/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>

namespace matriarch::main {
namespace {

using Mode = ServiceRequest::Mode;

constexpr std::array<std::string_view, 9> kLongOptions{"--validate-config", "--generate-sample-config", "--generate-config", "--dsn", "--ignore-listen-port",
                                                       "--print", "--form-new-cluster", "--version", "--help"};

// "--validate" -> "--validate-config"
tl::expected<std::string, std::string> in_full(const std::string& word) {
  const auto name = std::string_view(word).substr(0, word.find('='));
  if (!name.starts_with("--") || name.size() == 2) return word;
  std::vector<std::string_view> meant;
  for (const auto option : kLongOptions) {
    if (option == name) return word;
    if (option.starts_with(name)) meant.push_back(option);
  }
  if (meant.size() > 1) return tl::unexpected(fmt::format("{} may mean {}", name, fmt::join(meant, " or ")));
  return meant.empty() ? word : std::string(meant.front()) + word.substr(name.size());
}

// What belongs to one mode is a mistake in another, not something to pass over.
tl::expected<void, std::string> check_companions(const ServiceRequest& request) {
  const auto only_with = [](std::string_view option, std::string_view mode) { return tl::unexpected(fmt::format("{} is for {}", option, mode)); };
  if (request.mode != Mode::kValidate && request.ignores_listen_port) return only_with("--ignore-listen-port", "--validate-config");
  if (request.mode != Mode::kValidate && request.prints) return only_with("--print", "--validate-config");
  if (request.mode != Mode::kGenerate && !request.dsn.empty()) return only_with("--dsn", "--generate-config");
  if (request.mode != Mode::kRun && request.forms_alone) return only_with("--form-new-cluster", "the service");
  return {};
}

tl::expected<Mode, std::string> mode_of(bool validate, bool sample, bool generate) {
  if (validate + sample + generate > 1) return tl::unexpected(std::string("--validate-config, --generate-sample-config and --generate-config exclude each other"));
  if (validate) return Mode::kValidate;
  if (sample) return Mode::kGenerateSample;
  return generate ? Mode::kGenerate : Mode::kRun;
}

}  // namespace

tl::expected<ServiceRequest, std::string> parse_service(std::vector<std::string> words) {
  for (auto& word : words) {
    auto full = in_full(word);
    if (!full) return tl::unexpected(full.error());
    word = std::move(*full);
  }
  ServiceRequest request;
  bool validate = false, sample = false, generate = false, version = false, help = false;
  CLI::App app;
  app.set_help_flag();
  app.add_option("configfile", request.file);
  app.add_flag("--validate-config", validate);
  app.add_flag("--generate-sample-config", sample);
  app.add_flag("--generate-config", generate);
  app.add_option("--dsn", request.dsn);
  app.add_flag("-i,--ignore-listen-port", request.ignores_listen_port);
  app.add_flag("-p,--print", request.prints);
  app.add_flag("--form-new-cluster", request.forms_alone);
  app.add_flag("-V,--version", version);
  app.add_flag("-h,--help", help);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ExtrasError&) {
    return tl::unexpected("unrecognized arguments: " + fmt::format("{}", fmt::join(app.remaining(), " ")));
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(std::string(error.what()));
  }
  const auto mode = mode_of(validate, sample, generate);
  if (!mode) return tl::unexpected(mode.error());
  request.mode = help ? Mode::kHelp : version ? Mode::kVersion : *mode;
  if (request.mode == Mode::kHelp || request.mode == Mode::kVersion) return request;
  if (auto sound = check_companions(request); !sound) return tl::unexpected(sound.error());
  return request;
}

}  // namespace matriarch::main
