#include "postgres/fence.hpp"

#include <dirent.h>
#include <signal.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "postgres/text.hpp"
#include "system/proc.hpp"
#include "system/process.hpp"
#include "system/process_tree.hpp"

namespace matriarch::postgres {
namespace {

bool is_alive(const ProcessId& process) {
  const auto stat = system::process_stat(process.pid);
  return stat && stat->start_ticks == process.start_ticks && !stat->has_ended();
}

void kill(const ProcessId& process, int signal) {
  const auto stat = system::process_stat(process.pid);
  if (!stat || stat->start_ticks != process.start_ticks) return;
  if (const auto pidfd = system::open_pidfd_of(*stat)) (void)system::send_signal(*pidfd, signal);  // ESRCH: it has ended
}

// Only a postmaster that has really stopped forks no more.
asio::awaitable<void> stop_forking(ProcessId postmaster) {
  kill(postmaster, SIGSTOP);
  const Deadline deadline = deadline_in(model::Milliseconds(10));
  while (std::chrono::steady_clock::now() < deadline) {
    const auto stat = system::process_stat(postmaster.pid);
    if (!stat || stat->start_ticks != postmaster.start_ticks || stat->has_ended() || stat->state == 'T') co_return;
    co_await sleep_for(model::Milliseconds(1));
  }
}

std::vector<ProcessId> below(const ProcessId& postmaster) {
  std::vector<ProcessId> processes;
  if (!is_alive(postmaster)) return processes;
  system::ProcessTree tree(1024);
  for (const auto& process : tree.descendants(postmaster.pid)) processes.push_back({process.pid, process.start_ticks});
  return processes;
}

std::string names_of(const std::vector<ProcessId>& processes) {
  std::vector<pid_t> pids;
  for (const auto& process : processes) pids.push_back(process.pid);
  return fmt::format("{}", fmt::join(pids, ", "));
}

}  // namespace

std::vector<ProcessId> orphans_of(const std::string& data_directory) {
  std::vector<ProcessId> orphans;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return orphans;
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = to_number<int>(entry->d_name);
    if (!pid || *pid <= 1) continue;
    const auto directory = system::process_directory(*pid);
    if (!directory || *directory != data_directory) continue;
    const auto program = system::process_executable(*pid);
    if (!program || program->substr(program->rfind('/') + 1).find("postgres") == std::string::npos) continue;
    const auto stat = system::process_stat(*pid);
    if (stat && !stat->has_ended()) orphans.push_back({stat->pid, stat->start_ticks});
  }
  return orphans;
}

asio::awaitable<model::Result<void, std::string>> kill_server(ProcessId postmaster, std::string data_directory, Deadline deadline) {
  if (is_alive(postmaster)) co_await stop_forking(postmaster);
  std::vector<ProcessId> processes = below(postmaster);
  kill(postmaster, SIGKILL);
  for (const auto& process : processes) kill(process, SIGKILL);
  processes.push_back(postmaster);

  for (;;) {
    std::erase_if(processes, [](const ProcessId& process) { return !is_alive(process); });
    for (const auto& orphan : orphans_of(data_directory)) {
      kill(orphan, SIGKILL);
      if (std::find(processes.begin(), processes.end(), orphan) == processes.end()) processes.push_back(orphan);
    }
    if (processes.empty()) co_return model::Result<void, std::string>();
    if (std::chrono::steady_clock::now() >= deadline) break;
    co_await sleep_for(model::Milliseconds(2));
  }
  co_return tl::unexpected(fmt::format("still there with SIGKILL pending: {}", names_of(processes)));
}

}  // namespace matriarch::postgres
