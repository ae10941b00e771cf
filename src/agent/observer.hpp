// Facts that arrive one by one, and the observation that is made of them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/desk.hpp"
#include "agent/tasks.hpp"
#include "agent/world.hpp"
#include "agent/writer.hpp"
#include "model/decision.hpp"
#include "model/observation.hpp"

namespace matriarch::agent {

class Observer {
 public:
  Observer(boost::asio::any_io_executor executor, World world, Notify notify)
      : executor_(std::move(executor)), world_(world), notify_(std::move(notify)) {}

  void apply(std::shared_ptr<const model::Settings> settings) { settings_ = std::move(settings); }

  model::Observation observe(Tasks& tasks, const Writer& writer, const Desk& desk, std::string last_event);
  // Starts to fetch what a decision misses; each arrival is an event.
  void satisfy(const model::Needs& needs);
  // The keeper's news. A new armed term makes the store be read again, linearizably, before anybody promotes.
  void lease_changed(model::LeaseState lease);
  void checkpoint_started();
  void checkpoint_ended(bool succeeded);

 private:
  void spawn_once(const std::string& what, boost::asio::awaitable<void> work);
  boost::asio::awaitable<void> run_once(std::string what, boost::asio::awaitable<void> work);
  void note_view(const model::Cluster* cluster);
  boost::asio::awaitable<void> poll(std::set<model::MemberName> names);
  boost::asio::awaitable<void> read_again(std::uint64_t term);
  boost::asio::awaitable<void> read_linearizable();
  boost::asio::awaitable<void> check_divergence(model::MemberName leader);
  boost::asio::awaitable<void> refresh();
  boost::asio::awaitable<void> read_control();
  boost::asio::awaitable<void> read_history(model::Timeline timeline);
  boost::asio::awaitable<void> ask_failsafe();
  model::Milliseconds poll_deadline() const;

  boost::asio::any_io_executor executor_;
  World world_;
  Notify notify_;
  std::shared_ptr<const model::Settings> settings_;
  std::set<std::string> under_way_;
  std::map<model::MemberName, model::PeerStatus> peers_;
  model::Instant peers_asked_at_{};
  std::set<model::MemberName> asked_;
  bool peers_complete_ = false;
  std::string leader_when_asked_;
  std::optional<model::DivergenceReport> divergence_;
  std::optional<model::FailsafeRound> failsafe_round_;
  std::optional<bool> checkpoint_;
  bool checkpoint_running_ = false;
  model::LeaseState lease_;
  std::uint64_t fresh_term_ = 0;
  std::string leader_;
};

}  // namespace matriarch::agent
