// What the leader does for the cluster: lets nodes in and out, gives and takes votes, keeps Raft's leadership with the
// holder of the lease, raises the feature level. On a node that does not lead it does nothing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <vector>

#include "consensus/complaints.hpp"
#include "consensus/membership/messages.hpp"
#include "consensus/membership/plan.hpp"
#include "consensus/proposer.hpp"
#include "consensus/settings.hpp"

namespace matriarch::consensus::membership {

class Steward {
 public:
  Steward(boost::asio::any_io_executor executor, const MemberSettings& settings, const Identity& identity,
          raft::Replica& replica, Proposer& proposer, raft::Calls* calls, Log log);

  // Runs as long as the program.
  boost::asio::awaitable<void> run();
  // Something changed that may call for action (leadership, keys).
  void wake() { bell_.ring(); }

  // Requests of others; handed on to the leader by the caller when this node does not lead.
  boost::asio::awaitable<Reply> answer(AskJoin asked);
  boost::asio::awaitable<Reply> answer(AskRemove asked);
  boost::asio::awaitable<Reply> answer(AskTransfer asked);

  // What this node knows of the others' life; of a leader only.
  std::vector<Seen> seen() const;

 private:
  using Changed = tl::expected<void, raft::ChangeError>;
  template <typename Begin>
  boost::asio::awaitable<Changed> change(Begin begin);

  boost::asio::awaitable<void> look_after_members();
  boost::asio::awaitable<void> take(Assign step);
  boost::asio::awaitable<void> look_at(std::uint64_t id, std::string address);
  boost::asio::awaitable<void> follow_the_lease();
  boost::asio::awaitable<void> tidy();
  boost::asio::awaitable<Reply> take_out(std::uint64_t id);
  boost::asio::awaitable<std::vector<Seen>> look_around();
  PlanRules plan_rules() const;
  bool is_alive(std::uint64_t id) const;
  bool is_silent_for(std::uint64_t id, std::chrono::milliseconds duration) const;
  void begin_leadership();

  boost::asio::any_io_executor executor_;
  const MemberSettings& settings_;
  std::uint64_t own_id_;
  std::uint64_t cluster_id_;
  std::uint64_t former_cluster_id_;  // 0, or what the log may still say after a recovery
  raft::Replica& replica_;
  Proposer& proposer_;
  raft::Calls* calls_;
  Log log_;
  Complaints complaints_;
  Bell bell_;
  std::uint64_t led_term_ = 0;
  Moment led_since_ = {};
  std::map<std::uint64_t, Moment> heard_;  // since this leadership began
  Moment next_transfer_ = {};
  std::int64_t holder_revision_ = 0;  // of the key that leadership follows, and since when it is known
  Moment holder_since_ = {};
  bool is_changing_ = false;
  bool is_deciding_ = false;  // whether a step that looked right still is
};

}  // namespace matriarch::consensus::membership
