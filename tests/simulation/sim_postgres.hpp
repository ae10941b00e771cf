// The agent's side of a simulated instance: ports::Postgres.
#pragma once

#include <memory>

#include "ports/postgres.hpp"
#include "simulation/sim_instance.hpp"

namespace matriarch::simulation {

class SimPostgres : public ports::Postgres {
 public:
  SimPostgres(World& world, Network& network, Wal& wal, Instances& all, InstanceNames names, NodeId node, SimClock& clock);
  // The process ended: the instance does not tell it anything any more.
  void detach() { instance().on_change(nullptr); }

  std::shared_ptr<const model::PostgresNode> node() const override { return seen_; }
  void on_change(std::function<void(std::string)> callback) override;
  void apply_settings(std::shared_ptr<const model::Settings> settings) override { settings_ = std::move(settings); }
  boost::asio::awaitable<ports::PostgresResult<void>> attach() override;
  boost::asio::awaitable<ports::PostgresResult<void>> refresh(Milliseconds timeout) override;
  boost::asio::awaitable<ports::PostgresResult<void>> read_control_data() override;
  boost::asio::awaitable<ports::PostgresResult<void>> read_history(model::Timeline timeline) override;
  boost::asio::awaitable<model::DivergenceReport> check_divergence(ports::Source leader, Milliseconds timeout) override;
  boost::asio::awaitable<ports::PostgresResult<void>> bootstrap(model::BootstrapSettings how) override;
  boost::asio::awaitable<ports::PostgresResult<void>> post_bootstrap() override;
  boost::asio::awaitable<ports::PostgresResult<void>> clone(std::vector<ports::Source> sources, std::function<void(std::string)> progress) override;
  boost::asio::awaitable<ports::PostgresResult<void>> start(model::PostgresRole role, std::optional<model::Upstream> upstream, std::optional<Milliseconds> timeout) override;
  boost::asio::awaitable<ports::PostgresResult<ports::ShutdownPositions>> stop(ports::StopRequest request) override;
  boost::asio::awaitable<ports::PostgresResult<void>> restart(std::optional<Milliseconds> timeout) override;
  boost::asio::awaitable<ports::PostgresResult<void>> pre_promote() override;
  boost::asio::awaitable<ports::PostgresResult<void>> promote(Milliseconds timeout) override;
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
  boost::asio::awaitable<ports::PostgresResult<void>> fence(std::string reason, Milliseconds limit) override;

 private:
  SimInstance& instance() const { return *all_[static_cast<std::size_t>(node_)]; }
  SimInstance* reachable(const model::MemberName& member) const;
  boost::asio::awaitable<void> takes(Milliseconds low, Milliseconds high);
  boost::asio::awaitable<bool> until(std::function<bool()> condition, Milliseconds limit);
  void look();
  void learn_control(model::PostgresNode& node) const;
  void learn_history(model::PostgresNode& node);
  ports::PostgresResult<void> give_up_half_rewound();
  bool diverged_from(const SimInstance& leader) const;

  World& world_;
  Network& network_;
  Wal& wal_;
  Instances& all_;
  InstanceNames names_;
  NodeId node_;
  SimClock& clock_;
  std::shared_ptr<const model::Settings> settings_;
  std::shared_ptr<const model::PostgresNode> seen_ = std::make_shared<model::PostgresNode>();
  std::function<void(std::string)> changed_;
  std::string last_sync_names_;
  int history_branch_ = -1;  // whose history file was read last; -1: none
};

}  // namespace matriarch::simulation
