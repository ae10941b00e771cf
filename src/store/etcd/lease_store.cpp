#include "store/etcd/lease_store.hpp"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

#include "model/json_text.hpp"
#include "net/base64.hpp"
#include "store/etcd/commit.hpp"
#include "store/layout/records.hpp"

namespace matriarch::store::etcd {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using model::MemberName;
using model::Milliseconds;
using model::Revision;
using model::SessionToken;
using ports::SessionGrant;
using ports::StoreError;
using ports::StoreFailure;
using ports::StoreResult;

// While renewing, anything but a definite "not yours" leaves the lease as it is: a permission that was revoked or a token that
// ran out says nothing about who leads.
StoreError while_renewing(const Failure& failure) {
  if (failure.is_missing_lease()) return {StoreFailure::kLost, failure.what};
  return {StoreFailure::kUnreachable, failure.what};
}

// etcd counts in whole seconds; our own store also says milliseconds.
Milliseconds ttl_in(const json::object& answer) {
  const std::int64_t exact = number_in(answer, "TTL_ms");
  return exact > 0 ? Milliseconds(exact) : std::chrono::seconds(number_in(answer, "TTL"));
}

bool contains_key(const json::array& keys, const std::string& key) {
  return std::any_of(keys.begin(), keys.end(), [&](const json::value& encoded) {
    return encoded.is_string() && net::base64_decode(encoded.get_string()) == key;
  });
}

std::optional<KeyValue> first_of(const json::object& range_answer) {
  auto found = key_values_of(range_answer);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

}  // namespace

LeaseStore::LeaseStore(asio::any_io_executor executor, ClientSettings settings, std::string prefix, Client::Report report)
    : leader_(prefix + std::string(layout::kLeader)),
      sync_(prefix + std::string(layout::kSync)),
      failover_(prefix + std::string(layout::kFailover)),
      client_(std::make_shared<Client>(std::move(executor), std::move(settings), std::move(report))) {}

LeaseStore::~LeaseStore() { client_->close(); }

// ---- session -------------------------------------------------------------------------------------------------------

// A grant whose answer was lost leaves a lease that nobody uses, which runs out by itself.
asio::awaitable<StoreResult<SessionGrant>> LeaseStore::open_session(Milliseconds ttl, Milliseconds timeout) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(ttl);
  const json::object body{{"TTL", seconds.count()}, {"TTL_ms", ttl.count()}};
  Request request{.path = "/lease/grant", .body = model::write_json(body), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), Clock::now() + timeout);
  if (!answer) {
    auto error = store_error(answer.error());
    if (error.failure == StoreFailure::kUnknown) error.failure = StoreFailure::kUnreachable;
    co_return tl::unexpected(error);
  }
  const SessionGrant grant{.session = {number_in(*answer, "ID")}, .ttl_granted = ttl_in(*answer)};
  if (!grant.session.valid() || grant.ttl_granted <= Milliseconds(0)) {
    co_return tl::unexpected(StoreError{StoreFailure::kRejected, "the store granted a lease without id or ttl: " + model::write_json(*answer)});
  }
  co_return grant;
}

asio::awaitable<StoreResult<LeaseStore::Kept>> LeaseStore::keep_alive(SessionToken session, Deadline deadline) {
  Request request{.path = "/lease/keepalive", .body = fmt::format(R"({{"ID":"{}"}})", session.value), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), deadline);
  if (!answer) co_return tl::unexpected(while_renewing(answer.error()));
  const json::object& result = object_in(*answer, "result");
  const Milliseconds ttl = ttl_in(result);
  if (ttl > Milliseconds(0) && number_in(result, "ID") == session.value) {
    keys_are_told_ = result.contains("keys");
    co_return Kept{.grant = {.session = session, .ttl_granted = ttl}, .has_leader = contains_key(array_in(result, "keys"), leader_)};
  }
  if (number_in(result, "ID") == session.value) co_return tl::unexpected(StoreError{StoreFailure::kLost, "the session has run out"});
  // An error inside of a stream's answer, which comes with status 200.
  const auto failure = failure_of(200, model::write_json(*answer));
  co_return tl::unexpected(while_renewing(failure));
}

