#include "consensus/membership/steward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace matriarch::consensus::membership {

namespace asio = boost::asio;
using raft::ChangeError;
using raft::Role;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto kRound = 500ms;         // between two looks at the members
constexpr auto kAliveFor = 2s;         // after an answer
constexpr auto kCertainlyGone = 4s;    // without an answer
constexpr auto kInquiryTime = 1s;
constexpr auto kChangeTime = 10s;      // a promotion waits for the member to catch up
constexpr auto kTransferPause = 3s;    // leadership is not thrown to and fro
constexpr auto kSettled = 1s;          // from a change of the holder to leadership's following it
constexpr auto kProposeTime = 2s;
constexpr std::uint64_t kNearly = 256;  // entries behind

Reply verdict(Reply::Verdict what, std::string reason = {}) { return {.verdict = what, .reason = std::move(reason)}; }

const char* words(ChangeError error) {
  switch (error) {
    case ChangeError::kNotLeader: return "this node does not lead any more";
    case ChangeError::kLost: return "leadership was lost, or the member did not catch up";
    case ChangeError::kBusy: return "another change is under way";
    case ChangeError::kRefused: return "Raft refused it";
    case ChangeError::kNoSpace: return "a majority has no disk space left";
  }
  return "?";
}

Reply reply_for(ChangeError error) {
  switch (error) {
    case ChangeError::kNotLeader: return verdict(Reply::Verdict::kNotLeader, words(error));
    case ChangeError::kLost: return verdict(Reply::Verdict::kUnknown, words(error));
    case ChangeError::kRefused: return verdict(Reply::Verdict::kRefused, words(error));
    case ChangeError::kBusy:
    case ChangeError::kNoSpace: break;
  }
  return verdict(Reply::Verdict::kTryLater, words(error));
}

}  // namespace

Steward::Steward(asio::any_io_executor executor, const MemberSettings& settings, const Identity& identity,
                 raft::Replica& replica, Proposer& proposer, raft::Calls* calls, Log log)
    : executor_(executor),
      settings_(settings),
      own_id_(identity.raft_id),
      cluster_id_(identity.cluster_id),
      former_cluster_id_(identity.recovered_from),
      replica_(replica),
      proposer_(proposer),
      calls_(calls),
      log_(log),
      complaints_(std::move(log)),
      bell_(std::move(executor)) {}

asio::awaitable<void> Steward::run() {
  Moment next_round = Clock::now();
  for (;;) {
    if (replica_.leads()) {
      begin_leadership();
      co_await follow_the_lease();
      if (Clock::now() >= next_round) {
        next_round = Clock::now() + kRound;
        co_await look_after_members();
        co_await tidy();
      }
    }
    // Who does not lead has nothing to look after; becoming the leader rings.
    const auto next = replica_.leads() ? next_round : Clock::now() + kRound;
    co_await bell_.wait_until(std::max(next, Clock::now() + 10ms));
  }
}

// A new leader has asked nobody yet: it calls no member alive that it has not heard, and none dead for a while.
void Steward::begin_leadership() {
  const auto status = replica_.status();
  if (status.term == led_term_) return;
  led_term_ = status.term;
  led_since_ = Clock::now();
  heard_.clear();
  next_transfer_ = led_since_ + settings_.election_timeout;
}

bool Steward::is_alive(std::uint64_t id) const {
  if (id == own_id_) return true;
  const auto heard = heard_.find(id);
  return heard != heard_.end() && Clock::now() - heard->second < kAliveFor;
}

bool Steward::is_silent_for(std::uint64_t id, std::chrono::milliseconds duration) const {
  if (id == own_id_) return false;
  const auto heard = heard_.find(id);
  const auto last = heard == heard_.end() ? led_since_ : std::max(led_since_, heard->second);
  return Clock::now() - last > duration;
}

std::vector<Seen> Steward::seen() const {
  std::vector<Seen> all;
  const auto last = replica_.status().last_index;
  for (const auto& member : replica_.members()) {
    const auto match = member.id == own_id_ ? last : replica_.match_index(member.id);
    all.push_back({.member = member,
                   .is_leader = member.id == own_id_,
                   .is_alive = is_alive(member.id),
                   .is_long_gone = is_silent_for(member.id, settings_.replace_after),
                   .is_caught_up = match > 0 && match + kNearly >= last,
                   .behind = last - std::min(match, last)});
  }
  return all;
}

// --- members ----------------------------------------------------------------------------------------------------

asio::awaitable<void> Steward::look_after_members() {
  for (const auto& member : replica_.members()) {
    if (member.id == own_id_ || calls_ == nullptr) continue;
    asio::co_spawn(executor_, look_at(member.id, member.address), asio::detached);
  }
  const auto step = next_assignment(seen(), plan_rules());
  if (step && !is_changing_ && !is_deciding_) asio::co_spawn(executor_, take(*step), asio::detached);
  co_return;
}

PlanRules Steward::plan_rules() const { return {.two_voters_allowed = settings_.allow_two_voters}; }

