// What takes time: one task at a time, and the fence that pre-empts it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "agent/alarm.hpp"
#include "agent/world.hpp"
#include "model/task.hpp"

namespace matriarch::agent {

class Tasks {
 public:
  Tasks(boost::asio::any_io_executor executor, World world, Notify notify);

  void apply(std::shared_ptr<const model::Settings> settings) { settings_ = std::move(settings); }

  const std::optional<model::RunningTask>& running() const { return running_; }
  // The task that ended since the last call; shown once.
  std::optional<model::FinishedTask> take_finished();

  // False when the slot is occupied.
  bool start(model::TaskRequest request);
  // Winds the running task down; it ends with kCancelled.
  void cancel();
  // Everything of PostgreSQL dies now. Cancels the running task, waits for it at most 100 ms, then kills.
  void fence(std::string reason);
  // Immediate stop in the slot, without giving the lease back.
  // Something happened in the store or in PostgreSQL: a task that waits for it looks again.
  void stir() { stirred_.ring(); }
  // Called once with the end of the current task.
  void when_done(std::function<void(const model::FinishedTask&)> callback) { when_done_ = std::move(callback); }

 private:
  using Outcome = model::FinishedTask;
  boost::asio::awaitable<void> run(std::uint64_t serial, model::TaskRequest request);
  boost::asio::awaitable<Outcome> perform(model::TaskRequest request);
  boost::asio::awaitable<Outcome> bootstrap(model::TaskRequest request);
  boost::asio::awaitable<Outcome> clone(model::TaskRequest request);
  boost::asio::awaitable<Outcome> follow(model::TaskRequest request);
  boost::asio::awaitable<Outcome> promote(model::TaskRequest request);
  boost::asio::awaitable<Outcome> rewind(model::TaskRequest request);
  boost::asio::awaitable<Outcome> demote(model::TaskRequest request);
  boost::asio::awaitable<Outcome> hand_over(model::TaskRequest request);
  boost::asio::awaitable<Outcome> stop_within_lease(model::TaskRequest request);
  boost::asio::awaitable<Outcome> stop_at_once(model::TaskRequest request);
  boost::asio::awaitable<void> run_fence(std::string reason);
  boost::asio::awaitable<void> give_lease_back(std::optional<model::Lsn> optime);
  std::vector<ports::Source> sources_for(const model::TaskRequest& request) const;
  std::optional<ports::Source> source_of(const model::MemberName& name) const;
  void enter(model::TaskPhase phase);
  void finish(model::FinishedTask finished);

  boost::asio::any_io_executor executor_;
  World world_;
  Notify notify_;
  std::shared_ptr<const model::Settings> settings_;
  std::optional<model::RunningTask> running_;
  std::optional<model::FinishedTask> finished_;
  std::function<void(const model::FinishedTask&)> when_done_;
  std::shared_ptr<boost::asio::cancellation_signal> cancel_;
  std::uint64_t serial_ = 0;  // of the task that owns the slot
  Alarm wound_down_, stirred_;
  bool fencing_ = false;
};

}  // namespace matriarch::agent
