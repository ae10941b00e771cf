// What this executable can be.
#pragma once

#include <string>

namespace matriarch::main {

inline constexpr int kCannotWork = 78;  // exit code: the guardian does not try again (sysexits.h EX_CONFIG)

// `matriarch FILE`: judges the settings, then becomes the guardian, which starts the other two.
// `forms_alone`: with no peers a cluster of one is formed although PGDATA is not empty (--form-new-cluster).
int run_service(const std::string& file, bool forms_alone);
// `matriarch witness FILE`: the store alone; its service manager starts it again.
int run_witness(const std::string& file);
// `matriarch agent FILE RUN_DIRECTORY` and `matriarch store FILE RUN_DIRECTORY`: started by the guardian.
int run_agent(const std::string& file, const std::string& run_directory);
int run_store(const std::string& file, const std::string& run_directory, bool forms_alone);
// `matriarch --validate-config FILE`
int validate_configuration(const std::string& file, bool ignore_listen_port);

}  // namespace matriarch::main
