#include "store/etcd/store.hpp"

#include <fmt/format.h>

#include "model/json_text.hpp"
#include "store/etcd/commit.hpp"
#include "store/layout/legacy.hpp"
#include "store/layout/records.hpp"
#include "store/layout/write.hpp"

namespace matriarch::store::etcd {

namespace asio = boost::asio;
using model::MemberName;
using model::Milliseconds;
using model::Revision;
using model::SessionToken;
using ports::StoreError;
using ports::StoreFailure;
using ports::StoreResult;

Store::Store(asio::any_io_executor executor, ClientSettings settings, std::string prefix, Milliseconds silence_bound, Client::Report report)
    : prefix_(std::move(prefix)),
      client_(std::make_shared<Client>(std::move(executor), std::move(settings), std::move(report))),
      watcher_(std::make_shared<Watcher>(client_, prefix_, silence_bound)) {
  watcher_->start();
}

Store::~Store() { watcher_->stop(); }

asio::awaitable<StoreResult<std::shared_ptr<const model::Cluster>>> Store::read(Milliseconds timeout) {
  return watcher_->read(Clock::now() + timeout);
}

// ---- the records ---------------------------------------------------------------------------------------------------

asio::awaitable<StoreResult<Revision>> Store::create_initialize(std::string text, SessionToken session, Milliseconds timeout) {
  Change change{.name = std::string(layout::kInitialize), .value = text, .session = text.empty() ? session.value : 0, .expected = Revision{}};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::set_initialize(std::string system_id, Milliseconds timeout) {
  Change change{.name = std::string(layout::kInitialize), .value = std::move(system_id)};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::cancel_initialize(Milliseconds timeout) {
  Change change{.name = std::string(layout::kInitialize)};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::write_config(boost::json::object document, std::optional<Revision> expected, Milliseconds timeout) {
  Change change{.name = std::string(layout::kConfig), .value = layout::write_config(document), .expected = expected};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::publish_member(MemberName name, boost::json::object document, SessionToken session, Milliseconds timeout) {
  Change change{.name = layout::member_record(name), .value = layout::write_member(document), .session = session.value};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::delete_member(MemberName name, Milliseconds timeout) {
  Change change{.name = layout::member_record(name)};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::write_status(model::StatusKey status, MemberName leader, Milliseconds timeout) {
  Change change{.name = std::string(layout::kStatus), .value = layout::write_status(status), .led_by = std::move(leader)};
  const auto seen = view();
  if (seen && layout::has_member_before_2_1(*seen)) change.legacy_optime = std::to_string(status.optime.value);
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::write_failsafe(std::map<MemberName, std::string> members, MemberName leader, Milliseconds timeout) {
  Change change{.name = std::string(layout::kFailsafe), .value = layout::write_failsafe(members), .led_by = std::move(leader)};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::write_sync(model::WriteSync write, Milliseconds timeout) {
  Change change{.name = std::string(layout::kSync), .value = layout::write_sync(write.leader, write.voters, write.quorum), .expected = write.expected};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::delete_sync(Revision expected, Milliseconds timeout) {
  Change change{.name = std::string(layout::kSync), .expected = expected};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::write_failover(boost::json::object document, std::optional<Revision> expected, Milliseconds timeout) {
  Change change{.name = std::string(layout::kFailover), .value = layout::write_failover(document), .expected = expected};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<Revision>> Store::write_history(std::vector<model::HistoryLine> lines, Milliseconds timeout) {
  Change change{.name = std::string(layout::kHistory), .value = layout::write_history(lines)};
  return make(std::move(change), timeout);
}

asio::awaitable<StoreResult<void>> Store::delete_cluster(Milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  Request request{.path = "/kv/deleterange", .body = model::write_json(delete_prefix(prefix_)), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), deadline);
  if (!answer) co_return tl::unexpected(store_error(answer.error()));
  const auto read_again = co_await watcher_->read(deadline);
  if (!read_again) co_return tl::unexpected(StoreError{read_again.error().failure, "the cluster is deleted, but could not be read again: " + read_again.error().what});
  co_return StoreResult<void>{};
}

// ---- one change ----------------------------------------------------------------------------------------------------

asio::awaitable<StoreResult<Revision>> Store::make(Change change, Milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  Transaction transaction = transaction_of(change);
  auto committed = co_await commit(client_, std::move(transaction), deadline);
  if (!committed) co_return tl::unexpected(committed.error());
  if (committed->succeeded()) co_return took_effect(change, committed->revision());
  co_return did_not(change, committed->answer, committed->was_repeated);
}

Transaction Store::transaction_of(const Change& change) const {
  const std::string name = key(change.name);
  Transaction transaction;
  if (change.expected) transaction.compare.emplace_back(change.expected->absent() ? is_absent(name) : has_mod_revision(name, change.expected->value));
  if (change.led_by) transaction.compare.emplace_back(has_value(key(layout::kLeader), change.led_by->text));
  transaction.success.emplace_back(change.value ? op_put(put(name, *change.value, change.session)) : op_delete(delete_key(name)));
  if (change.legacy_optime) transaction.success.emplace_back(op_put(put(key(layout::kLegacyOptime), *change.legacy_optime)));
  if (!transaction.compare.empty()) transaction.failure.emplace_back(op_range(range(name)));
  if (change.led_by) transaction.failure.emplace_back(op_range(range(key(layout::kLeader))));
  return transaction;
}

Revision Store::took_effect(const Change& change, std::int64_t revision) {
  if (change.value) {
    watcher_->saw({.key = key(change.name), .value = *change.value, .mod_revision = revision, .lease = change.session});
  } else {
    watcher_->saw_absent(key(change.name), revision);
  }
  return Revision{revision};
}

// A condition did not hold. When an earlier answer was lost, the reason may be that the change was made then.
StoreResult<Revision> Store::did_not(const Change& change, const boost::json::object& answer, bool may_be_ours) {
  const std::int64_t revision = header_of(answer).revision;
  const auto found = key_values_of(response_in(answer, 0, "response_range"));
  const KeyValue* present = found.empty() ? nullptr : &found.front();
  if (present) {
    watcher_->saw(*present);
  } else {
    watcher_->saw_absent(key(change.name), revision);
  }
  const bool is_as_wanted = change.value ? present && present->value == *change.value && present->lease == change.session : !present;
  if (may_be_ours && is_as_wanted) return Revision{present ? present->mod_revision : revision};

  std::string what = fmt::format("/{} is at version {}", change.name, present ? present->mod_revision : 0);
  if (change.expected) what += fmt::format(", expected {}", change.expected->value);
  if (change.led_by) {
    const auto leader = key_values_of(response_in(answer, 1, "response_range"));
    what = fmt::format("{} does not lead, but {}", *change.led_by, leader.empty() ? "nobody" : leader.front().value);
  }
  return tl::unexpected(StoreError{StoreFailure::kConflict, std::move(what)});
}

}  // namespace matriarch::store::etcd
