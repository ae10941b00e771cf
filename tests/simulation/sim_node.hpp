// One simulated machine: PostgreSQL's disk and processes, a guardian, an agent, a replica of the store.
#pragma once

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
  bool promote_without_lease = false;    // whoever may take the lock promotes at once
  bool page_follows_recovery = false;    // the page says 'cannot write' of a standby, also of one that was told to promote
  bool guc_before_sync = false;          // a standby leaves synchronous_standby_names before /sync
  std::function<model::Decision(const model::Memory&, const model::Observation&)> decide;  // empty: the rules
  bool decides_badly() const { return decide || permit_never_expires || promote_without_lease || guc_before_sync || page_follows_recovery; }
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
  std::function<void(NodeId, const model::Observation&, const model::Decision&)> decided;
  std::function<void(NodeId, std::string)> trace;
};

class SimNode {
 public:
  SimNode(Stage& stage, NodeId id);
  ~SimNode();

  NodeId id() const { return id_; }
  const std::string& name() const { return name_; }
  SimInstance& instance() { return *stage_.instances[static_cast<std::size_t>(id_)]; }
  bool service_is_running() const { return guardian_ != nullptr; }
  bool is_frozen() const { return frozen_; }

  // ---- what happens to machines ----
  void start_service();
  void power_cut();                                   // everything volatile is gone
  void kill_agent();
  void kill_guardian(bool agent_too);
  void say_cannot_write() { page_.posture.value.may_write = 0; }  // a deliberate bug
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
  // The lease as its keeper counts on it, in true time; nothing: it holds none, or nobody is there to hold it.
  std::optional<Instant> counts_on_lease_until() const;
  // Since when the main thread hangs without a break.
  std::optional<Instant> hangs_since() const { return hangs_since_; }
  bool woke_lately() const { return frozen_ || stage_.world.now() <= woken_at_ + Milliseconds(50); }
  // The store was read after the guardian acknowledged the lease (S4).
  bool knows_enough_to_promote() const;

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
  std::unique_ptr<Context> guardian_context_;  // never runs anything: the guardian lives in the heap
  std::unique_ptr<SimClock> guardian_clock_;
  std::unique_ptr<GuardianProcess> guardian_;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Process>> graveyard_;
  bool frozen_ = false, wanted_ = false, powered_ = true;
  std::optional<Instant> hangs_since_;
  Instant woken_at_{};
};

}  // namespace matriarch::simulation
