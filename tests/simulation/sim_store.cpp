#include "simulation/sim_store.hpp"

#include <algorithm>

#include "store/layout/read.hpp"
#include "store/layout/write.hpp"

namespace matriarch::simulation {

namespace asio = boost::asio;
namespace machine = consensus::machine;
namespace layout = store::layout;
using machine::Compare;
using ports::StoreError;
using ports::StoreFailure;
using ports::StoreResult;

namespace {

machine::Operation put(std::string_view key, std::string value, std::int64_t lease = 0) {
  return {.what = machine::PutRequest{.key = std::string(key), .value = std::move(value), .lease = lease}};
}
machine::Operation erase(std::string_view key) { return {.what = machine::DeleteRequest{.keys = {.key = std::string(key)}}}; }
Compare absent(std::string_view key) { return {.target = Compare::Target::kCreate, .keys = {.key = std::string(key)}, .number = 0}; }
Compare at_revision(std::string_view key, model::Revision revision) {
  return {.target = Compare::Target::kMod, .keys = {.key = std::string(key)}, .number = revision.value};
}
Compare has_value(std::string_view key, std::string value) {
  return {.target = Compare::Target::kValue, .keys = {.key = std::string(key)}, .value = std::move(value)};
}
tl::unexpected<StoreError> error(StoreFailure failure, std::string what) { return tl::unexpected(StoreError{failure, std::move(what)}); }

}  // namespace

asio::awaitable<StoreResult<machine::Applied>> StoreConnection::propose(machine::Body body, Milliseconds timeout) {
  const bool reached = raft_.is_up(node_);
  std::function<void(std::function<void(machine::Applied)>)> serve = [&raft = raft_, node = node_, body](std::function<void(machine::Applied)> answer) {
    raft.propose(node, machine::Command{.body = body}, std::move(answer));
  };
  if (!reached) co_return error(StoreFailure::kUnreachable, "connection refused");
  auto applied = co_await call<machine::Applied>(network_, clock_, node_, node_, timeout, std::move(serve));
  if (applied) co_return *applied;
  co_return error(StoreFailure::kUnknown, "no answer");
}

asio::awaitable<StoreResult<StoreState>> StoreConnection::read(Milliseconds timeout) {
  std::function<void(std::function<void(StoreState)>)> serve = [&raft = raft_, node = node_](std::function<void(StoreState)> answer) {
    raft.read(node, [answer, &raft] {
      StoreState state{.cluster = raft.cluster()};
      if (const auto leader = raft.machine().find(layout::kLeader)) state.leader = *leader;
      answer(std::move(state));
    });
  };
  auto state = co_await call<StoreState>(network_, clock_, node_, node_, timeout, std::move(serve));
  if (!state) co_return error(StoreFailure::kUnreachable, "no answer");
  co_return std::move(*state);
}

// ---- the cluster's records -----------------------------------------------------------------------------------------

SimStore::SimStore(StoreConnection connection, bool) : connection_(connection) {}

bool SimStore::connected() const { return connection_.bugs().stale_reads ? view_ != nullptr : const_cast<StoreConnection&>(connection_).raft().is_in_touch(connection_.node()); }

void SimStore::committed() {
  if (sending_) {
    changed_since_ = true;
    return;
  }
  send_view();
}

// A watch: the state as it was when the event left, after the time it takes to arrive; later events wait their turn.
void SimStore::send_view() {
  auto& raft = connection_.raft();
  World& world = connection_.clock().world();
  changed_since_ = false;
  if (!raft.is_in_touch(connection_.node())) {
    // Comes with the next change, or when touch is regained.
    sending_ = true;
    world.at(world.now() + Milliseconds(20), connection_.clock().owner(), [this] {
      sending_ = false;
      send_view();
    });
    return;
  }
  sending_ = true;
  auto cluster = raft.cluster();
  const auto delay = connection_.network().delay(*raft.leader(), connection_.node());
  world.at(world.now() + delay, connection_.clock().owner(), [this, cluster = std::move(cluster)] {
    sending_ = false;
    deliver(cluster);
    if (changed_since_) send_view();
  });
}

void SimStore::deliver(std::shared_ptr<const model::Cluster> cluster) {
  if (view_ && view_->revision >= cluster->revision) return;
  view_ = std::move(cluster);
  if (changed_) asio::post(connection_.clock().executor(), [this] { changed_(); });
}

asio::awaitable<StoreResult<std::shared_ptr<const model::Cluster>>> SimStore::read(Milliseconds timeout) {
  if (connection_.bugs().stale_reads && view_) co_return view_;
  const Instant began = connection_.clock().world().now();
  auto state = co_await connection_.read(timeout);
  if (!state) co_return tl::unexpected(state.error());
  last_read_began_ = began;
  deliver(state->cluster);
  co_return view_;
}

asio::awaitable<StoreResult<model::Revision>> SimStore::write(machine::Transaction transaction, Milliseconds timeout) {
  machine::Body body = std::move(transaction);
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) {
    if (connection_.bugs().unknown_is_success && applied.error().failure == StoreFailure::kUnknown) co_return model::Revision{0};
    co_return tl::unexpected(applied.error());
  }
  if (!applied->outcome.answer) co_return error(StoreFailure::kRejected, machine::to_string(applied->outcome.answer.error()));
  const auto* done = std::get_if<machine::TransactionOutcome>(&*applied->outcome.answer);
  if (done && !done->succeeded) co_return error(StoreFailure::kConflict, "the condition does not hold");
  // The writer sees its own write at once.
  deliver(connection_.raft().cluster());
  co_return model::Revision{applied->outcome.revision};
}

