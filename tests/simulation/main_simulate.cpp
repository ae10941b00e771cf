// matriarch-simulate: many seeds, or one seed with its trace.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "simulation/hunt.hpp"
#include "simulation/simulation.hpp"

int main(int argc, char** argv) {
  using namespace matriarch::simulation;
  CLI::App app{"Runs whole clusters on virtual time and checks every invariant. A seed replays a run exactly."};
  std::uint64_t seeds = 100, first = 1;
  std::uint64_t seed = 0;
  Campaign campaign;
  bool bugs = false, trace = false, replay = false;
  std::string only_bug;
  app.add_option("--seeds", seeds, "how many seeds to run")->capture_default_str();
  app.add_option("--first", first, "the first of them")->capture_default_str();
  app.add_option("--seed", seed, "run this one seed alone");
  app.add_option("--minutes", campaign.virtual_minutes, "virtual minutes of faults in each run")->capture_default_str();
  app.add_option("--jobs", campaign.jobs, "processes")->capture_default_str();
  app.add_flag("--trace", trace, "print everything that happens (with --seed)");
  app.add_flag("--bugs", bugs, "hunt the deliberate bugs instead: each must be found within the seeds");
  app.add_flag("--replay", replay, "run each deliberate bug with the seed that caught it before");
  app.add_option("--bug", only_bug, "put this deliberate bug in");
  app.add_flag("--twice", campaign.twice, "run each seed twice and compare the traces");
  CLI11_PARSE(app, argc, argv);

  if (seed != 0) return run_one(seed, campaign, trace, only_bug);
  if (replay) return replay_bugs(campaign);
  if (bugs) return hunt_bugs(first, seeds, campaign, only_bug);
  return run_many(first, seeds, campaign, only_bug);
}
