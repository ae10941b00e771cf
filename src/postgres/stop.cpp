#include "postgres/stop.hpp"

#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "postgres/backends.hpp"
#include "postgres/configure.hpp"
#include "postgres/fence.hpp"
#include "postgres/local_address.hpp"
#include "postgres/postmaster.hpp"
#include "postgres/text.hpp"
#include "postgres/waldump.hpp"

namespace matriarch::postgres {
namespace {

using Stopped = ports::PostgresResult<ports::ShutdownPositions>;

int signal_of(ports::StopMode mode) {
  switch (mode) {
    case ports::StopMode::kSmart: return SIGTERM;
    case ports::StopMode::kFast: return SIGINT;
    case ports::StopMode::kImmediate: return SIGQUIT;
  }
  return SIGINT;
}

asio::awaitable<void> run_before_stop(std::shared_ptr<Site> site, Deadline deadline) {
  const auto words = split_shell_words(site->postgresql().before_stop);
  if (!words || words->empty()) co_return;
  ChildRequest request{.argv = *words, .captures_output = false, .grace = model::Milliseconds(200)};
  const auto outcome = co_await run_child(site->files, std::move(request), std::min(deadline, deadline_in(model::Milliseconds(60'000))));
  if (!outcome) site->warn(fmt::format("before_stop script could not be started: {}", outcome.error()));
  else if (!outcome->success()) site->warn(fmt::format("before_stop script {}", outcome->describe()));
}

// One WAL record, from our own WAL.
asio::awaitable<std::optional<WalRecord>> dump_record(Site& site, model::Timeline timeline, model::Lsn lsn) {
  std::vector<std::string> arguments{"-t", fmt::format("{}", timeline.value), "-s", model::format_lsn(lsn), "-n", "1"};
  std::vector<std::string> environment{"LANG=C", "LC_ALL=C", "PGDATA=" + site.data_directory()};
  const auto outcome = co_await run_tool(site, "pg_waldump", std::move(arguments), std::move(environment), site.tool_deadline());
  if (!outcome) co_return std::nullopt;
  const auto lines = lines_of(trim(outcome->output));
  co_return lines.empty() ? std::nullopt : parse_wal_record(lines.front());
}

// What those who wait for a stop want to know while it is under way; each is told once.
struct StopProgress {
  ports::StopRequest request;
  bool told_checkpoint = false;
  bool told_no_clients = false;
};

// The end of a stop, however it comes: nobody is called back after it.
class EndOfNews {
 public:
  explicit EndOfNews(std::shared_ptr<StopProgress> progress) : progress_(std::move(progress)) {}
  EndOfNews(const EndOfNews&) = delete;
  EndOfNews& operator=(const EndOfNews&) = delete;
  ~EndOfNews() { progress_->told_checkpoint = progress_->told_no_clients = true; }

 private:
  std::shared_ptr<StopProgress> progress_;
};

void tell_no_clients(StopProgress& progress) {
  if (progress.request.on_no_clients && !std::exchange(progress.told_no_clients, true)) progress.request.on_no_clients();
}

asio::awaitable<void> look_for_shutdown_checkpoint(std::shared_ptr<Site> site, std::shared_ptr<StopProgress> progress) {
  const auto control = co_await read_control_data(*site);
  if (!control || site->board.now().control->cluster_state != "shut down") co_return;
  const auto positions = co_await shutdown_positions(*site);
  if (!positions || std::exchange(progress->told_checkpoint, true)) co_return;
  progress->request.on_shutdown_checkpoint(*positions);
}

// Follows pg_control while the postmaster lives: with archiving it lives on after its last checkpoint.
asio::awaitable<void> follow_control_file(std::shared_ptr<Site> site, ProcessId process, std::shared_ptr<StopProgress> progress) {
  const auto changed = std::make_shared<Event>();
  auto notify = [changed] { changed->notify_all(); };
  const Watching watch = co_await watch_file(site->files, site->data_directory() + "/global/pg_control", std::move(notify));
  while (site->postmaster.is(process) && !progress->told_checkpoint && !site->closed) {
    const std::uint64_t seen = changed->count();
    co_await look_for_shutdown_checkpoint(site, progress);
    if (!progress->told_checkpoint) co_await changed->wait_beyond(seen, deadline_in(model::Milliseconds(500)));
  }
}

asio::awaitable<void> follow_clients(std::shared_ptr<Site> site, ProcessId process, std::shared_ptr<StopProgress> progress) {
  while (site->postmaster.is(process) && has_client_backends(process.pid)) co_await sleep_for(model::Milliseconds(10));
  if (!site->closed) tell_no_clients(*progress);
}

Deadline limit_from_now(const ports::StopRequest& request) {
  return request.limit ? deadline_in(*request.limit) : kNever;
}

// The signal, then harder ones as time passes. Nobody waits for ever for a process that SIGKILL cannot end.
asio::awaitable<model::Result<void, std::string>> end_postmaster(std::shared_ptr<Site> site, ports::StopRequest request) {
  const ProcessId process = *site->postmaster.process;
  site->postmaster.end_expected = true;
  const auto sent = signal_postmaster(*site, signal_of(request.mode));
  if (!sent) co_return tl::unexpected(sent.error());
  bool ended = co_await await_end(*site, limit_from_now(request));
  if (!ended && request.mode != ports::StopMode::kImmediate) {
    site->warn("PostgreSQL did not stop in time: stopping it at once");
    (void)signal_postmaster(*site, SIGQUIT);  // that it has ended is seen below
    ended = co_await await_end(*site, limit_from_now(request));
  }
  if (ended) co_return model::Result<void, std::string>();
  site->warn("PostgreSQL did not stop in time: killing it");
  auto killed = co_await kill_server(process, site->directory.real_path, deadline_in(model::Milliseconds(5000)));
  if (killed) co_await await_end(*site, deadline_in(model::Milliseconds(1000)));
  co_return killed;
}

void finish(Site& site, const StopOptions& options) {
  if (options.is_restart) return;
  site.set_state(model::PostgresState::kStopped);
  run_callback(site, "on_stop");
}

}  // namespace

asio::awaitable<Outcome> run_checkpoint(std::shared_ptr<Site> site, Deadline deadline) {
  Conninfo conninfo = unhurried_conninfo(*site->settings, site->postmaster.file, "");
  const auto connection = co_await Connection::open(std::move(conninfo), std::min(deadline, deadline_in(model::Milliseconds(5000))));
  if (!connection) co_return failure("CHECKPOINT: " + connection.error().what);
  std::string sql = "CHECKPOINT";
  const auto done = co_await (*connection)->query(std::move(sql), deadline);
  if (!done) co_return failure("CHECKPOINT: " + done.error().what);
  co_return Outcome();
}

asio::awaitable<std::optional<ports::ShutdownPositions>> shutdown_positions(Site& site) {
  const auto control = site.board.now().control;
  if (!control || control->cluster_state != "shut down") co_return std::nullopt;
  ports::ShutdownPositions positions{.checkpoint = control->checkpoint_lsn, .last = control->checkpoint_lsn};
  // Only a server that archives switches WAL before its last checkpoint.
  if (site.archive_mode == "off") co_return positions;
  const auto checkpoint = co_await dump_record(site, control->checkpoint_timeline, control->checkpoint_lsn);
  if (!checkpoint || checkpoint->lsn != control->checkpoint_lsn || !checkpoint->is_shutdown_checkpoint()) co_return positions;
  const auto before = co_await dump_record(site, control->checkpoint_timeline, checkpoint->previous);
  if (before && before->is_switch()) positions.last = before->lsn;
  co_return positions;
}

asio::awaitable<Stopped> stop_server(std::shared_ptr<Site> site, StopOptions options) {
  const auto progress = std::make_shared<StopProgress>(StopProgress{.request = options.request});
  const EndOfNews end_of_news(progress);
  if (!site->is_running()) {
    tell_no_clients(*progress);
    if (!options.is_restart) site->set_state(model::PostgresState::kStopped);
    (void)co_await read_control_data(*site);  // a directory without control data has no positions to tell
    co_return (co_await shutdown_positions(*site)).value_or(ports::ShutdownPositions{});
  }
  if (site->postmaster.file.single_user) co_return failure("a single-user backend works on the data directory: it cannot be stopped");

  const ports::StopMode mode = options.request.mode;
  if (options.request.checkpoint_first && mode != ports::StopMode::kImmediate && !site->board.now().is_starting()) {
    const auto done = co_await run_checkpoint(site, limit_from_now(options.request));
    if (!done) site->warn(fmt::format("before the stop: {}", done.error().what));
  }
  if (!options.is_restart) site->set_state(model::PostgresState::kStopping);
  co_await run_before_stop(site, limit_from_now(options.request));

  if (!site->is_running()) {
    finish(*site, options);
    co_return ports::ShutdownPositions{};
  }
  const ProcessId process = *site->postmaster.process;
  if (options.request.on_no_clients) asio::co_spawn(site->executor, follow_clients(site, process, progress), asio::detached);
  if (options.request.on_shutdown_checkpoint && mode != ports::StopMode::kImmediate) {
    asio::co_spawn(site->executor, follow_control_file(site, process, progress), asio::detached);
  }
  const auto ended = co_await end_postmaster(site, options.request);
  if (!ended) {
    if (site->is_running()) site->postmaster.end_expected = false;
    site->set_state(model::PostgresState::kStopFailed);
    co_return failure("could not stop PostgreSQL: " + ended.error());
  }
  tell_no_clients(*progress);
  finish(*site, options);
  ports::ShutdownPositions result;
  const auto control = co_await read_control_data(*site);
  if (control) result = (co_await shutdown_positions(*site)).value_or(result);
  co_return result;
}

}  // namespace matriarch::postgres
