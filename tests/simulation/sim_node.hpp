// One simulated machine: PostgreSQL's disk and processes, a guardian, an agent, a replica of the store.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agent/agent.hpp"
#include "simulation/sim_guardian.hpp"
#include "simulation/sim_postgres.hpp"
#include "simulation/sim_store.hpp"

namespace matriarch::simulation {

class SimNode;
using Nodes = std::vector<std::unique_ptr<SimNode>>;

// Deliberate bugs, by the port or rule that they sit in.
struct Bugs {
  StoreBugs store;
  ClientBugs client;
  GuardianBugs guardian;
  bool permit_never_expires = false;
  std::function<model::Decision(const model::Memory&, const model::Observation&)> decide;  // empty: the rules
};

// What all nodes of a run share.
struct Stage {
  World& world;
  Network& network;
  RaftModel& raft;
  Wal& wal;
  Instances& instances;
  Nodes& nodes;
  const Bugs& bugs;
  boost::json::object dynamic;                       // the cluster's dynamic configuration at bootstrap
  std::function<void(NodeId, std::string)> violation;  // an invariant is broken
  std::function<void(NodeId, const model::Decision&)> decided;
  std::function<void(NodeId, std::string)> trace;
};

class SimNode {
 public:
  SimNode(Stage& stage, NodeId id);
  ~SimNode();

  const std::string& name() const { return name_; }
  SimInstance& instance() { return *stage_.instances[static_cast<std::size_t>(id_)]; }
  bool service_is_running() const { return guardian_ != nullptr; }
  bool is_frozen() const { return frozen_; }

  // ---- what happens to machines ----
  void start_service();
  void power_cut();                                   // everything volatile is gone
  void kill_agent();
  void kill_guardian(bool agent_too);
  void kill_store();                                  // comes back by itself
  void kill_postmaster();
  void freeze();                                      // SIGSTOP of everything, or a suspended machine
  void thaw();
  void hang_agent(bool hang);                         // the main thread alone
  void stop_service();                                // SIGTERM

  // ---- what others see ----
  std::shared_ptr<const ports::Snapshot> snapshot() const;
  ports::Reply ask(ports::Request request);
  model::PeerStatus status_for_peers() const;
  bool answers_peers() const;
  void view_changed();
  agent::Agent* agent() const;

 private:
  struct Process;
  void start_agent();
  void agent_is_gone();
  void last_resort();
  Owner next_owner() const;

  Stage& stage_;
  NodeId id_;
  std::string name_;
  Owner guardian_owner_ = 0;
  double clock_rate_;
  Milliseconds clock_offset_;
  PageContent page_;
  std::unique_ptr<boost::asio::io_context> guardian_context_;  // never runs anything: the guardian lives in the heap
  std::unique_ptr<SimClock> guardian_clock_;
  std::unique_ptr<GuardianProcess> guardian_;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Process>> graveyard_;
  bool frozen_ = false, wanted_ = false, powered_ = true;
};

}  // namespace matriarch::simulation
