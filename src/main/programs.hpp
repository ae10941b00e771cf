// What this executable can be.
#pragma once

#include <string>

namespace matriarch::main {

inline constexpr int kCannotWork = 78;  // exit code: the guardian does not try again (sysexits.h EX_CONFIG)

// `matriarch FILE`: judges the settings, then becomes the guardian, which starts the other two.
int run_service(const std::string& file);
// `matriarch witness FILE`: the store alone, under a guardian.
int run_witness(const std::string& file);
// `matriarch agent FILE RUN_DIRECTORY` and `matriarch store FILE RUN_DIRECTORY`: started by the guardian.
int run_agent(const std::string& file, const std::string& run_directory);
int run_store(const std::string& file, const std::string& run_directory);
// `matriarch --validate-config FILE`
int validate_configuration(const std::string& file, bool ignore_listen_port);

}  // namespace matriarch::main