asio::awaitable<StoreResult<SessionGrant>> LeaseStore::renew(SessionToken session, MemberName me, bool holding, Milliseconds timeout) {
  using namespace asio::experimental::awaitable_operators;
  const Deadline deadline = Clock::now() + timeout;
  if (!holding || keys_are_told_) {
    const auto kept = co_await keep_alive(session, deadline);
    if (!kept) co_return tl::unexpected(kept.error());
    if (!holding || kept->has_leader) co_return kept->grant;
    auto confirmed = co_await confirm_leader(session, std::move(me), deadline);
    if (!confirmed) co_return tl::unexpected(confirmed.error());
    co_return kept->grant;
  }
  // Side by side: the session alone does not say whose the leader key is.
  auto keeping = keep_alive(session, deadline);
  auto confirming = confirm_leader(session, me, deadline);
  auto [kept, confirmed] = co_await (std::move(keeping) && std::move(confirming));
  // A definite "no" outweighs an answer that did not come.
  if (!kept && kept.error().failure == StoreFailure::kLost) co_return tl::unexpected(kept.error());
  if (!confirmed) co_return tl::unexpected(confirmed.error());
  if (!kept) co_return tl::unexpected(kept.error());
  co_return kept->grant;
}

asio::awaitable<StoreResult<void>> LeaseStore::confirm_leader(SessionToken session, MemberName me, Deadline deadline) {
  Request request{.path = "/kv/range", .body = model::write_json(range(leader_)), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), deadline);
  if (!answer) co_return tl::unexpected(while_renewing(answer.error()));
  const auto leader = first_of(*answer);
  if (!leader) co_return tl::unexpected(StoreError{StoreFailure::kLost, "the leader key is gone"});
  if (leader->value != me.text) co_return tl::unexpected(StoreError{StoreFailure::kLost, "the leader key belongs to " + leader->value});
  if (leader->lease != session.value) co_return co_await rebind(session, me, leader->mod_revision, deadline);
  co_return StoreResult<void>{};
}

// Our name under another session: one of ours, from before a restart or a change of ttl.
asio::awaitable<StoreResult<void>> LeaseStore::rebind(SessionToken session, MemberName me, std::int64_t seen, Deadline deadline) {
  auto bound = co_await bind_own(session, std::move(me), seen, deadline);
  if (bound) co_return StoreResult<void>{};
  StoreError error = bound.error();
  const bool is_lost = error.failure == StoreFailure::kLost || error.failure == StoreFailure::kConflict;
  error.failure = is_lost ? StoreFailure::kLost : StoreFailure::kUnreachable;
  co_return tl::unexpected(error);
}

asio::awaitable<StoreResult<void>> LeaseStore::close_session(SessionToken session, Milliseconds timeout) {
  Request request{.path = "/lease/revoke", .body = fmt::format(R"({{"ID":"{}"}})", session.value), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), Clock::now() + timeout);
  if (answer || answer.error().is_missing_lease()) co_return StoreResult<void>{};
  co_return tl::unexpected(store_error(answer.error()));
}

// ---- the leader key ------------------------------------------------------------------------------------------------