// As seen(), but alive is only who answers now. A vote must not be taken for the sake of a member that died a moment ago:
// the change could then be agreed on by nobody, neither could its withdrawal, and the cluster would stand still.
asio::awaitable<std::vector<Seen>> Steward::look_around() {
  const auto asked = Clock::now();
  auto open = std::make_shared<std::size_t>(0);
  auto over = std::make_shared<Pending<bool>>(executor_);
  for (const auto& member : replica_.members()) {
    if (member.id == own_id_ || calls_ == nullptr) continue;
    ++*open;
    asio::co_spawn(executor_, look_at(member.id, member.address), [open, over](const std::exception_ptr&) {
      if (--*open == 0) over->finish(true);
    });
  }
  if (*open > 0) co_await over->wait_until(asked + kInquiryTime);
  auto all = seen();
  for (auto& one : all) {
    const auto heard = heard_.find(one.member.id);
    one.is_alive = one.member.id == own_id_ || (heard != heard_.end() && heard->second >= asked);
  }
  co_return all;
}

// Beside the rounds, which go on while a member catches up.
asio::awaitable<void> Steward::take(Assign step) {
  is_deciding_ = true;
  const auto now = co_await look_around();
  is_deciding_ = false;
  if (next_assignment(now, plan_rules()) != step) co_return;
  const auto begin = [this, step](raft::Replica::Changed done) { replica_.assign(step.id, step.role, std::move(done)); };
  const auto changed = co_await change(begin);
  const auto what = fmt::format("member {:x} becomes a {}", step.id, raft::to_string(step.role));
  if (changed) {
    log_(LogLevel::kInfo, what);
    bell_.ring();
  } else {
    complaints_.say(what, fmt::format("{}: not yet ({})", what, words(changed.error())), LogLevel::kInfo);
  }
}

asio::awaitable<void> Steward::look_at(std::uint64_t id, std::string address) {
  auto inquiry = encode(Request(Inquire()));
  auto answered = co_await calls_->call(std::move(address), id, std::move(inquiry), kInquiryTime);
  if (!answered) co_return;
  const auto reply = decode_reply(*answered);
  if (reply && reply->condition && reply->condition->raft_id == id) heard_[id] = Clock::now();
}

template <typename Begin>
asio::awaitable<Steward::Changed> Steward::change(Begin begin) {
  if (std::exchange(is_changing_, true)) co_return tl::unexpected(ChangeError::kBusy);
  auto pending = std::make_shared<Pending<Changed>>(executor_);
  begin([pending](Changed changed) { pending->finish(changed); });
  const auto changed = co_await pending->wait_until(Clock::now() + kChangeTime);
  is_changing_ = false;
  if (changed) co_return *changed;
  co_return tl::unexpected(ChangeError::kLost);
}

asio::awaitable<Reply> Steward::answer(AskJoin asked) {
  auto node = std::move(asked.node);
  if (!replica_.leads()) co_return verdict(Reply::Verdict::kNotLeader);
  const auto members = replica_.members();
  const auto has = [&](auto matches) { return std::find_if(members.begin(), members.end(), matches); };
  if (has([&](const raft::Member& member) { return member.id == node.raft_id; }) == members.end()) {
    // A member of the same name or address is what this node was before its directory was wiped.
    const auto& nodes = replica_.machine().nodes();
    const auto before = has([&](const raft::Member& member) {
      const auto known = nodes.find(member.id);
      return member.address == node.raft_address || (known != nodes.end() && known->second.name == node.name);
    });
    if (before != members.end()) {
      const auto previous = *before;
      if (!is_silent_for(previous.id, kCertainlyGone)) {
        co_return verdict(Reply::Verdict::kRefused,
                          fmt::format("a living member (id {:x} at {}) has the name or address of this node; if it is "
                                      "this node's past it will be taken out in a moment, otherwise give this node its own",
                                      previous.id, previous.address));
      }
      auto taken_out = co_await take_out(previous.id);
      if (taken_out.verdict != Reply::Verdict::kDone) co_return taken_out;
    }
    const auto begin = [&](raft::Replica::Changed done) {
      replica_.add(node.raft_id, node.raft_address, std::move(done));
    };
    const auto added = co_await change(begin);
    if (!added) co_return reply_for(added.error());
    heard_[node.raft_id] = Clock::now();
    log_(LogLevel::kInfo, fmt::format("let node {} at {} (id {:x}) into the cluster", node.name, node.raft_address, node.raft_id));
  }
  machine::Command command{.body = machine::SetNode{std::move(node)}};
  auto noted = co_await proposer_.propose(std::move(command), Clock::now() + kProposeTime);
  bell_.ring();
  co_return verdict(noted ? Reply::Verdict::kDone : Reply::Verdict::kTryLater);
}

