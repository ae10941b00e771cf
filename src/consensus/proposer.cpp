#include "consensus/proposer.hpp"

#include <algorithm>

#include "consensus/machine/codec.hpp"
#include "consensus/membership/identity.hpp"

namespace matriarch::consensus {

namespace asio = boost::asio;
using machine::Command;
using machine::Outcome;
using membership::Reply;
using Verdict = Reply::Verdict;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

// How long one leader is given before the question is asked who leads now: it may have died without a word.
constexpr auto kAttempt = 400ms;
// Between two attempts when nothing was heard of a new leader.
constexpr auto kPause = 15ms;

// Part of what nodes say to each other: by its reason a refusal of the leader's is known.
constexpr std::string_view kTooLate = "too late";

Reply verdict(Verdict what, std::string reason = {}) { return {.verdict = what, .reason = std::move(reason)}; }

}  // namespace

const char* to_string(ProposeFailure failure) {
  switch (failure) {
    case ProposeFailure::kNoLeader: return "no leader";
    case ProposeFailure::kUnknown: return "request timed out, it may have been carried out";
    case ProposeFailure::kTooLate: return "the keep-alive came too late";
    case ProposeFailure::kUnread: return "the leader cannot read the command: another version?";
  }
  return "?";
}

Proposer::Proposer(asio::any_io_executor executor, raft::Replica& replica, raft::Calls* calls, Bell& leadership)
    : executor_(std::move(executor)),
      replica_(replica),
      calls_(calls),
      leadership_(leadership),
      client_(membership::random_id()) {}

asio::awaitable<tl::expected<Outcome, ProposeFailure>> Proposer::propose(Command command, Moment deadline) {
  const auto begun = Clock::now();
  // Keeping alive twice is keeping alive; everything else must not happen twice.
  if (command.origin.client == 0 && !std::holds_alternative<machine::KeepAlive>(command.body)) {
    command.origin = {.client = client_, .sequence = next_sequence_++};
  }
  bool may_have_happened = false;
  while (Clock::now() < deadline) {
    const auto status = replica_.status();
    if (status.state == raft::State::kLeader) {
      auto submitted = co_await submit(command, Clock::now() - begun, deadline);
      if (submitted) co_return std::move(*submitted);
      if (submitted.error() == raft::SubmitError::kTooLate) co_return tl::unexpected(ProposeFailure::kTooLate);
      if (submitted.error() == raft::SubmitError::kLost) may_have_happened = true;
    } else if (status.leader_id != 0 && calls_ != nullptr) {
      membership::ForwardCommand forward;
      forward.command = machine::encode(command);
      forward.waited_ns = static_cast<std::uint64_t>((Clock::now() - begun).count());
      membership::Request request(std::move(forward));
      auto reply = co_await ask(status.leader_id, std::move(request), end_of_attempt(deadline), may_have_happened);
      if (reply.verdict == Verdict::kDone) {
        auto outcome = machine::decode_outcome(reply.outcome);
        if (outcome) co_return std::move(*outcome);
        co_return tl::unexpected(ProposeFailure::kUnknown);  // done, with an answer that this program does not know
      }
      if (reply.verdict == Verdict::kRefused) {
        co_return tl::unexpected(reply.reason == kTooLate ? ProposeFailure::kTooLate : ProposeFailure::kUnread);
      }
      if (reply.verdict == Verdict::kUnknown) may_have_happened = true;
    }
    co_await leadership_.wait_until(std::min(deadline, Clock::now() + kPause));
  }
  co_return tl::unexpected(may_have_happened ? ProposeFailure::kUnknown : ProposeFailure::kNoLeader);
}

asio::awaitable<tl::expected<ReadOutcome, ProposeFailure>> Proposer::read(machine::Transaction transaction,
                                                                        Moment deadline) {
  while (Clock::now() < deadline) {
    const auto status = replica_.status();
    if (status.state == raft::State::kLeader) {
      const bool reached = co_await reach_barrier(deadline);
      if (reached) {
        co_return ReadOutcome{.revision = replica_.machine().revision(), .answer = replica_.machine().read(transaction)};
      }
    } else if (status.leader_id != 0 && calls_ != nullptr) {
      membership::Request request(membership::ForwardRead{transaction});
      bool ignored = false;
      auto reply = co_await ask(status.leader_id, std::move(request), end_of_attempt(deadline), ignored);
      auto outcome = machine::decode_outcome(reply.outcome);
      if (reply.verdict == Verdict::kDone && outcome) {
        ReadOutcome read{.revision = outcome->revision, .answer = machine::TransactionOutcome{}};
        if (outcome->answer) read.answer = std::get<machine::TransactionOutcome>(std::move(*outcome->answer));
        else read.answer = tl::unexpected(outcome->answer.error());
        co_return read;
      }
    }
    co_await leadership_.wait_until(std::min(deadline, Clock::now() + kPause));
  }
  co_return tl::unexpected(ProposeFailure::kNoLeader);
}

