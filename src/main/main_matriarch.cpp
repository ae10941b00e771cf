// Which program this is: the service, one of its parts, or the operator's tool; also under Patroni's names for them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "main/command_line.hpp"
#include "main/configuration.hpp"
#include "main/operator.hpp"
#include "main/programs.hpp"
#include "main/version.hpp"
#include "rules/member_document.hpp"

namespace {

using namespace matriarch::main;
using Words = std::vector<std::string>;

void print_service_help(std::FILE* stream, const std::string& name) {
  const std::string text = fmt::format(
      "Service:\n"
      "  {0} [FILE]               run a node with this configuration: a YAML file or a directory of them, or the\n"
      "                                 variables PATRONI_* alone\n"
      "    --form-new-cluster           with no embedded.peers: form a cluster of one although PGDATA is not empty\n"
      "  {0} --validate-config [-i] [-p] [FILE]\n"
      "                                 check a configuration, all complaints at once; exit code 1 if there are any\n"
      "    -i, --ignore-listen-port     do not ask for free ports: the service is running\n"
      "    -p, --print                  print the configuration as it was read, passwords included\n"
      "  {0} --generate-sample-config [FILE]\n"
      "                                 write a commented sample\n"
      "  {0} --generate-config [--dsn DSN] [FILE]\n"
      "                                 write a configuration for the PostgreSQL server that runs here\n",
      name);
  std::fputs(text.c_str(), stream);
}

int usage(std::FILE* stream, int code) {
  std::fprintf(stream, "Matriarch %s: high availability for PostgreSQL\n\n", kProgramVersion);
  print_service_help(stream, "matriarch");
  std::fprintf(stream,
               "  matriarch run [FILE]           the same as matriarch FILE\n"
               "  matriarch witness [FILE]       run a voter of the embedded store without PostgreSQL\n\n"
               "Explain:\n"
               "  matriarch rules [--markdown]   every rule, in order\n\n");
  print_operator_help(stream);
  std::fprintf(stream, "\n  matriarch --version\n  matriarch --help\n");
  return code;
}

int help(const std::string& name) {
  if (name == "matriarch") return usage(stdout, 0);
  std::printf("Matriarch %s under the name %s\n\n", kProgramVersion, name.c_str());
  print_service_help(stdout, name);
  return 0;
}

// Who asks Patroni for its version wants to know what it can do.
int print_version(const std::string& name) {
  if (name == "matriarch") std::printf("matriarch %s\n", kProgramVersion);
  else std::printf("%s %s (Matriarch %s)\n", name.c_str(), matriarch::rules::kVersion, kProgramVersion);
  return 0;
}

int not_understood(const std::string& name, const std::string& why) {
  std::fprintf(stderr, "%s: %s; see %s --help\n", name.c_str(), why.c_str(), name.c_str());
  return 2;
}

int serve(const std::string& name, const Words& words) {
  const auto request = parse_service(words);
  if (!request) return not_understood(name, request.error());
  switch (request->mode) {
    case ServiceRequest::Mode::kRun: return run_service(request->file, request->forms_alone);
    case ServiceRequest::Mode::kValidate: return validate_configuration(request->file, request->ignores_listen_port, request->prints);
    case ServiceRequest::Mode::kGenerateSample: return generate_sample(request->file);
    case ServiceRequest::Mode::kGenerate: return generate_configuration(request->dsn, request->file);
    case ServiceRequest::Mode::kVersion: return print_version(name);
    case ServiceRequest::Mode::kHelp: return help(name);
  }
  return 2;
}

int bear_witness(const std::string& name, const Words& words) {
  const auto request = parse_service(words);
  if (!request) return not_understood(name, request.error());
  if (request->mode == ServiceRequest::Mode::kVersion) return print_version(name);
  if (request->mode == ServiceRequest::Mode::kHelp) return usage(stdout, 0);
  if (request->mode != ServiceRequest::Mode::kRun || request->forms_alone) return not_understood(name, "a witness takes a configuration file alone");
  return run_witness(request->file);
}

// What stands where a command would, if it is neither one nor a configuration file. A single word that resembles no command is
// taken for a file: the service says what is wrong with it.
std::optional<std::string> what_is_no_command(const Words& words) {
  const std::string command = wanted_command(words);
  std::error_code error;
  const bool leads = command == words[0];
  if (command.empty() || (leads && std::filesystem::exists(command, error))) return std::nullopt;
  const std::string wrong = "'" + command + "' is neither a command nor a configuration file";
  if (const auto near = nearest_command(command)) return wrong + "; did you mean '" + *near + "'?";
  const bool has_companion = !leads || (words.size() > 1 && !words[1].starts_with('-'));
  return has_companion ? std::optional(wrong) : std::nullopt;
}

int run_matriarch(int argc, char** argv, Words words) {
  if (words.empty() && !names_configuration(process_environment())) return usage(stderr, 2);
  if (words.empty()) return serve("matriarch", words);
  const std::string first = words[0];
  if (first == "help") return usage(stdout, 0);
  // Started by the guardian.
  if (first == "agent" && words.size() == 3) return run_agent(words[1], words[2]);
  if (first == "store" && words.size() >= 3 && !is_store_command(words[1])) {
    const bool forms_alone = std::erase(words, "--form-new-cluster") > 0;
    return words.size() == 3 ? run_store(words[1], words[2], forms_alone) : usage(stderr, 2);
  }
  if (first == "witness") return bear_witness("matriarch", {words.begin() + 1, words.end()});
  if (first == "run") return serve("matriarch", {words.begin() + 1, words.end()});
  if (is_operator_command(words)) return run_operator(argc, argv);
  if (const auto wrong = what_is_no_command(words)) return not_understood("matriarch", *wrong);
  return serve("matriarch", words);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  const Words words(argv + 1, argv + argc);
  // Under a name of Patroni's it is that program, whatever the arguments.
  if (name == "patronictl") return run_operator(argc, argv);
  if (name == "patroni") return serve(name, words);
  if (name == "patroni_raft_controller") return bear_witness(name, words);
  return run_matriarch(argc, argv, words);
}