asio::awaitable<Reply> Steward::answer(AskRemove asked) {
  if (!replica_.leads()) co_return verdict(Reply::Verdict::kNotLeader);
  if (asked.raft_id != own_id_) co_return co_await take_out(asked.raft_id);
  // The leader goes last: somebody else leads, and takes this node out.
  const auto now = co_await look_around();
  if (auto may = may_remove(now, own_id_); !may) co_return verdict(Reply::Verdict::kRefused, may.error());
  const auto begin = [&](raft::Replica::Changed done) { replica_.transfer(0, std::move(done)); };
  co_await change(begin);
  next_transfer_ = Clock::now() + kTransferPause;
  co_return verdict(Reply::Verdict::kTryLater, "handing over leadership first");
}

asio::awaitable<Reply> Steward::take_out(std::uint64_t id) {
  const auto now = co_await look_around();
  if (auto may = may_remove(now, id); !may) co_return verdict(Reply::Verdict::kRefused, may.error());
  const auto begin = [&](raft::Replica::Changed done) { replica_.remove(id, std::move(done)); };
  const auto removed = co_await change(begin);
  if (!removed) co_return reply_for(removed.error());
  log_(LogLevel::kInfo, fmt::format("member {:x} was taken out of the cluster", id));
  heard_.erase(id);
  machine::Command command{.body = machine::RemoveNode{.raft_id = id}};
  co_await proposer_.propose(std::move(command), Clock::now() + kProposeTime);
  bell_.ring();
  co_return verdict(Reply::Verdict::kDone);
}

// --- leadership -------------------------------------------------------------------------------------------------

// The lease is renewed through the Raft leader: with both on one node the death of any other node touches neither.
asio::awaitable<void> Steward::follow_the_lease() {
  if (settings_.leader_key.empty() || Clock::now() < next_transfer_ || is_changing_) co_return;
  const auto holder = replica_.machine().find(settings_.leader_key);
  if (!holder || holder->lease == 0) co_return;
  // Nothing is accepted while leadership moves, for as long as an election if it fails. A new holder is about to write what
  // its promotion waits for: that first.
  if (std::exchange(holder_revision_, holder->mod_revision) != holder->mod_revision) holder_since_ = Clock::now();
  if (Clock::now() < holder_since_ + kSettled) co_return;
  const auto& nodes = replica_.machine().nodes();
  const auto named = std::find_if(nodes.begin(), nodes.end(), [&](const auto& entry) {
    return entry.second.name == holder->value && !entry.second.is_witness;
  });
  if (named == nodes.end() || named->first == own_id_) co_return;
  const auto members = seen();
  const auto target = std::find_if(members.begin(), members.end(),
                                   [&](const Seen& seen) { return seen.member.id == named->first; });
  if (target == members.end() || target->member.role != Role::kVoter || !target->is_alive || !target->is_caught_up) {
    co_return;
  }
  next_transfer_ = Clock::now() + kTransferPause;
  const auto id = target->member.id;
  const auto begin = [&](raft::Replica::Changed done) { replica_.transfer(id, std::move(done)); };
  const auto moved = co_await change(begin);
  if (moved) log_(LogLevel::kInfo, fmt::format("Raft leadership went to {}, which holds {}", holder->value, settings_.leader_key));
}

asio::awaitable<Reply> Steward::answer(AskTransfer asked) {
  if (!replica_.leads()) co_return verdict(Reply::Verdict::kNotLeader);
  if (asked.raft_id == own_id_) co_return verdict(Reply::Verdict::kDone);
  const auto begin = [&](raft::Replica::Changed done) { replica_.transfer(asked.raft_id, std::move(done)); };
  const auto moved = co_await change(begin);
  next_transfer_ = Clock::now() + kTransferPause;
  if (!moved) co_return reply_for(moved.error());
  co_return verdict(Reply::Verdict::kDone);
}

// --- the rest ---------------------------------------------------------------------------------------------------

asio::awaitable<void> Steward::tidy() {
  const auto& machine = replica_.machine();
  if (machine.cluster_id() != cluster_id_) {
    machine::Command command{.body = machine::SetClusterId{.id = cluster_id_, .replaces = former_cluster_id_}};
    co_await proposer_.propose(std::move(command), Clock::now() + kProposeTime);
  }
  const auto members = replica_.members();
  std::uint32_t level = machine::kFeatureLevel;
  for (const auto& member : members) {
    const auto known = machine.nodes().find(member.id);
    level = known == machine.nodes().end() ? machine.feature_level() : std::min(level, known->second.feature_level);
  }
  if (level > machine.feature_level()) {
    machine::Command command{.body = machine::SetFeatureLevel{.level = level}};
    co_await proposer_.propose(std::move(command), Clock::now() + kProposeTime);
  }
  // What is known of nodes that are members no longer (their removal was cut short) goes too.
  for (const auto& [id, node] : machine.nodes()) {
    const auto gone = id;
    if (std::any_of(members.begin(), members.end(), [&](const raft::Member& member) { return member.id == gone; })) continue;
    machine::Command command{.body = machine::RemoveNode{.raft_id = gone}};
    co_await proposer_.propose(std::move(command), Clock::now() + kProposeTime);
    break;  // the map has changed
  }
}

}  // namespace matriarch::consensus::membership
