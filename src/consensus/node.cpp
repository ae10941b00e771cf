#include "consensus/node.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "consensus/membership/entrance.hpp"
#include "consensus/membership/steward.hpp"
#include "consensus/raft/pump.hpp"
#include "system/file.hpp"

namespace matriarch::consensus {

namespace asio = boost::asio;
using membership::Reply;
using membership::Request;
using raft::Self;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using Done = tl::expected<void, std::string>;

namespace {

constexpr auto kDialTimeout = 1s;
// libraft asks for streams to members that are gone, again and again.
constexpr auto kStrangerPause = 2s;
// Without a leader for so long a node asks whether it is still a member.
constexpr auto kLonely = 5s;
constexpr auto kIntroduceTime = 5s;
constexpr auto kDiskLook = 1s;
// On the way out: to hand leadership over rather than to let the others miss it.
constexpr auto kHandOverTime = 300ms;
// A segment of the log, which libraft prepares ahead. Without room for one it stands still, and says nothing.
constexpr std::uint64_t kFull = 2u << 20;

raft::ReplicaSettings replica_settings(const MemberSettings& settings, const membership::Home& home) {
  return {.directory = home.raft_directory(),
          .id = home.identity().raft_id,
          .address = settings.raft_advertise,
          .pace = {.election_timeout = settings.election_timeout, .heartbeat = settings.heartbeat}};
}

}  // namespace

struct Node::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor its_executor, MemberSettings its_settings, Log its_log, Failed its_failed)
      : executor(its_executor),
        settings(std::move(its_settings)),
        log(std::move(its_log)),
        failed(std::move(its_failed)),
        changes(its_executor),
        leadership(its_executor) {}

  Done open();
  Done start_raft();
  Self self() const;
  void accept(raft::Hello hello, raft::SecureStream stream);
  asio::awaitable<void> connect(std::uint64_t token, std::uint64_t id, std::string address);
  asio::awaitable<std::string> answer(Self caller, std::string bytes);
  asio::awaitable<Reply> answer(Self caller, Request request);
  membership::Condition condition(const Self& caller) const;
  bool knows(std::uint64_t id) const;
  asio::awaitable<void> introduce_itself();
  asio::awaitable<void> mind_expulsion();
  asio::awaitable<void> mind_disk();
  asio::awaitable<bool> is_expelled();
  asio::awaitable<bool> has_gone(std::uint64_t id, Moment deadline);
  asio::awaitable<bool> is_there(std::uint64_t id, std::string address, std::chrono::milliseconds patience);
  machine::Node as_node() const;
  void fail(std::string why, bool for_good = false);

  asio::any_io_executor executor;
  MemberSettings settings;
  Log log;
  Failed failed;
  Bell changes;
  Bell leadership;
  std::optional<membership::Home> home;
  std::unique_ptr<raft::Link> link;
  std::unique_ptr<raft::Calls> calls;
  std::unique_ptr<membership::Entrance> entrance;
  std::unique_ptr<raft::Replica> replica;
  std::unique_ptr<Proposer> proposer;
  std::unique_ptr<membership::Steward> steward;
};

// --- start ------------------------------------------------------------------------------------------------------

Done Node::Impl::open() {
  auto opened = membership::Home::open(settings.data_dir);
  if (!opened) return tl::unexpected(opened.error());
  home = std::move(*opened);
  if (!settings.security.allows_peers()) {
    const bool alone = membership::founding_list(settings.peers, settings.raft_advertise).size() == 1;
    if (alone) return {};  // nobody is talked to, so nothing can be overheard
    return tl::unexpected(
        std::string("embedded.peers names other nodes, but neither embedded.secret nor embedded.certfile is set: nodes "
                    "never talk in clear. Set the same secret on all of them."));
  }
  auto tls = raft::make_peer_tls(settings.security, settings.scope,
                                 fmt::format("{} at {}", settings.name, settings.raft_advertise));
  if (!tls) return tl::unexpected(tls.error());
  link = std::make_unique<raft::Link>(executor, std::move(*tls), [this] { return self(); }, log);
  calls = std::make_unique<raft::Calls>(executor, *link);
  return link->listen(settings.raft_listen, [this](raft::Hello hello, raft::SecureStream stream) {
    accept(std::move(hello), std::move(stream));
  });
}

