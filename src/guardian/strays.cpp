#include "guardian/strays.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "system/process.hpp"

namespace matriarch::guardian {
namespace {

constexpr std::size_t kMostStrays = 1024;  // more are found by the next look

}  // namespace

Strays::Strays(std::string run_directory)
    : agent_mark_(mark(Ward::kAgent, run_directory)),
      store_mark_(mark(Ward::kStore, run_directory)),
      postgres_mark_(mark(Ward::kPostgres, run_directory)),
      tree_(kMostStrays) {}

std::span<const system::ProcessStat> Strays::look(std::span<const pid_t> spare) {
  found_.clear();
  for (const system::ProcessStat& process : tree_.descendants(::getpid(), spare)) {
    if (!process.has_ended() && !carries_mark(process.pid, postgres_mark_)) found_.push_back(process);
  }
  if (leftovers_) {
    const auto is_spared = [spare](const system::ProcessStat& process) {
      return std::find(spare.begin(), spare.end(), process.pid) != spare.end();
    };
    for (const std::string& wanted : {agent_mark_, store_mark_}) {
      for (const system::ProcessStat& process : find_marked(wanted)) {
        if (!is_spared(process)) found_.push_back(process);
      }
    }
    leftovers_ = !found_.empty();
  }
  return found_;
}

void Strays::kill() {
  for (const system::ProcessStat& process : found_) {
    // Fails only when it has ended meanwhile, or belongs to another user: then the next look finds it again.
    if (const auto pidfd = system::open_pidfd_of(process)) (void)system::send_signal(*pidfd, SIGKILL);
  }
}

}  // namespace matriarch::guardian
