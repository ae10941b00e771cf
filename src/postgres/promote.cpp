#include "postgres/promote.hpp"

#include <signal.h>

#include <fmt/format.h>

#include "postgres/configure.hpp"
#include "postgres/observe.hpp"
#include "postgres/postmaster.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

// As pg_ctl promote does, without its process: the file, then the signal. Needs no connection of the server's.
asio::awaitable<Outcome> request_promotion(Site& site) {
  auto create = [path = site.data_directory()] { return create_promote_file(path); };
  const bool created = co_await on_file_thread(site.files, std::move(create));
  if (!created) co_return failure(fmt::format("could not create {}/promote", site.data_directory()));
  const auto sent = signal_postmaster(site, SIGUSR1);
  if (!sent) co_return failure(sent.error());
  if (!*sent) co_return failure("PostgreSQL has ended");
  co_return Outcome();
}

enum class Recovery { kUnknown, kGoesOn, kOver };
asio::awaitable<Recovery> ask_recovery(Site& site, Deadline deadline) {
  std::string sql = "SELECT pg_catalog.pg_is_in_recovery()";
  const auto rows = co_await site.session.query(std::move(sql), deadline);
  if (!rows || rows->size() != 1) co_return Recovery::kUnknown;
  co_return rows->front().front() == "f" ? Recovery::kOver : Recovery::kGoesOn;
}

void note_primary(Site& site) {
  site.configuration.is_standby = false;
  site.configuration.upstream.reset();
  site.recovery = {};
  site.board.change([](model::PostgresNode& node) {
    node.is_primary = true;
    node.has_recovery_signal = false;
    node.upstream.reset();
    node.role = model::PostgresRole::kPrimary;
  });
}

}  // namespace

asio::awaitable<Outcome> run_pre_promote(std::shared_ptr<Site> site) {
  const std::string& command = site->postgresql().pre_promote;
  if (command.empty()) co_return Outcome();
  const auto words = split_shell_words(command);
  if (!words || words->empty()) co_return impossible(fmt::format("pre_promote cannot be split into words: {}", command));
  ChildRequest request{.argv = *words, .captures_output = false, .grace = model::Milliseconds(50)};
  // The lease decides how long there is time; this only bounds a script that never ends.
  const auto outcome = co_await run_child(site->files, std::move(request), deadline_in(model::Milliseconds(600'000)));
  if (!outcome) co_return failure("pre_promote script could not be started: " + outcome.error());
  if (!outcome->success()) co_return failure("pre_promote script " + outcome->describe());
  co_return Outcome();
}

asio::awaitable<Outcome> promote_server(std::shared_ptr<Site> site, model::Milliseconds timeout) {
  const auto role = site->board.now().role;
  const bool is_done = site->board.now().is_primary && !site->board.now().query_failed;
  if (is_done && (role == model::PostgresRole::kPrimary || role == model::PostgresRole::kPromoted)) co_return Outcome();
  const Deadline deadline = deadline_in(timeout);
  const auto requested = co_await request_promotion(*site);
  if (!requested) co_return requested;
  site->board.set_role(model::PostgresRole::kPromoted);
  run_callback(*site, "on_role_change");

  while (std::chrono::steady_clock::now() < deadline) {
    const Recovery recovery = co_await ask_recovery(*site, deadline);
    if (!site->is_running()) co_return failure("PostgreSQL ended while it was being promoted; its log tells why");
    if (recovery == Recovery::kOver) {
      note_primary(*site);
      (void)co_await query_status(site, deadline);  // its failure shows in node(); that recovery is over stands
      site->board.tell("promoted");
      co_return Outcome();
    }
    co_await sleep_for(model::Milliseconds(5));
  }
  co_return tl::unexpected(ports::PostgresError{.what = fmt::format("promotion is not finished after {} ms", timeout.count()), .still_starting = true});
}

}  // namespace matriarch::postgres
