// A node's client of the simulated store: the view fed by a watch, writes, and the lease.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/store.hpp"
#include "simulation/network.hpp"
#include "simulation/raft_model.hpp"
#include "store/layout/records.hpp"

namespace matriarch::simulation {

// Deliberate bugs of the client.
struct ClientBugs {
  bool unknown_is_success = false;   // a lost answer is taken for "done"
  bool stale_reads = false;          // a linearizable read answers from the watch-fed view
  bool lease_from_reply = false;     // the ttl is counted from the answer
};

// What a linearizable read shows.
struct StoreState {
  std::shared_ptr<const model::Cluster> cluster;
  std::optional<consensus::machine::KeyValue> leader;  // with its lease, which the cluster's view leaves out
};

// What both clients share: a transaction at the store of this node, and its possible outcomes.
class StoreConnection {
 public:
  StoreConnection(RaftModel& raft, Network& network, SimClock& clock, NodeId node, ClientBugs bugs)
      : raft_(raft), network_(network), clock_(clock), node_(node), bugs_(bugs) {}

  boost::asio::awaitable<ports::StoreResult<consensus::machine::Applied>> propose(consensus::machine::Body body, Milliseconds timeout);
  boost::asio::awaitable<ports::StoreResult<StoreState>> read(Milliseconds timeout);

  RaftModel& raft() { return raft_; }
  Network& network() { return network_; }
  SimClock& clock() { return clock_; }
  NodeId node() const { return node_; }
  const ClientBugs& bugs() const { return bugs_; }

 private:
  RaftModel& raft_;
  Network& network_;
  SimClock& clock_;
  NodeId node_;
  ClientBugs bugs_;
};

class SimStore : public ports::Store {
 public:
  SimStore(StoreConnection connection, bool writes_are_lost_later = false);

  // The world's side: a change was committed.
  void committed();
  // True time at which the last linearizable read that was answered had begun.
  Instant last_read_began() const { return last_read_began_; }

  std::shared_ptr<const model::Cluster> view() const override { return view_; }
  bool connected() const override;
  void on_change(std::function<void()> callback) override { changed_ = std::move(callback); }
  boost::asio::awaitable<ports::StoreResult<std::shared_ptr<const model::Cluster>>> read(Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> create_initialize(std::string text, model::SessionToken session, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> set_initialize(std::string system_id, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> cancel_initialize(Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_config(boost::json::object document, std::optional<model::Revision> expected, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> publish_member(model::MemberName name, boost::json::object document, model::SessionToken session, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> delete_member(model::MemberName name, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_status(model::StatusKey status, model::MemberName leader, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_failsafe(std::map<model::MemberName, std::string> members, model::MemberName leader, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_sync(model::WriteSync write, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> delete_sync(model::Revision expected, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_failover(boost::json::object document, std::optional<model::Revision> expected, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_history(std::vector<model::HistoryLine> lines, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<void>> delete_cluster(Milliseconds timeout) override;

 private:
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write(consensus::machine::Transaction transaction, Milliseconds timeout);
  void deliver(std::shared_ptr<const model::Cluster> cluster);
  void send_view();

  StoreConnection connection_;
  std::shared_ptr<const model::Cluster> view_;
  std::function<void()> changed_;
  bool sending_ = false, changed_since_ = false;
  mutable bool was_connected_ = false;
  Instant last_read_began_{};
};

class SimLeaseStore : public ports::LeaseStore {
 public:
  explicit SimLeaseStore(StoreConnection connection) : connection_(connection) {}
  boost::asio::awaitable<ports::StoreResult<ports::SessionGrant>> open_session(Milliseconds ttl, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<ports::SessionGrant>> renew(model::SessionToken session, model::MemberName me, bool holding, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> acquire(model::SessionToken session, model::MemberName me, model::AcquireLease guards, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<void>> release(model::MemberName me, Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<void>> close_session(model::SessionToken session, Milliseconds timeout) override;

 private:
  boost::asio::awaitable<ports::StoreResult<model::Revision>> take_over_own(model::SessionToken session, model::MemberName me, Milliseconds timeout);

  StoreConnection connection_;
};

}  // namespace matriarch::simulation