Done Node::Impl::start_raft() {
  raft::Replica::Hooks hooks{
      .log = log,
      .connect = [this](std::uint64_t token, std::uint64_t id, std::string address) {
        asio::co_spawn(executor, connect(token, id, std::move(address)), asio::detached);
      },
      .applied = [this](bool keys_changed) {
        if (!keys_changed) return;
        changes.ring();
        if (steward) steward->wake();
      },
      .status_changed = [this](const raft::ReplicaStatus&) {
        leadership.ring();
        if (steward) steward->wake();
      },
      .failed = [this](std::string why) { fail(std::move(why)); }};
  auto opened = raft::Replica::open(executor, replica_settings(settings, *home), std::move(hooks));
  if (!opened) return tl::unexpected(opened.error());
  replica = std::move(*opened);
  const auto& identity = home->identity();
  const auto known = replica->machine().cluster_id();
  if (known != 0 && known != identity.cluster_id && known != identity.recovered_from) {
    return tl::unexpected(fmt::format("the log in {} is of cluster {:x}, identity.json says {:x}: the directory was mixed "
                                      "from two. Nothing was changed.",
                                      settings.data_dir, known, identity.cluster_id));
  }
  proposer = std::make_unique<Proposer>(executor, *replica, calls.get(), leadership);
  steward = std::make_unique<membership::Steward>(executor, settings, identity, *replica, *proposer, calls.get(), log);
  asio::co_spawn(executor, steward->run(), asio::detached);
  asio::co_spawn(executor, introduce_itself(), asio::detached);
  asio::co_spawn(executor, mind_expulsion(), asio::detached);
  asio::co_spawn(executor, mind_disk(), asio::detached);
  return {};
}

// --- other nodes ------------------------------------------------------------------------------------------------

Self Node::Impl::self() const {
  const auto& identity = home->identity();
  return {.cluster_id = identity.cluster_id,
          .raft_id = identity.raft_id,
          .address = settings.raft_advertise,
          .name = settings.name};
}

void Node::Impl::accept(raft::Hello hello, raft::SecureStream stream) {
  if (hello.purpose == raft::Purpose::kCalls) {
    raft::serve_calls(std::move(stream), std::move(hello.caller), [this](Self caller, std::string request) {
      return answer(std::move(caller), std::move(request));
    });
    return;
  }
  if (!replica) return stream->close();
  const auto fd = raft::start_pump(std::move(stream));
  if (!fd) return log(LogLevel::kWarning, fd.error());
  replica->accepted(hello.caller.raft_id, hello.caller.address, *fd);
}

asio::awaitable<void> Node::Impl::connect(std::uint64_t token, std::uint64_t id, std::string address) {
  int fd = -1;
  // A newcomer has no configuration yet and must answer the leader that brings it.
  const bool is_stranger = !replica->members().empty() && !knows(id);
  if (is_stranger || !link) {
    asio::steady_timer pause(executor, kStrangerPause);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  } else {
    auto dialled = co_await link->dial(std::move(address), raft::Purpose::kRaft, id, kDialTimeout);
    if (dialled) fd = raft::start_pump(std::move(dialled->stream)).value_or(-1);
  }
  replica->connected(token, fd);
}

bool Node::Impl::knows(std::uint64_t id) const {
  const auto members = replica->members();
  return std::any_of(members.begin(), members.end(), [&](const raft::Member& member) { return member.id == id; });
}

membership::Condition Node::Impl::condition(const Self& caller) const {
  auto condition = membership::condition_of(*home, settings);
  if (!replica) return condition;
  condition.knows_asker = knows(caller.raft_id);
  const auto leader = replica->status().leader_id;
  for (const auto& member : replica->members()) {
    if (member.id == leader) condition.leader_address = member.address;
  }
  return condition;
}

asio::awaitable<std::string> Node::Impl::answer(Self caller, std::string bytes) {
  auto request = membership::decode_request(bytes);
  Reply reply{.verdict = Reply::Verdict::kRefused, .reason = "the request cannot be read: another version?"};
  if (request) reply = co_await answer(std::move(caller), std::move(*request));
  co_return membership::encode(reply);
}

