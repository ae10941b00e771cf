// Campaigns over many seeds, and the hunt for deliberate bugs, which shows that the checks can fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/simulation.hpp"

namespace matriarch::simulation {

struct Campaign {
  int virtual_minutes = 5;
  int jobs = 2;
  bool twice = false;  // each seed twice, comparing the traces
};

struct NamedBug {
  std::string name;
  std::string about;
  std::uint64_t caught_by;  // a seed that finds it
  Bugs bugs;
};
std::vector<NamedBug> deliberate_bugs();

// Each prints what it found and returns the process's exit code.
int run_one(std::uint64_t seed, const Campaign& campaign, bool trace, const std::string& bug);
int run_many(std::uint64_t first, std::uint64_t count, const Campaign& campaign, const std::string& bug);
// Each bug with its catching seed.
int replay_bugs(const Campaign& campaign);
int hunt_bugs(std::uint64_t first, std::uint64_t count, const Campaign& campaign, const std::string& only);

}  // namespace matriarch::simulation
