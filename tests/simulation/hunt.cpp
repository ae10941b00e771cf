#include "simulation/hunt.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <sstream>

#include "rules/house.hpp"

namespace matriarch::simulation {
namespace {

// What many runs add up to.
struct Totals {
  std::uint64_t runs = 0, bad = 0, steps = 0, commits = 0, failovers = 0, elections = 0, late = 0, virtual_ms = 0, longest_outage_ms = 0;
  std::map<std::string, std::uint64_t> rules, faults;
  std::map<std::uint64_t, std::string> failures;  // seed -> first violation

  void add(const Report& report) {
    ++runs;
    steps += report.steps;
    commits += report.commits;
    failovers += report.failovers;
    elections += report.elections;
    late += report.late_commits;
    virtual_ms += static_cast<std::uint64_t>(report.virtual_time.count());
    longest_outage_ms = std::max(longest_outage_ms, static_cast<std::uint64_t>(report.longest_outage.count()));
    for (const auto& [name, count] : report.rules) rules[std::string(name)] += count;
    for (const auto& [name, count] : report.faults) faults[name] += count;
    if (!report.violations.empty()) {
      ++bad;
      failures[report.seed] = report.violations.front();
    }
  }
};

// One line a fact, so that a worker process can tell its parent over a pipe.
std::string to_lines(const Totals& t) {
  std::string text = fmt::format("n {} {} {} {} {} {} {} {} {}\n", t.runs, t.bad, t.steps, t.commits, t.failovers, t.elections, t.late, t.virtual_ms, t.longest_outage_ms);
  for (const auto& [name, count] : t.rules) text += fmt::format("r {} {}\n", count, name);
  for (const auto& [name, count] : t.faults) text += fmt::format("f {} {}\n", count, name);
  for (const auto& [seed, what] : t.failures) text += fmt::format("x {} {}\n", seed, what);
  return text;
}

void add_lines(Totals& t, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    char kind = 0;
    words >> kind;
    if (kind == 'n') {
      std::uint64_t runs, bad, steps, commits, failovers, elections, late, virtual_ms, longest;
      words >> runs >> bad >> steps >> commits >> failovers >> elections >> late >> virtual_ms >> longest;
      t.runs += runs, t.bad += bad, t.steps += steps, t.commits += commits, t.failovers += failovers, t.elections += elections, t.late += late;
      t.virtual_ms += virtual_ms;
      t.longest_outage_ms = std::max(t.longest_outage_ms, longest);
      continue;
    }
    std::uint64_t number = 0;
    words >> number;
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (kind == 'r') t.rules[rest] += number;
    if (kind == 'f') t.faults[rest] += number;
    if (kind == 'x') t.failures[number] = rest;
  }
}

Bugs bugs_named(const std::string& name) {
  if (name.empty()) return {};
  for (const auto& bug : deliberate_bugs()) {
    if (bug.name == name) return bug.bugs;
  }
  std::fprintf(stderr, "no such bug: %s; there are:\n", name.c_str());
  for (const auto& bug : deliberate_bugs()) std::fprintf(stderr, "  %-28s %s\n", bug.name.c_str(), bug.about.c_str());
  std::exit(2);
}

// Seeds of one worker: first, first + stride, ...; stops at the first bad one when hunting.
Totals work(std::uint64_t first, std::uint64_t end, std::uint64_t stride, const Campaign& campaign, const Bugs& bugs, bool stop_at_first) {
  Totals totals;
  for (std::uint64_t seed = first; seed < end; seed += stride) {
    Options options{.seed = seed, .virtual_minutes = campaign.virtual_minutes, .bugs = bugs};
    Report report = run(options);
    if (campaign.twice && report.violations.empty() && run(options).fingerprint != report.fingerprint) {
      report.violations.push_back("the same seed ran differently the second time");
    }
    totals.add(report);
    if (stop_at_first && totals.bad > 0) break;
  }
  return totals;
}

Totals work_in_processes(std::uint64_t first, std::uint64_t count, const Campaign& campaign, const Bugs& bugs, bool stop_at_first) {
  const auto jobs = static_cast<std::uint64_t>(std::max(1, campaign.jobs));
  std::vector<std::pair<pid_t, int>> workers;
  for (std::uint64_t job = 0; job < jobs; ++job) {
    int ends[2];
    if (::pipe(ends) != 0) std::exit(1);
    std::fflush(stdout);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(ends[0]);
      const std::string text = to_lines(work(first + job, first + count, jobs, campaign, bugs, stop_at_first));
      for (std::size_t written = 0; written < text.size();) {
        const auto n = ::write(ends[1], text.data() + written, text.size() - written);
        if (n <= 0) ::_exit(1);
        written += static_cast<std::size_t>(n);
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    workers.emplace_back(pid, ends[0]);
  }
  Totals totals;
  for (const auto& [pid, fd] : workers) {
    std::string text;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    ::close(fd);
    int status = 0;
    ::waitpid(pid, &status, 0);
    add_lines(totals, text);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) totals.failures[0] = fmt::format("a worker ended with status {}: run seeds one by one to find which", status);
  }
  return totals;
}

void print(const Totals& t, double seconds, bool with_rules) {
  std::printf("%llu runs, %.1f virtual hours, %llu leaders, %llu store elections, %llu commits, %llu steps, %llu late commits of woken nodes in %.1f s; longest outage %.1f s\n",
              static_cast<unsigned long long>(t.runs), static_cast<double>(t.virtual_ms) / 3.6e6, static_cast<unsigned long long>(t.failovers),
              static_cast<unsigned long long>(t.elections), static_cast<unsigned long long>(t.commits), static_cast<unsigned long long>(t.steps),
              static_cast<unsigned long long>(t.late), seconds, static_cast<double>(t.longest_outage_ms) / 1000);
  if (!with_rules) return;
  std::printf("faults:");
  for (const auto& [name, count] : t.faults) std::printf(" %s %llu,", name.c_str(), static_cast<unsigned long long>(count));
  std::printf("\nrules fired:");
  for (const auto& [name, count] : t.rules) std::printf(" %s %llu,", name.c_str(), static_cast<unsigned long long>(count));
  std::printf("\n");
}

// Rows that no run reached: what the simulator does not show.
void print_silent_rules(const Totals& t) {
  std::string silent;
  std::size_t all = 0, count = 0;
  for (const auto& table : rules::the_house().tables) {
    for (const auto* rows : {&table.duties, &table.verdicts}) {
      for (const auto& rule : *rows) {
        ++all;
        if (t.rules.contains(std::string(rule.name))) continue;
        ++count;
        silent += fmt::format(" {}", rule.name);
      }
    }
  }
  std::printf("%zu of %zu rules never fired:%s\n", count, all, silent.c_str());
}

double seconds_since(std::chrono::steady_clock::time_point began) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); }

}  // namespace