asio::awaitable<Reply> Node::Impl::answer(Self caller, Request request) {
  if (std::holds_alternative<membership::Inquire>(request)) {
    Reply reply;
    reply.condition = condition(caller);
    co_return reply;
  }
  if (const auto* promise = std::get_if<membership::AskPromise>(&request)) co_return entrance->answer(*promise);
  if (const auto* commit = std::get_if<membership::AskCommit>(&request)) co_return entrance->answer(*commit);
  if (const auto* enter = std::get_if<membership::AskEnter>(&request)) co_return entrance->answer(*enter);
  if (!steward) co_return Reply{.verdict = Reply::Verdict::kTryLater, .reason = "it is no member of a cluster yet"};
  if (auto* join = std::get_if<membership::AskJoin>(&request)) {
    if (replica->leads()) co_return co_await steward->answer(std::move(*join));
    co_return co_await proposer->ask_leader(std::move(request), Clock::now() + 1s);
  }
  // The rest is for members: one that was taken out no longer has a say.
  if (!knows(caller.raft_id)) {
    co_return Reply{.verdict = Reply::Verdict::kNotLeader, .reason = "you are not a member of this cluster"};
  }
  if (auto* command = std::get_if<membership::ForwardCommand>(&request)) {
    co_return co_await proposer->answer(std::move(*command));
  }
  if (auto* read = std::get_if<membership::ForwardRead>(&request)) co_return co_await proposer->answer(std::move(*read));
  if (auto* remove = std::get_if<membership::AskRemove>(&request)) co_return co_await steward->answer(*remove);
  co_return co_await steward->answer(std::get<membership::AskTransfer>(request));
}

// --- itself -----------------------------------------------------------------------------------------------------

machine::Node Node::Impl::as_node() const {
  return {.raft_id = home->identity().raft_id,
          .name = settings.name,
          .raft_address = settings.raft_advertise,
          .client_urls = settings.client_urls,
          .feature_level = machine::kFeatureLevel,
          .is_witness = settings.is_witness};
}

// Says what clients and operators are to know of this node, whenever the cluster knows something else.
asio::awaitable<void> Node::Impl::introduce_itself() {
  for (;;) {
    const auto id = home->identity().raft_id;
    const auto& nodes = replica->machine().nodes();
    const auto known = nodes.find(id);
    if (replica->status().leader_id != 0 && knows(id) && (known == nodes.end() || known->second != as_node())) {
      machine::Command command{.body = machine::SetNode{as_node()}};
      co_await proposer->propose(std::move(command), Clock::now() + kIntroduceTime);
    }
    co_await leadership.wait_until(Clock::now() + kIntroduceTime);
  }
}

