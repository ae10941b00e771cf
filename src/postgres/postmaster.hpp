// The postmaster as a process: recognised, watched, signalled.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

// Watches this process from now on: its end and its file. Becomes `running` when the server accepts connections, with
// everything that follows (callback, events), whoever waits.
model::Result<void, std::string> follow_postmaster(const std::shared_ptr<Site>& site, ProcessId process);

// The postmaster that DATA/postmaster.pid names, if it lives and is really ours. `foreign` gets the pid of a living
// process that is not: the server then has to be told that the file is stale.
struct Found {
  std::optional<ProcessId> postmaster;
  std::optional<pid_t> foreign;
  PostmasterFile file;
};
Found find_postmaster(const std::string& data_directory, const std::string& program);

// False when it had ended already.
model::Result<bool, std::string> signal_postmaster(Site& site, int signal);
// False at the deadline.
asio::awaitable<bool> await_end(Site& site, Deadline deadline);

}  // namespace matriarch::postgres
