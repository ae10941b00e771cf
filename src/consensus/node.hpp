// One member of the embedded store, whole but for the API it offers to clients: directory, links, Raft, machine,
// membership. Lives on one thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "consensus/log.hpp"
#include "consensus/machine/machine.hpp"
#include "consensus/membership/plan.hpp"
#include "consensus/proposer.hpp"
#include "consensus/settings.hpp"

namespace matriarch::consensus {

// What an operator is told of a member by any node; life and progress are known to the leader only.
struct MemberReport {
  raft::Member member;
  std::string name;  // empty until the node has told it
  std::vector<std::string> client_urls = {};
  bool is_witness = false;
  bool is_leader = false;
};

class Node {
 public:
  // Called (once) when the node cannot go on; the sentence says why and what to do. `for_good`: starting it again cannot help.
  using Failed = std::function<void(std::string why, bool for_good)>;
  Node(boost::asio::any_io_executor executor, MemberSettings settings, Log log, Failed failed);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Opens the directory, listens for other nodes, finds the way into a cluster and starts Raft. Takes as long as the
  // other nodes take; the error ends the program.
  boost::asio::awaitable<tl::expected<void, std::string>> start();
  // Gives leadership to somebody else, if there is somebody, within a short time.
  boost::asio::awaitable<void> retire();

  // What stands between this node and a cluster while it is no member yet; empty: nothing, it is starting.
  std::string obstacle() const;

  bool is_member() const;  // from here on all below may be used
  boost::asio::awaitable<tl::expected<machine::Outcome, ProposeFailure>> propose(machine::Command command,
                                                                                Moment deadline);
  boost::asio::awaitable<tl::expected<ReadOutcome, ProposeFailure>> read(machine::Transaction transaction,
                                                                        Moment deadline);
  boost::asio::awaitable<membership::Reply> remove_member(std::uint64_t raft_id, Moment deadline);
  // Asks a node that belongs to no cluster to join this one; it does so by itself soon after. Done when it is a member.
  boost::asio::awaitable<membership::Reply> invite(std::string address, Moment deadline);
  boost::asio::awaitable<membership::Reply> transfer_leadership(std::uint64_t raft_id, Moment deadline);

  const machine::Machine& machine() const;
  std::optional<std::chrono::milliseconds> lease_remaining(machine::LeaseId id) const;
  raft::ReplicaStatus status() const;
  raft::Pace pace() const;
  std::vector<MemberReport> members() const;
  std::vector<membership::Seen> seen() const;
  // Asks every other member whether it is there: the ids of those that answer within the time, and the own.
  boost::asio::awaitable<std::set<std::uint64_t>> reachable_members(std::chrono::milliseconds patience);
  std::uint64_t id() const;
  std::uint64_t cluster_id() const;
  const MemberSettings& settings() const;

  Bell& changes();     // rings when keys changed
  Bell& leadership();  // rings when term, leader or state changed

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace matriarch::consensus
