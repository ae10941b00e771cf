#include "postgres/follow.hpp"

#include <array>

#include <fmt/format.h>

#include "model/quantity.hpp"
#include "postgres/configure.hpp"
#include "postgres/observe.hpp"

namespace matriarch::postgres {
namespace {

// The signal is sent even if the files were right already: the server may have missed the one before.
asio::awaitable<Outcome> write_and_reload(Site& site) {
  const auto written = co_await write_configuration(site, site.board.now().role, false);
  if (!written) co_return failure(written.error());
  co_return send_reload(site);
}

// Until commits wait for these names, as far as they are to wait for any.
asio::awaitable<Outcome> await_waiting(std::shared_ptr<Site> site) {
  const Deadline deadline = site->tool_deadline();
  do {
    (void)co_await query_status(site, deadline);  // its failure shows in node()
    if (!site->board.now().sync_names_pending) co_return Outcome();
    co_await sleep_for(model::Milliseconds(10));
  } while (site->is_running() && std::chrono::steady_clock::now() < deadline);
  co_return failure("a checkpoint keeps the server from taking over synchronous_standby_names: commits do not wait yet");
}

// Backends look at a new configuration between two statements: ours tells when the postmaster has passed it on.
asio::awaitable<Outcome> await_sync_names(std::shared_ptr<Site> site, const std::string& text) {
  const Deadline deadline = deadline_in(model::Milliseconds(2000));
  while (std::chrono::steady_clock::now() < deadline) {
    std::string sql = "SELECT pg_catalog.current_setting('synchronous_standby_names')";
    const auto rows = co_await site->session.query(std::move(sql), deadline);
    if (!rows) co_return failure("synchronous_standby_names: " + rows.error().what);
    if (!rows->empty() && rows->front().front() == text) co_return co_await await_waiting(site);
    co_await sleep_for(model::Milliseconds(2));
  }
  co_return failure(fmt::format("the server did not take over synchronous_standby_names = '{}'", text));
}

// From version 14 a standby pauses when its limits are too low for what the primary did; resuming ends it, and the next
// start raises them.
bool is_paused_by_limits(const Site& site, const Rows& settings) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kLimits = {{{"max_connections", "max_connections"},
                                                                                     {"max_prepared_transactions", "max_prepared_xacts"},
                                                                                     {"max_locks_per_transaction", "max_locks_per_xact"},
                                                                                     {"max_worker_processes", "max_worker_processes"},
                                                                                     {"max_wal_senders", "max_wal_senders"}}};
  const auto& control = site.board.now().control;
  if (!control) return false;
  for (const auto& row : settings) {
    for (const auto& [guc, line] : kLimits) {
      const auto needed = control->settings.find(std::string(line));
      if (row[0] != guc || needed == control->settings.end()) continue;
      if (model::parse_integer(needed->second).value_or(0) > model::parse_integer(row[1].value_or("0")).value_or(0)) return true;
    }
  }
  return false;
}

}  // namespace

ports::FollowChange follow_change(const Site& site, const std::optional<model::Upstream>& wanted) {
  const auto& node = site.board.now();
  if (!node.is_running || !site.status) return ports::FollowChange::kRestart;
  RecoveryInEffect in_effect = site.recovery.in_effect;
  in_effect.has_standby_signal = node.has_recovery_signal;
  if (in_effect.settings.empty()) return ports::FollowChange::kRestart;
  return compare_recovery(in_effect, wanted_recovery_settings(*site.settings, wanted, site.major_version()), site.major_version());
}

asio::awaitable<Outcome> follow_by_reload(std::shared_ptr<Site> site, model::Upstream upstream) {
  site->configuration.is_standby = true;
  site->configuration.upstream = std::move(upstream);
  const auto done = co_await write_and_reload(*site);
  if (!done) co_return done;
  co_return co_await refresh(site, site->tool_deadline());
}

asio::awaitable<Outcome> set_sync_names(std::shared_ptr<Site> site, std::string text) {
  site->configuration.sync_names = text;
  if (!site->is_running()) co_return Outcome();  // the next start writes it
  const auto done = co_await write_and_reload(*site);
  if (!done || site->board.now().state != model::PostgresState::kRunning) co_return done;
  co_return co_await await_sync_names(site, text);
}

asio::awaitable<Outcome> resume_replay(std::shared_ptr<Site> site) {
  const auto control = co_await read_control_data(*site);
  if (!control) co_return control;
  std::string sql =
      "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('max_connections', 'max_prepared_transactions', 'max_locks_per_transaction', "
      "'max_worker_processes', 'max_wal_senders')";
  const auto settings = co_await site->session.query(std::move(sql), site->tool_deadline());
  if (!settings) co_return failure(settings.error().what);
  if (!is_paused_by_limits(*site, *settings)) co_return Outcome();  // an administrator paused it: that is his business
  site->info("replay was paused because settings are too low for the primary's: resuming, so that a restart raises them");
  std::string resume = "SELECT pg_catalog.pg_wal_replay_resume()";
  const auto resumed = co_await site->session.query(std::move(resume), site->tool_deadline());
  if (!resumed) co_return failure(resumed.error().what);
  co_return Outcome();
}

}  // namespace matriarch::postgres
