// What the guardian is told: once at its start (the job), and at each start of PostgreSQL (the launch).
//
// `matriarch FILE` has read and judged all settings; it writes the job into a memfd and execs the guardian with
// "--job FD". The guardian's environment is kept and given on to the agent and the store.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace matriarch::guardian {

struct Job {
  std::string run_directory;       // absolute; exists, 0700, ours: holds the page and the control socket
  std::string data_directory;      // absolute; PGDATA, which need not exist yet
  std::string program;             // absolute: the guardian's own file, which a replacement executes
  std::vector<std::string> agent;  // its argv
  std::vector<std::string> store;  // its argv; empty: no embedded store
  std::chrono::milliseconds stop_limit{0};  // for an orderly stop by the agent, then the fence; 0: as long as it takes
  std::chrono::milliseconds max_ttl{std::chrono::hours(1)};  // no lease lasts longer, whatever the page says
  int realtime_priority = 50;      // SCHED_FIFO, best effort; 0: do not ask for it
  bool operator==(const Job&) const = default;
};

std::string serialize(const Job& job);
// Any text yields a job that can be carried out, or the complaint an operator needs.
tl::expected<Job, std::string> parse_job(std::string_view text);

struct Launch {
  std::vector<std::string> argv;         // argv[0] absolute, or a name to be found in the guardian's PATH
  std::vector<std::string> environment;  // "NAME=value" each: all of it
  std::string working_directory;
  bool operator==(const Launch&) const = default;
};

std::string serialize(const Launch& launch);
tl::expected<Launch, std::string> parse_launch(std::string_view text);

}  // namespace matriarch::guardian