// A copy that stands still answers its clients from the past. Better it ends with the reason; started again it refuses
// until there is room.
asio::awaitable<void> Node::Impl::mind_disk() {
  Complaints complaints(log);
  asio::steady_timer timer(executor);
  for (;;) {
    const auto room = system::free_space(settings.data_dir);
    if (room && *room < kFull) {
      fail(fmt::format("the disk of the consensus directory {} is full ({} KiB left): the log cannot be written any more. Make "
                       "room; {} MiB are needed before it starts again.",
                       settings.data_dir, *room >> 10, membership::kLeastFreeBytes >> 20));
      co_return;
    }
    if (room && *room < membership::kLeastFreeBytes) {
      complaints.say("disk", fmt::format("the disk of the consensus directory {} has little room left: make some, the store "
                                         "ends at less than {} MiB",
                                         settings.data_dir, kFull >> 20));
    }
    timer.expires_after(kDiskLook);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

// A node that was taken out while it was away hears of no leader any more; it asks, and ends when the leader says so.
asio::awaitable<void> Node::Impl::mind_expulsion() {
  auto led_last = Clock::now();
  while (calls) {
    co_await leadership.wait_until(Clock::now() + 1s);
    if (replica->status().leader_id != 0) led_last = Clock::now();
    if (Clock::now() - led_last < kLonely) continue;
    const bool expelled = co_await is_expelled();
    if (!expelled) continue;
    fail(fmt::format("this node (id {:x}) was taken out of the cluster. To let it join again as a new member remove {} and "
                     "start it again.",
                     home->identity().raft_id, settings.data_dir),
         true);
    co_return;
  }
}

asio::awaitable<bool> Node::Impl::is_expelled() {
  std::vector<std::string> addresses = settings.peers;
  for (const auto& member : replica->members()) addresses.push_back(member.address);
  for (const auto& address : addresses) {
    if (address == settings.raft_advertise) continue;
    auto inquiry = membership::encode(Request(membership::Inquire()));
    auto answered = co_await calls->call(address, 0, std::move(inquiry), 1s);
    if (!answered) continue;
    const auto reply = membership::decode_reply(*answered);
    if (!reply || !reply->condition) continue;
    const auto& condition = *reply->condition;
    const bool is_ours = condition.cluster_id == home->identity().cluster_id;
    if (is_ours && condition.leader_address == condition.address && !condition.knows_asker) co_return true;
  }
  co_return false;
}

void Node::Impl::fail(std::string why, bool for_good) {
  if (const auto tell = std::exchange(failed, nullptr)) tell(std::move(why), for_good);
}

// --- the outside ------------------------------------------------------------------------------------------------

Node::Node(asio::any_io_executor executor, MemberSettings settings, Log log, Failed failed)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(settings), std::move(log), std::move(failed))) {}
Node::~Node() = default;

asio::awaitable<Done> Node::start() {
  auto impl = impl_;
  if (auto opened = impl->open(); !opened) co_return opened;
  impl->entrance = std::make_unique<membership::Entrance>(*impl->home, impl->settings,
                                                          replica_settings(impl->settings, *impl->home),
                                                          impl->calls.get(), impl->log);
  auto passed = co_await impl->entrance->pass();
  if (!passed) co_return passed;
  co_return impl->start_raft();
}

asio::awaitable<void> Node::retire() {
  auto impl = impl_;
  if (!impl->replica || !impl->replica->leads() || impl->replica->members().size() < 2) co_return;
  auto pending = std::make_shared<Pending<bool>>(impl->executor);
  impl->replica->transfer(0, [pending](auto moved) { pending->finish(moved.has_value()); });
  co_await pending->wait_until(Clock::now() + kHandOverTime);
}

std::string Node::obstacle() const { return impl_->entrance ? impl_->entrance->obstacle() : ""; }
bool Node::is_member() const { return impl_->steward != nullptr; }

asio::awaitable<tl::expected<machine::Outcome, ProposeFailure>> Node::propose(machine::Command command, Moment deadline) {
  return impl_->proposer->propose(std::move(command), deadline);
}
asio::awaitable<tl::expected<ReadOutcome, ProposeFailure>> Node::read(machine::Transaction transaction, Moment deadline) {
  return impl_->proposer->read(std::move(transaction), deadline);
}

asio::awaitable<Reply> Node::remove_member(std::uint64_t raft_id, Moment deadline) {
  auto impl = impl_;
  for (;;) {
    const membership::AskRemove asked{.raft_id = raft_id};
    const Request request(asked);
    Reply reply;
    if (impl->replica->leads()) reply = co_await impl->steward->answer(asked);
    else reply = co_await impl->proposer->ask_leader(request, deadline);
    if (reply.verdict == Reply::Verdict::kDone || reply.verdict == Reply::Verdict::kRefused) co_return reply;
    // A leader that was lost in the middle may have done it.
    const bool gone = co_await impl->has_gone(raft_id, std::min(deadline, Clock::now() + 1s));
    if (gone) co_return Reply();
    if (Clock::now() + 200ms > deadline) co_return reply;
    co_await impl->leadership.wait_until(Clock::now() + 200ms);
  }
}

// What is known of a member is forgotten by a command after its removal, so the removal is certainly committed.
asio::awaitable<bool> Node::Impl::has_gone(std::uint64_t id, Moment deadline) {
  machine::Transaction nothing;
  const auto read = co_await proposer->read(std::move(nothing), deadline);
  co_return read.has_value() && !knows(id) && !replica->machine().nodes().contains(id);
}

