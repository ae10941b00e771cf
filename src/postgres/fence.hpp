// The end of a postmaster and of every process below it, by SIGKILL.
#pragma once

#include <string>
#include <vector>

#include "model/names.hpp"
#include "postgres/launcher.hpp"
#include "postgres/waiting.hpp"

namespace matriarch::postgres {

// Backends have sessions of their own and outlive a killed postmaster, going on to acknowledge commits. So: stop the
// postmaster (nothing else forks), list what is below it, kill it, kill them, and look for orphans of this data directory,
// until nobody is left. Signals only, no file. The error names who has SIGKILL pending.
asio::awaitable<model::Result<void, std::string>> kill_server(ProcessId postmaster, std::string data_directory, Deadline deadline);

// Server processes whose working directory is this one and that have no living postmaster above them. `data_directory` is
// the real path. Reads /proc only.
std::vector<ProcessId> orphans_of(const std::string& data_directory);

}  // namespace matriarch::postgres
