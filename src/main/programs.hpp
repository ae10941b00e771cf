// What this executable can be.
#pragma once

#include <string>

namespace matriarch::main {

inline constexpr int kCannotWork = 78;  // exit code: the guardian does not try again (sysexits.h EX_CONFIG)

// A file that is empty or does not exist stands for the environment alone; kEnvironment for it among the arguments of processes.
inline constexpr const char* kEnvironment = "-";

// `matriarch [FILE]`: judges the settings, then becomes the guardian, which starts the other two.
// `forms_alone`: with no peers a cluster of one is formed although PGDATA is not empty (--form-new-cluster).
int run_service(const std::string& file, bool forms_alone);
// `matriarch witness FILE`: the store alone; its service manager starts it again.
int run_witness(const std::string& file);
// `matriarch agent FILE RUN_DIRECTORY` and `matriarch store FILE RUN_DIRECTORY`: started by the guardian.
int run_agent(const std::string& file, const std::string& run_directory);
int run_store(const std::string& file, const std::string& run_directory, bool forms_alone);
// `matriarch --validate-config [FILE]`; `prints`: the configuration as it was read, when it is sound.
int validate_configuration(const std::string& file, bool ignore_listen_port, bool prints);
// `matriarch --generate-sample-config [OUTPUT]`
int generate_sample(const std::string& output);
// `matriarch --generate-config [--dsn DSN] [OUTPUT]`
int generate_configuration(const std::string& dsn, const std::string& output);

}  // namespace matriarch::main