asio::awaitable<Reply> Node::transfer_leadership(std::uint64_t raft_id, Moment deadline) {
  auto impl = impl_;
  const membership::AskTransfer asked{.raft_id = raft_id};
  if (impl->replica->leads()) co_return co_await impl->steward->answer(asked);
  const Request request(asked);
  co_return co_await impl->proposer->ask_leader(request, deadline);
}

asio::awaitable<Reply> Node::invite(std::string address, Moment deadline) {
  auto impl = impl_;
  if (!impl->calls) {
    co_return Reply{.verdict = Reply::Verdict::kRefused,
                    .reason = "this node talks to no others: set embedded.secret or embedded.certfile"};
  }
  const auto members = impl->replica->members();
  if (std::any_of(members.begin(), members.end(), [&](const raft::Member& member) { return member.address == address; })) {
    co_return Reply();
  }
  const membership::AskEnter asked{.through = impl->settings.raft_advertise};
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  auto bytes = membership::encode(Request(asked));
  auto answered = co_await impl->calls->call(address, 0, std::move(bytes), std::max(timeout, 1ms));
  if (!answered) {
    co_return Reply{.verdict = Reply::Verdict::kRefused,
                    .reason = fmt::format("the node at {} was not reached: {}", address, answered.error().what)};
  }
  auto reply = membership::decode_reply(*answered);
  if (!reply) co_return Reply{.verdict = Reply::Verdict::kRefused, .reason = "its answer cannot be read"};
  co_return std::move(*reply);
}

asio::awaitable<std::set<std::uint64_t>> Node::reachable_members(std::chrono::milliseconds patience) {
  auto impl = impl_;
  struct Round {
    std::set<std::uint64_t> answered;
    std::size_t open = 0;
  };
  auto round = std::make_shared<Round>();
  auto over = std::make_shared<Pending<bool>>(impl->executor);
  round->answered.insert(id());
  for (const auto& member : impl->replica->members()) {
    if (member.id == id() || !impl->calls) continue;
    ++round->open;
    asio::co_spawn(impl->executor, impl->is_there(member.id, member.address, patience),
                   [round, over, id = member.id](const std::exception_ptr& failed, bool there) {
                     if (!failed && there) round->answered.insert(id);
                     if (--round->open == 0) over->finish(true);
                   });
  }
  if (round->open > 0) co_await over->wait_until(Clock::now() + patience);
  co_return round->answered;
}

asio::awaitable<bool> Node::Impl::is_there(std::uint64_t id, std::string address, std::chrono::milliseconds patience) {
  auto inquiry = membership::encode(Request(membership::Inquire()));
  const auto answered = co_await calls->call(std::move(address), id, std::move(inquiry), patience);
  co_return answered.has_value();
}

const machine::Machine& Node::machine() const { return impl_->replica->machine(); }

std::optional<std::chrono::milliseconds> Node::lease_remaining(machine::LeaseId id) const {
  const auto left = impl_->replica->leases().remaining(id, raft::Replica::now());
  if (!left) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*left);
}

raft::ReplicaStatus Node::status() const { return impl_->replica->status(); }
raft::Pace Node::pace() const { return impl_->replica->pace(); }
std::vector<membership::Seen> Node::seen() const { return impl_->steward->seen(); }
std::uint64_t Node::id() const { return impl_->home ? impl_->home->identity().raft_id : 0; }
std::uint64_t Node::cluster_id() const { return impl_->home ? impl_->home->identity().cluster_id : 0; }
const MemberSettings& Node::settings() const { return impl_->settings; }
Bell& Node::changes() { return impl_->changes; }
Bell& Node::leadership() { return impl_->leadership; }

std::vector<MemberReport> Node::members() const {
  std::vector<MemberReport> reports;
  const auto leader = status().leader_id;
  const auto& nodes = machine().nodes();
  for (const auto& member : impl_->replica->members()) {
    MemberReport report{.member = member, .is_leader = member.id == leader};
    if (const auto known = nodes.find(member.id); known != nodes.end()) {
      report.name = known->second.name;
      report.client_urls = known->second.client_urls;
      report.is_witness = known->second.is_witness;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace matriarch::consensus
