// The agent of one node: its loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/alarm.hpp"
#include "agent/desk.hpp"
#include "agent/judge.hpp"
#include "agent/keeper.hpp"
#include "agent/observer.hpp"
#include "agent/tasks.hpp"
#include "agent/world.hpp"
#include "agent/writer.hpp"
#include "model/decision.hpp"

namespace matriarch::agent {

class Agent {
 public:
  Agent(boost::asio::any_io_executor executor, World world, Judge judge, std::shared_ptr<const model::Settings> settings,
        MakeSettings make_settings);

  // Runs until the node is to exit; returns the process's exit code. Spawn it on the agent's executor.
  boost::asio::awaitable<int> run();

  // From the agent's executor.
  // After run(): PostgreSQL was not ours to stop.
  bool leaves_postgres() const { return exit_ && !exit_->stop_postgres; }
  void request_stop();    // SIGTERM
  void request_reload();  // SIGHUP

 private:
  boost::asio::awaitable<bool> start_up();
  boost::asio::awaitable<void> wait_for_store();
  boost::asio::awaitable<bool> name_is_taken();
  boost::asio::awaitable<void> shut_down();
  boost::asio::awaitable<void> keep_lease_for_stop();
  boost::asio::awaitable<void> beat();
  void wake(std::string event);
  void note_view();
  void look();
  void apply_dynamic_configuration();
  void apply(std::shared_ptr<const model::Settings> settings);
  void carry_out(const model::Decision& decision, const model::Observation& seen);
  void perform(const model::Action& action, const model::Observation& seen);
  void start_task(const model::StartTask& action);
  void run_checkpoint();
  void report(const model::Decision& decision, const model::Observation& seen);
  void publish(model::Observation seen, model::Decision decision);
  void keep_page_truthful();
  model::Milliseconds loop_wait() const { return settings_->dynamic.timing.loop_wait; }

  boost::asio::any_io_executor executor_;
  World world_;
  Judge judge_;
  std::shared_ptr<const model::Settings> settings_;
  MakeSettings make_settings_;
  Alarm alarm_;
  Writer writer_;
  Tasks tasks_;
  Observer observer_;
  Desk desk_;
  model::Memory memory_;
  std::string events_;                 // since the last look
  std::optional<model::Instant> wake_at_;
  model::Instant next_beat_{};
  bool beating_ = false;
  std::shared_ptr<const model::Cluster> noted_view_;  // the last one that the store told of
  std::optional<model::Revision> applied_config_;
  std::optional<model::Exit> exit_;
  bool stopping_ = false, started_ = false, keeps_lease_for_stop_ = false;
  std::string last_rule_, last_says_;
  model::Instant verdict_since_{};
  std::shared_ptr<const ports::PastDecisions> recent_;  // made anew with each change of verdict; snapshots share it
  std::vector<std::string> last_notes_;
};

}  // namespace matriarch::agent
