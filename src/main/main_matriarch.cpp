// Which program this is: the service, one of its parts, or the operator's tool.
#include <cstdio>
#include <cstring>
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
  if (words.size() == 1 && first[0] != '-') return run_service(first, forms_alone);
  std::fprintf(stderr, "matriarch: '%s' is neither a command nor a configuration file; see matriarch --help\n", first.c_str());
  return 2;
}