asio::awaitable<StoreResult<model::Revision>> SimStore::create_initialize(std::string text, model::SessionToken session, Milliseconds timeout) {
  const std::int64_t lease = text.empty() ? session.value : 0;
  machine::Transaction transaction{.compare = {absent(layout::kInitialize)}, .success = {put(layout::kInitialize, text, lease)}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::set_initialize(std::string system_id, Milliseconds timeout) {
  machine::Transaction transaction{.success = {put(layout::kInitialize, system_id)}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::cancel_initialize(Milliseconds timeout) {
  machine::Transaction transaction{.success = {erase(layout::kInitialize)}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::write_config(boost::json::object document, std::optional<model::Revision> expected, Milliseconds timeout) {
  machine::Transaction transaction{.success = {put(layout::kConfig, layout::write_config(document))}};
  if (expected) transaction.compare = {at_revision(layout::kConfig, *expected)};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::publish_member(model::MemberName name, boost::json::object document, model::SessionToken session, Milliseconds timeout) {
  machine::Transaction transaction{.success = {put(layout::member_record(name), layout::write_member(document), session.value)}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::delete_member(model::MemberName name, Milliseconds timeout) {
  machine::Transaction transaction{.success = {erase(layout::member_record(name))}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::write_status(model::StatusKey status, model::MemberName leader, Milliseconds timeout) {
  machine::Transaction transaction{.compare = {has_value(layout::kLeader, leader.text)}, .success = {put(layout::kStatus, layout::write_status(status))}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::write_failsafe(std::map<model::MemberName, std::string> members, model::MemberName leader, Milliseconds timeout) {
  machine::Transaction transaction{.compare = {has_value(layout::kLeader, leader.text)}, .success = {put(layout::kFailsafe, layout::write_failsafe(members))}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::write_sync(model::WriteSync what, Milliseconds timeout) {
  machine::Transaction transaction{.compare = {what.expected.absent() ? absent(layout::kSync) : at_revision(layout::kSync, what.expected)},
                                   .success = {put(layout::kSync, layout::write_sync(what.leader, what.voters, what.quorum))}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::delete_sync(model::Revision expected, Milliseconds timeout) {
  machine::Transaction transaction{.compare = {at_revision(layout::kSync, expected)}, .success = {erase(layout::kSync)}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::write_failover(boost::json::object document, std::optional<model::Revision> expected, Milliseconds timeout) {
  machine::Transaction transaction{.success = {put(layout::kFailover, layout::write_failover(document))}};
  if (expected) transaction.compare = {at_revision(layout::kFailover, *expected)};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<model::Revision>> SimStore::write_history(std::vector<model::HistoryLine> lines, Milliseconds timeout) {
  machine::Transaction transaction{.success = {put(layout::kHistory, layout::write_history(lines))}};
  co_return co_await write(std::move(transaction), timeout);
}
asio::awaitable<StoreResult<void>> SimStore::delete_cluster(Milliseconds timeout) {
  machine::Transaction transaction{.success = {{.what = machine::DeleteRequest{.keys = {.key = std::string(1, '\0'), .end = std::string(1, '\0')}}}}};
  auto written = co_await write(std::move(transaction), timeout);
  if (!written) co_return tl::unexpected(written.error());
  co_return StoreResult<void>{};
}

// ---- the lease -----------------------------------------------------------------------------------------------------

asio::awaitable<StoreResult<ports::SessionGrant>> SimLeaseStore::open_session(Milliseconds ttl, Milliseconds timeout) {
  const auto id = static_cast<std::int64_t>(connection_.clock().world().random().between(1, 1ull << 62));
  machine::Body body = machine::GrantLease{.id = id, .ttl_ms = ttl.count()};
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) co_return tl::unexpected(applied.error());
  if (!applied->outcome.answer) co_return error(StoreFailure::kRejected, machine::to_string(applied->outcome.answer.error()));
  co_return ports::SessionGrant{.session = {id}, .ttl_granted = ttl};
}

asio::awaitable<StoreResult<ports::SessionGrant>> SimLeaseStore::renew(model::SessionToken session, model::MemberName me, bool holding, Milliseconds timeout) {
  const Instant sent = connection_.clock().now();
  machine::Body body = machine::KeepAlive{.id = session.value};
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) co_return tl::unexpected(applied.error());
  if (!applied->outcome.answer) co_return error(StoreFailure::kLost, "the session is gone");
  const auto* kept = std::get_if<machine::KeptAlive>(&*applied->outcome.answer);
  const auto* lease = kept ? &kept->lease : std::get_if<machine::LeaseOutcome>(&*applied->outcome.answer);
  const bool has_leader = kept && std::find(kept->keys.begin(), kept->keys.end(), layout::kLeader) != kept->keys.end();
  if (holding && !has_leader) {
    auto state = co_await connection_.read(timeout);
    if (!state) co_return tl::unexpected(state.error());
    if (!state->leader || state->leader->value != me.text || state->leader->lease != session.value) {
      co_return error(StoreFailure::kLost, "the leader key is not ours");
    }
  }
  ports::SessionGrant grant{.session = session, .ttl_granted = Milliseconds(lease ? lease->ttl_ms : 0)};
  if (connection_.bugs().lease_from_reply) grant.ttl_granted += std::chrono::duration_cast<Milliseconds>(connection_.clock().now() - sent);
  co_return grant;
}

asio::awaitable<StoreResult<model::Revision>> SimLeaseStore::acquire(model::SessionToken session, model::MemberName me, model::AcquireLease guards, Milliseconds timeout) {
  if (guards.only_if_ours) co_return co_await take_over_own(session, std::move(me), timeout);
  machine::Transaction transaction{.compare = {absent(layout::kLeader)}, .success = {put(layout::kLeader, me.text, session.value)}};
  if (guards.sync_revision) transaction.compare.push_back(at_revision(layout::kSync, *guards.sync_revision));
  if (guards.failover_revision) transaction.compare.push_back(at_revision(layout::kFailover, *guards.failover_revision));
  machine::Body body = std::move(transaction);
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) {
    if (applied.error().failure != StoreFailure::kUnknown) co_return tl::unexpected(applied.error());
    if (connection_.bugs().unknown_is_success) co_return model::Revision{connection_.raft().machine().revision()};
    // The answer was lost: the store is asked whose key it is.
    auto state = co_await connection_.read(timeout);
    if (!state) co_return tl::unexpected(applied.error());
    if (state->leader && state->leader->value == me.text && state->leader->lease == session.value) {
      co_return model::Revision{state->leader->mod_revision};
    }
    co_return error(StoreFailure::kUnknown, "no answer, and the key is not there");
  }
  if (!applied->outcome.answer) co_return error(StoreFailure::kLost, machine::to_string(applied->outcome.answer.error()));
  const auto* done = std::get_if<machine::TransactionOutcome>(&*applied->outcome.answer);
  if (done && done->succeeded) co_return model::Revision{applied->outcome.revision};
  // Perhaps our own, of another session.
  co_return co_await take_over_own(session, std::move(me), timeout);
}

asio::awaitable<StoreResult<model::Revision>> SimLeaseStore::take_over_own(model::SessionToken session, model::MemberName me, Milliseconds timeout) {
  auto state = co_await connection_.read(timeout);
  if (!state) co_return tl::unexpected(state.error());
  if (!state->leader || state->leader->value != me.text) co_return error(StoreFailure::kConflict, "the leader key is not ours, or a guard moved");
  if (state->leader->lease == session.value) co_return model::Revision{state->leader->mod_revision};
  machine::Transaction transaction{.compare = {has_value(layout::kLeader, me.text), at_revision(layout::kLeader, {state->leader->mod_revision})},
                                   .success = {put(layout::kLeader, me.text, session.value)}};
  machine::Body body = std::move(transaction);
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) co_return tl::unexpected(applied.error());
  if (!applied->outcome.answer) co_return error(StoreFailure::kLost, machine::to_string(applied->outcome.answer.error()));
  const auto* done = std::get_if<machine::TransactionOutcome>(&*applied->outcome.answer);
  if (!done || !done->succeeded) co_return error(StoreFailure::kConflict, "the leader key is not ours");
  co_return model::Revision{applied->outcome.revision};
}

asio::awaitable<StoreResult<void>> SimLeaseStore::release(model::MemberName me, Milliseconds timeout) {
  auto state = co_await connection_.read(timeout);
  if (!state) co_return tl::unexpected(state.error());
  if (!state->leader || state->leader->value != me.text) co_return StoreResult<void>{};
  machine::Transaction transaction{.compare = {has_value(layout::kLeader, me.text), at_revision(layout::kLeader, {state->leader->mod_revision})},
                                   .success = {erase(layout::kLeader)}};
  machine::Body body = std::move(transaction);
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) co_return tl::unexpected(applied.error());
  co_return StoreResult<void>{};
}

asio::awaitable<StoreResult<void>> SimLeaseStore::close_session(model::SessionToken session, Milliseconds timeout) {
  machine::Body body = machine::RevokeLease{.id = session.value};
  auto applied = co_await connection_.propose(std::move(body), timeout);
  if (!applied) co_return tl::unexpected(applied.error());
  co_return StoreResult<void>{};
}

}  // namespace matriarch::simulation
