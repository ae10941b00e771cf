#include "postgres/postmaster.hpp"

#include <fcntl.h>
#include <signal.h>

#include <filesystem>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include "postgres/configure.hpp"
#include "postgres/fence.hpp"
#include "postgres/local_address.hpp"
#include "postgres/observe.hpp"
#include "postgres/text.hpp"
#include "system/clock.hpp"
#include "system/file.hpp"
#include "system/proc.hpp"
#include "system/process.hpp"

namespace matriarch::postgres {
namespace {

std::string base_name(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  constexpr std::string_view kDeleted = " (deleted)";  // the program was replaced by an upgrade while it runs
  return name.ends_with(kDeleted) ? name.substr(0, name.size() - kDeleted.size()) : name;
}

// Seconds since 1970 at which a process began.
std::int64_t wall_start(const system::ProcessStat& stat) {
  const auto since_boot = std::chrono::duration<double>(static_cast<double>(stat.start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  const auto now = std::chrono::duration<double>(system::realtime() - system::boot_time());
  return static_cast<std::int64_t>((now + since_boot).count());
}

bool is_our_postmaster(const PostmasterFile& file, const system::ProcessStat& stat, const std::string& data_directory, const std::string& program) {
  if (stat.has_ended() || file.pid == ::getpid() || file.pid == ::getppid()) return false;
  if (file.start_time != 0 && std::abs(wall_start(stat) - file.start_time) < 3) return true;
  const auto executable = system::process_executable(file.pid);
  if (!executable) return false;
  const std::string name = base_name(*executable);
  if (name != base_name(program) && name != "postgres" && name != "postmaster") return false;
  const auto directory = system::process_directory(file.pid);
  return !directory || *directory == data_directory;
}

// ---- its end -------------------------------------------------------------------------------------------------------

// Backends outlive a postmaster that was killed, and would go on serving.
void kill_orphans(Site& site) {
  for (const auto& orphan : orphans_of(site.directory.real_path)) {
    const auto stat = system::process_stat(orphan.pid);
    if (!stat || stat->start_ticks != orphan.start_ticks) continue;
    if (const auto pidfd = system::open_pidfd_of(*stat)) (void)system::send_signal(*pidfd, SIGKILL);  // ESRCH: it has ended
  }
}

void on_end(Site& site) {
  const ProcessId process = *site.postmaster.process;
  const auto how = site.launcher.exit_of(process);
  const bool was_starting = site.board.now().is_starting();
  site.postmaster.process.reset();
  site.session.close();
  site.status.reset();
  site.walsender_ends.clear();
  site.receiver_end = {};
  if (!site.postmaster.end_expected) {
    kill_orphans(site);
    site.warn(fmt::format("the postmaster (pid {}) has ended: {}", process.pid, how.value_or("its exit status is not known")));
  }
  site.board.change([&](model::PostgresNode& node) {
    node.is_running = false;
    node.is_primary = false;
    node.postmaster_start_time.clear();
    node.wal_senders.clear();
    node.replication_state = model::ReplicationState::kNone;
    node.received_timeline = {};
    node.control.reset();  // of the past: to be read again
  });
  if (was_starting) site.set_state(model::PostgresState::kStartFailed);
  site.postmaster.stirred.notify_all();
  site.state_changed.notify_all();
  site.board.tell(fmt::format("postmaster ended{}", how ? ": " + *how : ""));
}

// ---- its file ------------------------------------------------------------------------------------------------------

asio::awaitable<void> read_file_of_postmaster(Site& site, ProcessId process) {
  auto read = [path = site.data_directory() + "/postmaster.pid"] {
    const auto content = system::read_file(path, 64 << 10);
    return content ? parse_postmaster_file(*content) : std::nullopt;
  };
  const auto file = co_await on_file_thread(site.files, std::move(read));
  if (!file || file->pid != process.pid || !site.postmaster.is(process)) co_return;
  site.postmaster.file = *file;
}

asio::awaitable<void> save_backups(std::shared_ptr<Site> site) {
  if (site->configuration.custom_bootstrap) co_return;
  auto save = [paths = site->paths()] { return save_config_backups(paths); };
  const auto saved = co_await on_file_thread(site->files, std::move(save));
  if (!saved && !site->closed) site->warn("could not back up the configuration files: " + saved.error());
}

// The server says it is ready: connect, learn everything, and tell everybody.
asio::awaitable<void> become_running(std::shared_ptr<Site> site, ProcessId process) {
  site->session.point_to(local_conninfo(*site->settings, site->postmaster.file, "heartbeat"));
  const auto answered = co_await query_status(site, deadline_in(model::Milliseconds(2000)));
  if (!site->postmaster.is(process) || !site->board.now().is_starting()) co_return;
  if (!answered) {
    const bool rejecting = co_await is_rejecting(*site);
    if (rejecting || !site->postmaster.is(process)) co_return;
    site->warn(fmt::format("PostgreSQL accepts connections, but not ours: {}", answered.error().what));
  }
  site->set_state(model::PostgresState::kRunning);
  asio::co_spawn(site->executor, save_backups(site), asio::detached);
  if (!site->blocks_callbacks) run_callback(*site, site->pending_callback.empty() ? "on_start" : site->pending_callback);
  site->pending_callback.clear();
  site->board.tell("accepts connections");
}

asio::awaitable<void> follow(std::shared_ptr<Site> site, ProcessId process) {
  const auto stir = [weak = std::weak_ptr(site)] {
    if (const auto alive = weak.lock()) alive->postmaster.stirred.notify_all();
  };
  const Watching files = co_await watch_file(site->files, site->data_directory(), stir);
  while (site->postmaster.is(process) && !site->closed) {
    const std::uint64_t seen = site->postmaster.stirred.count();
    co_await read_file_of_postmaster(*site, process);
    if (!site->postmaster.is(process)) break;
    if (site->board.now().is_starting() && site->postmaster.file.status == PostmasterStatus::kReady) co_await become_running(site, process);
    const model::Milliseconds pause(site->board.now().is_starting() ? 50 : 5000);
    co_await site->postmaster.stirred.wait_beyond(seen, deadline_in(pause));
  }
}

}  // namespace

model::Result<void, std::string> follow_postmaster(const std::shared_ptr<Site>& site, ProcessId process) {
  const auto stat = system::process_stat(process.pid);
  if (!stat || stat->start_ticks != process.start_ticks) return tl::unexpected(std::string("the postmaster has ended"));
  auto pidfd = system::open_pidfd_of(*stat);
  if (!pidfd) return tl::unexpected(pidfd.error().message());

  Postmaster& postmaster = site->postmaster;
  system::Fd end(::fcntl(pidfd->get(), F_DUPFD_CLOEXEC, 0));
  postmaster.process = process;
  postmaster.pidfd = std::move(*pidfd);
  postmaster.file = {};
  postmaster.end_expected = false;
  site->board.change([](model::PostgresNode& node) { node.is_running = true; });
  postmaster.end = Watching(site->executor, std::move(end), [weak = std::weak_ptr(site), process] {
    if (const auto alive = weak.lock(); alive && alive->postmaster.is(process)) on_end(*alive);
    return false;
  });
  asio::co_spawn(site->executor, follow(site, process), asio::detached);
  asio::co_spawn(site->executor, watch_replication(site, process), asio::detached);
  return {};
}

Found find_postmaster(const std::string& data_directory, const std::string& program) {
  Found found;
  const auto content = system::read_file(data_directory + "/postmaster.pid", 64 << 10);
  const auto file = content ? parse_postmaster_file(*content) : std::nullopt;
  if (!file) return found;
  const auto stat = system::process_stat(file->pid);
  if (!stat || stat->has_ended()) return found;
  std::error_code error;
  const auto real = std::filesystem::canonical(data_directory, error);
  found.file = *file;
  if (is_our_postmaster(*file, *stat, error ? data_directory : real.string(), program)) {
    found.postmaster = ProcessId{.pid = file->pid, .start_ticks = stat->start_ticks};
  } else {
    found.foreign = file->pid;
  }
  return found;
}

model::Result<bool, std::string> signal_postmaster(Site& site, int signal) {
  if (!site.is_running()) return false;
  const auto sent = system::send_signal(site.postmaster.pidfd, signal);
  if (sent) return true;
  if (sent.error().code == ESRCH) return false;
  return tl::unexpected(fmt::format("could not signal the postmaster: {}", sent.error().message()));
}

asio::awaitable<bool> await_end(Site& site, Deadline deadline) {
  const auto process = site.postmaster.process;
  while (process && site.postmaster.process == process) {
    const std::uint64_t seen = site.postmaster.stirred.count();
    const bool stirred = co_await site.postmaster.stirred.wait_beyond(seen, deadline);
    if (!stirred) co_return !(site.postmaster.process == process);
  }
  co_return true;
}

}  // namespace matriarch::postgres
