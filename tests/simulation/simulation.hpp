// One run: a cluster, clients, faults drawn from the seed, and everything that must hold.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "simulation/sim_node.hpp"

namespace matriarch::simulation {

struct Options {
  std::uint64_t seed = 1;
  int virtual_minutes = 5;
  bool trace = false;
  Bugs bugs;
};

struct Report {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;       // empty: the run is good
  std::unordered_map<std::string_view, std::uint64_t> rules;  // how often each row fired
  std::map<std::string, std::uint64_t> faults;
  std::uint64_t steps = 0, commits = 0, failovers = 0, elections = 0;
  std::size_t late_commits = 0;              // of nodes that had just woken
  std::uint64_t fingerprint = 0;             // of the trace: equal seeds give equal fingerprints
  Milliseconds virtual_time{0};
  Milliseconds longest_outage{0};            // between two acknowledged commits
};

Report run(const Options& options);

}  // namespace matriarch::simulation
