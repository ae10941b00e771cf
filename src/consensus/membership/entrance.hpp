// A node that belongs to no cluster finds its way into one: founds it with the others of its list, or joins it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "consensus/complaints.hpp"
#include "consensus/membership/founding.hpp"
#include "consensus/membership/messages.hpp"
#include "consensus/raft/calls.hpp"
#include "consensus/raft/replica.hpp"
#include "consensus/settings.hpp"

namespace matriarch::consensus::membership {

class Entrance {
 public:
  // `calls` is null when nothing allows this node to talk to others.
  Entrance(Home& home, const MemberSettings& settings, raft::ReplicaSettings replica, raft::Calls* calls, Log log);

  // Returns when the home is a member's. The error is for the operator: it will not heal by itself.
  boost::asio::awaitable<tl::expected<void, std::string>> pass();
  // What it waits for, or what is wrong, at the moment; for the operator.
  const std::string& obstacle() const { return obstacle_; }

  // The answers to others while this node is not a member yet.
  Reply answer(const AskPromise& asked);
  Reply answer(const AskCommit& asked);
  Reply answer(const AskEnter& asked);

 private:
  using Done = tl::expected<void, std::string>;

  boost::asio::awaitable<std::vector<Answer>> inquire();
  boost::asio::awaitable<Done> carry_out(Propose propose);
  boost::asio::awaitable<Done> carry_out(Join join);
  Done become_founder(const Founding& founding);
  boost::asio::awaitable<Reply> ask(std::string address, Request request);
  // Remembers what stands in the way; the error when that has gone on for too long.
  Done face(const Step& step, const std::vector<Answer>& answers);

  struct Trouble {
    std::chrono::steady_clock::time_point since;
    std::string why;
  };

  Home& home_;
  const MemberSettings& settings_;
  raft::ReplicaSettings replica_;
  raft::Calls* calls_;
  Log log_;
  Complaints complaints_;
  std::vector<std::string> list_;
  std::string invited_through_;
  std::optional<Trouble> trouble_;
  std::string obstacle_;
};

// What this node is, for whoever asks: of a member, the caller adds what Raft knows.
Condition condition_of(const Home& home, const MemberSettings& settings);

}  // namespace matriarch::consensus::membership