asio::awaitable<Reply> Proposer::ask_leader(membership::Request request, Moment deadline) {
  while (Clock::now() < deadline) {
    const auto status = replica_.status();
    if (status.leader_id != 0 && status.state != raft::State::kLeader && calls_ != nullptr) {
      bool may_have_arrived = false;
      auto reply = co_await ask(status.leader_id, request, deadline, may_have_arrived);
      if (reply.verdict != Verdict::kNotLeader || may_have_arrived) co_return reply;
    }
    co_await leadership_.wait_until(std::min(deadline, Clock::now() + kPause));
    if (replica_.leads()) break;
  }
  co_return not_leader();
}

asio::awaitable<Reply> Proposer::answer(membership::ForwardCommand forwarded) {
  auto command = machine::decode_command(forwarded.command);
  if (!command) co_return verdict(Verdict::kRefused, "the command cannot be read: another version?");
  const auto waited = std::chrono::nanoseconds(forwarded.waited_ns);
  auto submitted = co_await submit(std::move(*command), waited, Clock::now() + 2 * kAttempt);
  if (submitted) {
    Reply reply;
    reply.outcome = machine::encode(*submitted);
    co_return reply;
  }
  switch (submitted.error()) {
    case raft::SubmitError::kTooLate: co_return verdict(Verdict::kRefused, std::string(kTooLate));
    case raft::SubmitError::kLost: co_return verdict(Verdict::kUnknown);
    case raft::SubmitError::kNoSpace: co_return verdict(Verdict::kTryLater);
    case raft::SubmitError::kNotLeader: break;
  }
  co_return not_leader();
}

asio::awaitable<Reply> Proposer::answer(membership::ForwardRead forwarded) {
  const bool reached = co_await reach_barrier(Clock::now() + 2 * kAttempt);
  if (!reached) co_return not_leader();
  Outcome outcome{.revision = replica_.machine().revision()};
  auto read = replica_.machine().read(forwarded.transaction);
  if (read) outcome.answer = machine::Answer(std::move(*read));
  else outcome.answer = tl::unexpected(read.error());
  Reply reply;
  reply.outcome = machine::encode(outcome);
  co_return reply;
}

asio::awaitable<Proposer::Submitted> Proposer::submit(Command command, std::chrono::nanoseconds waited,
                                                      Moment deadline) {
  auto pending = std::make_shared<Pending<Submitted>>(executor_);
  replica_.submit(std::move(command), waited, [pending](Submitted submitted) { pending->finish(std::move(submitted)); });
  auto submitted = co_await pending->wait_until(deadline);
  if (submitted) co_return std::move(*submitted);
  co_return tl::unexpected(raft::SubmitError::kLost);
}

asio::awaitable<bool> Proposer::reach_barrier(Moment deadline) {
  auto pending = std::make_shared<Pending<bool>>(executor_);
  replica_.read_barrier([pending](auto reached) { pending->finish(reached.has_value()); });
  const auto reached = co_await pending->wait_until(deadline);
  co_return reached.value_or(false);
}

asio::awaitable<Reply> Proposer::ask(std::uint64_t id, membership::Request request, Moment deadline,
                                     bool& may_have_arrived) {
  const auto address = address_of(id);
  if (address.empty()) co_return verdict(Verdict::kNotLeader);
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  auto answered = co_await calls_->call(address, id, membership::encode(request), std::max(timeout, 1ms));
  if (!answered) {
    if (answered.error().may_have_arrived) may_have_arrived = true;
    co_return verdict(Verdict::kNotLeader, answered.error().what);
  }
  auto reply = membership::decode_reply(*answered);
  if (reply) co_return std::move(*reply);
  may_have_arrived = true;
  co_return verdict(Verdict::kNotLeader, "its answer cannot be read");
}

std::string Proposer::address_of(std::uint64_t id) const {
  for (const auto& member : replica_.members()) {
    if (member.id == id) return member.address;
  }
  return {};
}

Reply Proposer::not_leader() const {
  auto reply = verdict(Verdict::kNotLeader, "this node does not lead");
  reply.leader_address = address_of(replica_.status().leader_id);
  return reply;
}

Moment Proposer::end_of_attempt(Moment deadline) const { return std::min(deadline, Clock::now() + kAttempt); }

}  // namespace matriarch::consensus
