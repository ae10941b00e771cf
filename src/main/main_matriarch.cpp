// Which program this is: the service, one of its parts, or the operator's tool.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "main/operator.hpp"
#include "main/programs.hpp"
#include "main/version.hpp"

namespace {

using namespace matriarch::main;

int usage(std::FILE* stream, int code) {
  std::fprintf(stream,
               "Matriarch %s: high availability for PostgreSQL\n\n"
               "Service:\n"
               "  matriarch FILE                 run a node with this configuration (a Patroni YAML works)\n"
               "  matriarch run FILE             the same\n"
               "    --form-new-cluster           with no embedded.peers: form a cluster of one although PGDATA is not empty\n"
               "  matriarch witness FILE         run a voter of the embedded store without PostgreSQL\n"
               "  matriarch --validate-config FILE\n"
               "                                 check a configuration, all complaints at once; exit code 1 if there are any\n"
               "  matriarch --generate-sample-config\n"
               "                                 print a commented sample\n\n"
               "Explain:\n"
               "  matriarch rules [--markdown]   every rule, in order\n\n",
               kProgramVersion);
  print_operator_help(stream);
  std::fprintf(stream, "\n  matriarch --version\n  matriarch --help\n");
  return code;
}

bool asks_for_help(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) { return word == "--help" || word == "-h"; });
}

int not_understood(const std::vector<std::string>& words) {
  const std::string command = wanted_command(words);
  const std::string& wrong = command.empty() ? words[0] : command;
  const auto near = nearest_command(wrong);
  std::fprintf(stderr, "matriarch: '%s' is neither a command nor a configuration file; %s\n", wrong.c_str(),
               near ? ("did you mean '" + *near + "'?").c_str() : "see matriarch --help");
  return 2;
}

bool is_mistyped_command(const std::string& word) {
  std::error_code error;
  return !std::filesystem::exists(word, error) && nearest_command(word).has_value();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  // Under the name of Patroni's tool it is that tool, whatever the arguments.
  if (std::string_view(argv[0]).ends_with("patronictl")) return run_operator(argc, argv);
  if (words.empty()) return usage(stderr, 2);
  // Of the service alone: `matriarch FILE --form-new-cluster`.
  const bool is_store_process = words[0] == "store" && words.size() >= 3 && !is_store_command(words[1]);
  const bool is_service = is_store_process || !is_operator_command(words);
  const bool forms_alone = is_service && std::erase(words, "--form-new-cluster") > 0;
  if (words.empty()) return usage(stderr, 2);
  const std::string& first = words[0];
  if (first == "--help" || first == "-h" || first == "help") return usage(stdout, 0);
  if (!is_operator_command(words) && asks_for_help(words)) return usage(stdout, 0);
  if (first == "--version" || first == "-V") {
    std::printf("matriarch %s\n", kProgramVersion);
    return 0;
  }
  if (first == "agent" && words.size() == 3) return run_agent(words[1], words[2]);
  if (is_store_process && words.size() == 3) return run_store(words[1], words[2], forms_alone);
  if (first == "witness" && words.size() == 2) return run_witness(words[1]);
  if (first == "run" && words.size() == 2) return run_service(words[1], forms_alone);
  if (first == "--validate-config" && words.size() >= 2) {
    const bool ignore = words.size() == 3 && (words[1] == "-i" || words[1] == "--ignore-listen-port");
    return validate_configuration(words.back(), ignore);
  }
  if (first == "--generate-sample-config") return print_sample_configuration();
  if (is_operator_command(words)) return run_operator(argc, argv);
  if (words.size() == 1 && first[0] != '-' && !is_mistyped_command(first)) return run_service(first, forms_alone);
  return not_understood(words);
}
