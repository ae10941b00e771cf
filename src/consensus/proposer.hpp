// Brings a command or a read to whoever leads and its answer back, over leader changes, until a deadline.
//
// Every command gets an origin (or keeps its client's), so that sending it again after a lost answer cannot carry it
// out twice: "unknown" is only said when the deadline passed with an attempt unanswered.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "consensus/bell.hpp"
#include "consensus/membership/messages.hpp"
#include "consensus/raft/calls.hpp"
#include "consensus/raft/replica.hpp"

namespace matriarch::consensus {

enum class ProposeFailure {
  kNoLeader,  // nobody led in time: certainly not done
  kUnknown,   // it may have been done
  kTooLate,   // a keep-alive older than its lease: certainly not done
  kUnread,    // the leader is of another version and cannot read the command: certainly not done
};
const char* to_string(ProposeFailure failure);

struct ReadOutcome {
  machine::Revision revision = 0;
  tl::expected<machine::TransactionOutcome, machine::Refusal> answer;
};

class Proposer {
 public:
  // `calls` is null for a cluster of one. `leadership` rings when term, leader or state change.
  Proposer(boost::asio::any_io_executor executor, raft::Replica& replica, raft::Calls* calls, Bell& leadership);

  boost::asio::awaitable<tl::expected<machine::Outcome, ProposeFailure>> propose(machine::Command command,
                                                                                Moment deadline);
  // The result of a read-only transaction that reflects everything acknowledged before the call.
  boost::asio::awaitable<tl::expected<ReadOutcome, ProposeFailure>> read(machine::Transaction transaction,
                                                                        Moment deadline);
  // Asks the leader, wherever it is; for requests that a member hands on. Not repeated once it may have arrived.
  boost::asio::awaitable<membership::Reply> ask_leader(membership::Request request, Moment deadline);

  // The leader's side of forwarding.
  boost::asio::awaitable<membership::Reply> answer(membership::ForwardCommand forwarded);
  boost::asio::awaitable<membership::Reply> answer(membership::ForwardRead forwarded);

 private:
  using Submitted = tl::expected<machine::Outcome, raft::SubmitError>;
  boost::asio::awaitable<Submitted> submit(machine::Command command, std::chrono::nanoseconds waited, Moment deadline);
  boost::asio::awaitable<bool> reach_barrier(Moment deadline);
  boost::asio::awaitable<membership::Reply> ask(std::uint64_t id, membership::Request request, Moment deadline,
                                                bool& may_have_arrived);
  std::string address_of(std::uint64_t id) const;
  membership::Reply not_leader() const;
  Moment end_of_attempt(Moment deadline) const;

  boost::asio::any_io_executor executor_;
  raft::Replica& replica_;
  raft::Calls* calls_;
  Bell& leadership_;
  std::uint64_t client_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace matriarch::consensus
