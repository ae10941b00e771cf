// From settings to files: what the server reads when it starts and when it is told to reload.
#pragma once

#include <string>
#include <vector>

#include "postgres/site.hpp"

namespace matriarch::postgres {

struct Configured {
  bool changed = false;                  // something on disk is different now
  std::vector<std::string> arguments;    // of the postmaster's command line
  std::map<std::string, std::pair<std::string, std::string>> pending_restart;  // raised to pg_control's demands
};
// Writes the files for a server in that role, as site.configuration says. `is_start`: a standby's limits are raised to
// what pg_control demands.
asio::awaitable<model::Result<Configured, std::string>> write_configuration(Site& site, model::PostgresRole role, bool is_start);

// The version of the program, asked once, and whether it can be run at all; the error names it and what to do.
asio::awaitable<model::Result<void, std::string>> learn_version_of_program(Site& site);
// The same, and that it fits the data directory.
asio::awaitable<model::Result<void, std::string>> learn_version(Site& site);

// SIGHUP to the server, on_reload. The files are written before.
Outcome send_reload(Site& site);

// The whole of a reload: files, SIGHUP if anything differs (or `forced`), and what needs a restart.
asio::awaitable<Outcome> reload_configuration(std::shared_ptr<Site> site, bool forced);

// Runs the callback of an event with the present role; in the order of their calls.
void run_callback(Site& site, const std::string& event);

}  // namespace matriarch::postgres
