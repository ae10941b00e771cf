#include "postgres/attach.hpp"

#include <fmt/format.h>

#include "postgres/configure.hpp"
#include "postgres/start.hpp"
#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

constexpr std::size_t kMaxConfSize = 16 << 20;

asio::awaitable<std::string> names_in_file(Site& site) {
  auto read = [path = site.paths().conf()]() -> model::Result<std::string, std::string> {
    const auto text = system::read_file(path, kMaxConfSize);
    if (!text) return tl::unexpected(path + ": " + text.error().message());
    return written_parameter(*text, "synchronous_standby_names");
  };
  const auto names = co_await on_file_thread(site.files, std::move(read));
  if (!names) site.warn("the synchronous standbys in effect are not known: " + names.error());
  co_return names.value_or("");
}

// A server that an earlier agent, or somebody else, configured: what it has in effect is the truth until rules decide.
asio::awaitable<void> adopt_configuration(std::shared_ptr<Site> site) {
  // One that does not answer keeps what its file says: a reload meanwhile must not take the names away that commits wait for.
  std::string names;
  if (site->status) names = site->status->synchronous_standby_names;
  else names = co_await names_in_file(*site);
  // Names that the user did not configure are the work of an agent before us.
  const auto configured = site->postgresql().parameters.find("synchronous_standby_names");
  const bool is_users = configured != site->postgresql().parameters.end() && configured->second == names;
  if (!names.empty() && !is_users) site->configuration.sync_names = names;
  site->configuration.is_standby = site->status ? site->status->in_recovery : site->board.now().has_recovery_signal;
  site->configuration.upstream = site->board.now().upstream;
  if (!site->status) co_return;
  std::string sql = "SELECT pg_catalog.current_setting('hot_standby_feedback') = 'on' AND source = 'configuration file' FROM pg_catalog.pg_settings "
                    "WHERE name = 'hot_standby_feedback'";
  const auto rows = co_await site->session.query(std::move(sql), site->tool_deadline());
  site->configuration.hot_standby_feedback = rows && !rows->empty() && rows->front().front() == "t";
}

asio::awaitable<void> await_first_answer(std::shared_ptr<Site> site) {
  // Whether it accepts connections is known at once; a server that starts goes on in the background.
  const Deadline deadline = deadline_in(model::Milliseconds(2000));
  while (site->is_running() && site->board.now().is_starting() && site->postmaster.file.status != PostmasterStatus::kStarting) {
    const std::uint64_t seen = site->state_changed.count();
    const bool changed = co_await site->state_changed.wait_beyond(seen, std::min(deadline, deadline_in(model::Milliseconds(100))));
    if (!changed && std::chrono::steady_clock::now() >= deadline) co_return;
  }
}

void take_role_from_files(Site& site) {
  const auto& node = site.board.now();
  if (node.data_directory != model::DataDirectory::kPresent || !node.control) site.board.set_role(model::PostgresRole::kUninitialized);
  else if (node.has_recovery_signal) site.board.set_role(model::PostgresRole::kReplica);
  else site.board.set_role(node.is_running ? model::PostgresRole::kPrimary : model::PostgresRole::kDemoted);
}

}  // namespace

asio::awaitable<Outcome> attach_instance(std::shared_ptr<Site> site) {
  co_await look_at_directory(*site);
  if (site->directory.state == model::DataDirectory::kInaccessible) {
    co_return failure(fmt::format("data directory is not accessible: {}: {}", site->data_directory(), site->directory.error));
  }
  const auto known = co_await learn_version(*site);
  if (!known) co_return failure(known.error());
  if (site->directory.state == model::DataDirectory::kEmpty) {
    site->board.set_role(model::PostgresRole::kUninitialized);
    co_return Outcome();
  }
  const auto control = co_await read_control_data(*site);
  if (!control) site->warn(control.error().what);
  const bool adopted = co_await adopt_running(site);
  take_role_from_files(*site);
  if (!adopted) co_return Outcome();
  co_await await_first_answer(site);
  if (site->status) site->board.set_role(site->status->in_recovery ? model::PostgresRole::kReplica : model::PostgresRole::kPrimary);
  co_await adopt_configuration(site);
  co_return Outcome();
}

}  // namespace matriarch::postgres