// If nobody leads and nothing moved: ours. Else, if the key carries our name under another session: bound to this one.
// Repeating it changes nothing any more, so a lost answer is resolved by sending it again.
asio::awaitable<StoreResult<Revision>> LeaseStore::acquire(SessionToken session, MemberName me, model::AcquireLease guards, Milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  if (guards.only_if_ours) co_return co_await take_over_own(session, std::move(me), deadline);
  Transaction transaction;
  transaction.compare.emplace_back(is_absent(leader_));
  if (guards.sync_revision) transaction.compare.emplace_back(has_mod_revision(sync_, guards.sync_revision->value));
  if (guards.failover_revision) transaction.compare.emplace_back(has_mod_revision(failover_, guards.failover_revision->value));
  transaction.success.emplace_back(op_put(put(leader_, me.text, session.value)));
  transaction.failure.emplace_back(op_range(range(leader_)));

  auto committed = co_await commit(client_, std::move(transaction), deadline);
  if (!committed) co_return tl::unexpected(committed.error());
  if (committed->succeeded()) co_return Revision{committed->revision()};
  const auto leader = first_of(response_in(committed->answer, 0, "response_range"));
  if (leader && leader->value == me.text) {
    if (leader->lease == session.value) co_return Revision{leader->mod_revision};
    co_return co_await bind_own(session, std::move(me), leader->mod_revision, deadline);
  }
  const std::string why = leader ? "the leader key belongs to " + leader->value : "/sync or /failover changed meanwhile";
  co_return tl::unexpected(StoreError{StoreFailure::kConflict, why});
}

asio::awaitable<StoreResult<std::optional<KeyValue>>> LeaseStore::read_leader(Deadline deadline) {
  Request request{.path = "/kv/range", .body = model::write_json(range(leader_)), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), deadline);
  if (answer) co_return first_of(*answer);
  StoreError error = store_error(answer.error());
  if (error.failure == StoreFailure::kUnknown) error.failure = StoreFailure::kUnreachable;  // a read changed nothing
  co_return tl::unexpected(error);
}

asio::awaitable<StoreResult<Revision>> LeaseStore::take_over_own(SessionToken session, MemberName me, Deadline deadline) {
  const auto read = co_await read_leader(deadline);
  if (!read) co_return tl::unexpected(read.error());
  const auto& leader = *read;
  if (!leader) co_return tl::unexpected(StoreError{StoreFailure::kConflict, "the leader key is gone"});
  if (leader->value != me.text) co_return tl::unexpected(StoreError{StoreFailure::kConflict, "the leader key belongs to " + leader->value});
  co_return co_await bind_own(session, std::move(me), leader->mod_revision, deadline);
}

// Only the version that was seen: a request that was given up and arrives late cannot undo what came after it.
asio::awaitable<StoreResult<Revision>> LeaseStore::bind_own(SessionToken session, MemberName me, std::int64_t seen, Deadline deadline) {
  Transaction transaction;
  transaction.compare.emplace_back(has_value(leader_, me.text));
  transaction.compare.emplace_back(has_mod_revision(leader_, seen));
  transaction.success.emplace_back(op_put(put(leader_, me.text, session.value)));
  transaction.failure.emplace_back(op_range(range(leader_)));
  auto committed = co_await commit(client_, std::move(transaction), deadline);
  if (!committed) co_return tl::unexpected(committed.error());
  if (committed->succeeded()) co_return Revision{committed->revision()};
  const auto leader = first_of(response_in(committed->answer, 0, "response_range"));
  if (leader && leader->value == me.text && leader->lease == session.value) co_return Revision{leader->mod_revision};
  const bool is_ours = leader && leader->value == me.text;
  co_return tl::unexpected(StoreError{StoreFailure::kConflict, is_ours ? "the leader key was written meanwhile"
                                                                       : "the leader key belongs to " + (leader ? leader->value : std::string("nobody"))});
}

// Of the version that was seen alone: a release that was given up and arrives late is none of a lease taken since then.
asio::awaitable<StoreResult<void>> LeaseStore::release(MemberName me, Milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  const auto leader = co_await read_leader(deadline);
  if (!leader) co_return tl::unexpected(leader.error());
  if (!*leader || (*leader)->value != me.text) co_return StoreResult<void>{};
  Transaction transaction;
  transaction.compare.emplace_back(has_value(leader_, me.text));
  transaction.compare.emplace_back(has_mod_revision(leader_, (*leader)->mod_revision));
  transaction.success.emplace_back(op_delete(delete_key(leader_)));
  auto committed = co_await commit(client_, std::move(transaction), deadline);
  if (!committed) co_return tl::unexpected(committed.error());
  co_return StoreResult<void>{};  // when the comparison failed the key is gone, or another's
}

}  // namespace matriarch::store::etcd
