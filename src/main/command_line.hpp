// The arguments of the service and its generators: Patroni's, and ours beside them. Operators' commands are ctl's.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace matriarch::main {

struct ServiceRequest {
  enum class Mode { kRun, kValidate, kGenerateSample, kGenerate, kVersion, kHelp };
  Mode mode = Mode::kRun;
  std::string file;                  // the configuration, or where a generator writes; empty: the environment, standard output
  std::string dsn;                   // of the server that kGenerate describes
  bool ignores_listen_port = false;  // of kValidate
  bool prints = false;               // of kValidate: the configuration as it was read
  bool forms_alone = false;          // of kRun: --form-new-cluster
};

// Long options may be abbreviated as long as it is clear which is meant. The error is one line for the user.
tl::expected<ServiceRequest, std::string> parse_service(std::vector<std::string> words);

}  // namespace matriarch::main
