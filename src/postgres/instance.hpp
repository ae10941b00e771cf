// The local PostgreSQL instance: ports::Postgres over everything in this room.
#pragma once

#include <memory>

#include "ports/journal.hpp"
#include "ports/postgres.hpp"
#include "postgres/launcher.hpp"

namespace matriarch::postgres {

struct Site;

// Lives on one single-threaded executor; `journal` and `launcher` outlive it and every coroutine it gave out.
class Instance final : public ports::Postgres {
 public:
  Instance(boost::asio::any_io_executor executor, std::shared_ptr<const model::Settings> settings, ports::Journal& journal, PostmasterLauncher& launcher);
  // Waits for the files it touches: the loop still exists, and outlives it.
  ~Instance() override;

  std::shared_ptr<const model::PostgresNode> node() const override;
  void on_change(std::function<void(std::string)> callback) override;
  void apply_settings(std::shared_ptr<const model::Settings> settings) override;

  boost::asio::awaitable<ports::PostgresResult<void>> attach() override;
  boost::asio::awaitable<ports::PostgresResult<void>> refresh(model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::PostgresResult<void>> read_control_data() override;
  boost::asio::awaitable<ports::PostgresResult<void>> read_history(model::Timeline timeline) override;
  boost::asio::awaitable<model::DivergenceReport> check_divergence(ports::Source leader, model::Milliseconds timeout) override;

  boost::asio::awaitable<ports::PostgresResult<void>> bootstrap(model::BootstrapSettings how) override;
  boost::asio::awaitable<ports::PostgresResult<void>> post_bootstrap() override;
  boost::asio::awaitable<ports::PostgresResult<void>> clone(std::vector<ports::Source> sources, std::function<void(std::string)> progress) override;
  boost::asio::awaitable<ports::PostgresResult<void>> start(model::PostgresRole role, std::optional<model::Upstream> upstream,
                                                            std::optional<model::Milliseconds> timeout) override;
  boost::asio::awaitable<ports::PostgresResult<ports::ShutdownPositions>> stop(ports::StopRequest request) override;
  boost::asio::awaitable<ports::PostgresResult<void>> restart(std::optional<model::Milliseconds> timeout) override;
  boost::asio::awaitable<ports::PostgresResult<void>> pre_promote() override;
  boost::asio::awaitable<ports::PostgresResult<void>> promote(model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::PostgresResult<void>> rewind(ports::Source source) override;
  boost::asio::awaitable<ports::PostgresResult<void>> crash_recovery() override;
  boost::asio::awaitable<ports::PostgresResult<void>> checkpoint() override;
  boost::asio::awaitable<ports::PostgresResult<void>> copy_logical_slots(ports::Source leader, std::vector<std::string> slots) override;
  boost::asio::awaitable<ports::PostgresResult<void>> discard_data(std::string why) override;
  boost::asio::awaitable<ports::PostgresResult<void>> set_data_aside(std::string suffix) override;

  ports::FollowChange follow_change(const std::optional<model::Upstream>& wanted) const override;
  boost::asio::awaitable<ports::PostgresResult<void>> follow_by_reload(model::Upstream upstream) override;
  boost::asio::awaitable<ports::PostgresResult<void>> set_sync_names(std::string text) override;
  boost::asio::awaitable<ports::PostgresResult<void>> sync_slots(std::shared_ptr<const model::Cluster> view) override;
  boost::asio::awaitable<ports::PostgresResult<void>> resume_replay() override;
  boost::asio::awaitable<ports::PostgresResult<void>> reload() override;
  void set_role(model::PostgresRole role) override;
  void set_state(model::PostgresState state) override;
  void run_callback(std::string event) override;
  boost::asio::awaitable<ports::PostgresResult<void>> fence(std::string reason, model::Milliseconds limit) override;

 private:
  std::shared_ptr<Site> site_;
};

}  // namespace matriarch::postgres
