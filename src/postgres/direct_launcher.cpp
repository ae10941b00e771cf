#include "postgres/direct_launcher.hpp"

#include <fcntl.h>
#include <signal.h>

#include <memory>

#include "system/proc.hpp"
#include "system/process_tree.hpp"

namespace matriarch::postgres {

asio::awaitable<model::Result<ProcessId, std::string>> DirectLauncher::launch(LaunchRequest request) {
  auto start = [request = std::move(request)] {
    system::SpawnOptions options{.argv = request.argv, .environment = request.environment, .working_directory = request.working_directory,
                                 .new_session = true};
    const system::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    options.redirections.push_back({.target = 0, .source = null.get()});
    if (request.log_fd >= 0) {
      options.redirections.push_back({.target = 1, .source = request.log_fd});
      options.redirections.push_back({.target = 2, .source = request.log_fd});
    }
    return std::make_shared<system::SystemResult<system::Child>>(system::spawn(options));
  };
  const auto child = co_await on_file_thread(threads_, std::move(start));
  if (!*child) co_return tl::unexpected(child->error().message());
  const pid_t pid = (*child)->pid;
  children_.insert_or_assign(pid, std::move(**child));
  // Not reaped yet, so that the pid is still its own, dead or alive.
  const auto stat = system::process_stat(pid);
  co_return ProcessId{.pid = pid, .start_ticks = stat ? stat->start_ticks : 0};
}

asio::awaitable<model::Result<void, std::string>> DirectLauncher::adopt(ProcessId) {
  co_return model::Result<void, std::string>();
}

std::optional<std::string> DirectLauncher::exit_of(ProcessId process) {
  const auto found = children_.find(process.pid);
  if (found == children_.end()) return std::nullopt;
  const auto status = system::try_reap(found->second.pidfd);
  if (!status || !*status) return std::nullopt;
  children_.erase(found);
  return system::describe(**status);
}

asio::awaitable<model::Result<void, std::string>> DirectLauncher::fence(ProcessId process, model::Milliseconds limit) {
  const auto stat = system::process_stat(process.pid);
  if (stat && stat->start_ticks == process.start_ticks) {
    if (const auto pidfd = system::open_pidfd_of(*stat)) {
      (void)system::send_signal(*pidfd, SIGKILL);  // ESRCH: it has ended
      asio::posix::stream_descriptor end(executor_, ::fcntl(pidfd->get(), F_DUPFD_CLOEXEC, 0));
      const bool gone = co_await wait_ready(end, asio::posix::stream_descriptor::wait_read, deadline_in(limit));
      if (!gone) co_return tl::unexpected(std::string("SIGKILL is pending for the postmaster"));
    }
  }
  (void)exit_of(process);
  co_return model::Result<void, std::string>();
}

}  // namespace matriarch::postgres
