#include "consensus/membership/entrance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace matriarch::consensus::membership {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kPause = 100ms;       // between two rounds
constexpr auto kAnswerTime = 1500ms;

asio::awaitable<void> sleep(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

bool all_answered(const std::vector<Answer>& answers) {
  return std::all_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer.condition.has_value(); });
}

Reply refused(std::string why) { return {.verdict = Reply::Verdict::kRefused, .reason = std::move(why)}; }

}  // namespace

Condition condition_of(const Home& home, const MemberSettings& settings) {
  const auto& identity = home.identity();
  return {.raft_id = identity.raft_id,
          .address = settings.raft_advertise,
          .name = settings.name,
          .standing = identity.standing,
          .cluster_id = identity.cluster_id,
          .list = founding_list(settings.peers, settings.raft_advertise),
          .founding = identity.founding};
}

Entrance::Entrance(Home& home, const MemberSettings& settings, raft::ReplicaSettings replica, raft::Calls* calls, Log log)
    : home_(home),
      settings_(settings),
      replica_(std::move(replica)),
      calls_(calls),
      log_(log),
      complaints_(std::move(log)),
      list_(founding_list(settings.peers, settings.raft_advertise)) {}

asio::awaitable<Entrance::Done> Entrance::pass() {
  while (home_.identity().standing != Standing::kMember) {
    Situation now{.self = home_.identity(),
                  .address = settings_.raft_advertise,
                  .name = settings_.name,
                  .list = list_,
                  .may_form_alone = settings_.form_alone,
                  .two_voters_allowed = settings_.allow_two_voters,
                  .fresh_cluster_id = random_id()};
    now.answers = co_await inquire();
    if (home_.identity() != now.self) continue;  // asked to promise or commit meanwhile
    if (!invited_through_.empty()) now.list.push_back(invited_through_);
    const auto step = next_step(now);
    if (auto bearable = face(step, now.answers); !bearable) co_return bearable;
    Done done;
    if (const auto* propose = std::get_if<Propose>(&step)) done = co_await carry_out(*propose);
    if (const auto* join = std::get_if<Join>(&step)) done = co_await carry_out(*join);
    if (const auto* commit = std::get_if<Commit>(&step)) done = become_founder(commit->founding);
    if (!done) complaints_.say("founding", obstacle_ = done.error());
    if (home_.identity().standing != Standing::kMember) co_await sleep(kPause);
  }
  co_return Done();
}

// Silence settles no trouble: a node whose list differed ends too, perhaps a moment before this one.
Entrance::Done Entrance::face(const Step& step, const std::vector<Answer>& answers) {
  if (const auto* complaint = std::get_if<Complain>(&step)) {
    if (!trouble_) trouble_ = Trouble{.since = Clock::now()};
    trouble_->why = obstacle_ = complaint->why;
    complaints_.say("founding", complaint->why);
  } else if (!std::holds_alternative<KeepAsking>(step) || all_answered(answers)) {
    trouble_.reset();
  }
  if (const auto* waiting = std::get_if<KeepAsking>(&step)) {
    obstacle_ = waiting->why;
    complaints_.say("founding", waiting->why, LogLevel::kInfo);
  }
  if (!trouble_) return {};
  const bool nobody_can_help = calls_ == nullptr;
  if (!nobody_can_help && Clock::now() - trouble_->since <= settings_.founding_patience) return {};
  return tl::unexpected(trouble_->why);
}

asio::awaitable<std::vector<Answer>> Entrance::inquire() {
  std::vector<Answer> answers;
  auto addresses = list_;
  if (!invited_through_.empty()) addresses = {invited_through_};
  for (const auto& address : addresses) {
    if (address == settings_.raft_advertise) continue;
    Answer answer{.address = address};
    const Request inquire{Inquire()};
    auto reply = co_await ask(address, inquire);
    answer.condition = std::move(reply.condition);
    answers.push_back(std::move(answer));
  }
  co_return answers;
}