int run_one(std::uint64_t seed, const Campaign& campaign, bool trace, const std::string& bug) {
  const auto began = std::chrono::steady_clock::now();
  const Report report = run({.seed = seed, .virtual_minutes = campaign.virtual_minutes, .trace = trace, .bugs = bugs_named(bug)});
  Totals totals;
  totals.add(report);
  print(totals, seconds_since(began), true);
  for (const auto& violation : report.violations) std::printf("VIOLATION: %s\n", violation.c_str());
  return report.violations.empty() ? 0 : 1;
}

int run_many(std::uint64_t first, std::uint64_t count, const Campaign& campaign, const std::string& bug) {
  const auto began = std::chrono::steady_clock::now();
  const Totals totals = work_in_processes(first, count, campaign, bugs_named(bug), false);
  print(totals, seconds_since(began), true);
  print_silent_rules(totals);
  std::size_t shown = 0;
  for (const auto& [seed, what] : totals.failures) {
    if (++shown > 20) break;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), what.c_str());
  }
  const bool complete = totals.runs == count;
  std::printf("%llu passed, %zu failed%s\n", static_cast<unsigned long long>(totals.runs - totals.bad), totals.failures.size(), complete ? "" : " (not all seeds were run)");
  return totals.failures.empty() && complete ? 0 : 1;
}

int replay_bugs(const Campaign& campaign) {
  int missed = 0, found = 0;
  for (const auto& bug : deliberate_bugs()) {
    const Totals totals = work(bug.caught_by, bug.caught_by + 1, 1, campaign, bug.bugs, true);
    totals.bad == 0 ? ++missed : ++found;
    std::printf("%s  %-24s seed %llu  %s\n", totals.bad == 0 ? "NOT FOUND" : "found    ", bug.name.c_str(), static_cast<unsigned long long>(bug.caught_by),
                totals.bad == 0 ? "" : totals.failures.begin()->second.c_str());
  }
  std::printf("%d passed, %d failed\n", found, missed);
  return missed == 0 ? 0 : 1;
}

int hunt_bugs(std::uint64_t first, std::uint64_t count, const Campaign& campaign, const std::string& only) {
  int missed = 0, found = 0;
  for (const auto& bug : deliberate_bugs()) {
    if (!only.empty() && bug.name != only) continue;
    const auto began = std::chrono::steady_clock::now();
    // In slices, so that no worker runs far beyond the first catch.
    std::uint64_t done = 0;
    Totals totals;
    while (done < count && totals.bad == 0) {
      const std::uint64_t slice = std::min<std::uint64_t>(count - done, 40);
      totals = work_in_processes(first + done, slice, campaign, bug.bugs, true);
      done += slice;
    }
    if (totals.bad == 0) {
      ++missed;
      std::printf("NOT FOUND  %-28s in %llu seeds (%.1f s): %s\n", bug.name.c_str(), static_cast<unsigned long long>(count), seconds_since(began), bug.about.c_str());
    } else {
      ++found;
      std::printf("found      %-28s seed %llu (%.1f s): %s\n", bug.name.c_str(), static_cast<unsigned long long>(totals.failures.begin()->first), seconds_since(began),
                  totals.failures.begin()->second.c_str());
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", found, missed);
  return missed == 0 ? 0 : 1;
}

}  // namespace matriarch::simulation