// First everybody's promise, then the commit; the proposer is the first to promise and the first to commit, so that a
// committed founder proves that all have promised.
asio::awaitable<Entrance::Done> Entrance::carry_out(Propose propose) {
  const auto& founding = propose.founding;
  if (auto promised = home_.promise(founding); !promised) co_return promised;
  AskPromise promise;
  promise.founding = founding;
  const Request ask_promise(promise);
  for (const auto& founder : founding.founders) {
    if (founder.raft_id == home_.identity().raft_id) continue;
    auto reply = co_await ask(founder.address, ask_promise);
    if (reply.verdict == Reply::Verdict::kDone) continue;
    co_return tl::unexpected(fmt::format("the node at {} does not promise to found cluster {:x}: {}", founder.address,
                                         founding.cluster_id, reply.reason));
  }
  if (auto founded = become_founder(founding); !founded) co_return founded;
  // Who misses this finds out by asking.
  AskCommit commit;
  commit.founding = founding;
  const Request ask_commit(commit);
  for (const auto& founder : founding.founders) {
    if (founder.raft_id != home_.identity().raft_id) co_await ask(founder.address, ask_commit);
  }
  co_return Done();
}

Entrance::Done Entrance::become_founder(const Founding& founding) {
  if (home_.identity().standing == Standing::kMember) return {};
  std::vector<raft::Member> members;
  for (const auto& founder : founding.founders) {
    members.push_back({.id = founder.raft_id,
                       .address = founder.address,
                       .role = founder.votes ? raft::Role::kVoter : raft::Role::kStandby});
  }
  auto entered = home_.enter_cluster(founding.cluster_id, [&](const std::string& directory) {
    auto settings = replica_;
    settings.directory = directory;
    return raft::Replica::bootstrap(settings, members);
  });
  if (entered) log_(LogLevel::kInfo, fmt::format("founded cluster {:x} with {} nodes", founding.cluster_id, members.size()));
  return entered;
}

asio::awaitable<Entrance::Done> Entrance::carry_out(Join join) {
  AskJoin request;
  request.node = {.raft_id = home_.identity().raft_id,
                  .name = settings_.name,
                  .raft_address = settings_.raft_advertise,
                  .client_urls = settings_.client_urls,
                  .feature_level = machine::kFeatureLevel,
                  .is_witness = settings_.is_witness};
  const Request ask_join(request);
  auto reply = co_await ask(join.through, ask_join);
  if (reply.verdict != Reply::Verdict::kDone) {
    co_return tl::unexpected(fmt::format("waiting to be let into cluster {:x} by {}: {}", join.cluster_id, join.through, reply.reason));
  }
  auto entered = home_.enter_cluster(join.cluster_id, [](const std::string&) { return Done(); });
  if (entered) log_(LogLevel::kInfo, fmt::format("joined cluster {:x} through {}", join.cluster_id, join.through));
  co_return entered;
}

asio::awaitable<Reply> Entrance::ask(std::string address, Request request) {
  if (calls_ == nullptr) co_return refused("nodes cannot talk to each other without embedded.secret or certificates");
  auto bytes = encode(request);
  auto answered = co_await calls_->call(address, 0, std::move(bytes), kAnswerTime);
  if (!answered) co_return refused(answered.error().what);
  auto reply = decode_reply(*answered);
  if (!reply) co_return refused("its answer cannot be read: another version?");
  co_return std::move(*reply);
}

Reply Entrance::answer(const AskPromise& asked) {
  if (auto may = may_promise(home_.identity(), list_, asked.founding); !may) return refused(may.error());
  if (home_.identity().standing != Standing::kFresh) return {};
  if (auto promised = home_.promise(asked.founding); !promised) return refused(promised.error());
  return {};
}

Reply Entrance::answer(const AskCommit& asked) {
  if (auto may = may_commit(home_.identity(), asked.founding); !may) return refused(may.error());
  if (auto founded = become_founder(asked.founding); !founded) return refused(founded.error());
  return {};
}

// By hand ('matriarch store add'), for a node whose own list leads nowhere.
Reply Entrance::answer(const AskEnter& asked) {
  if (home_.identity().standing != Standing::kFresh) {
    return refused(fmt::format("it is {} of a cluster already", to_string(home_.identity().standing)));
  }
  invited_through_ = asked.through;
  return {};
}

}  // namespace matriarch::consensus::membership
