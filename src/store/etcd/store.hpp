// ports::Store over etcd v3's HTTP/JSON API: Debian's etcd and the embedded store alike.
//
// Every write is one transaction that also reads what it depends on when a condition fails, so that a conflict leaves
// the view fresh, and a lost answer is resolved by sending the same transaction again.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "ports/store.hpp"
#include "store/etcd/client.hpp"
#include "store/etcd/watcher.hpp"

namespace matriarch::store::etcd {

class Store final : public ports::Store {
 public:
  // `prefix` is model::Settings::key_prefix(). The view begins to fill as soon as the executor runs. connected() turns
  // false at most `silence_bound` after the last sign of life (the ttl is a good one).
  Store(boost::asio::any_io_executor executor, ClientSettings settings, std::string prefix, model::Milliseconds silence_bound,
        Client::Report report = nullptr);
  ~Store() override;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void set_silence_bound(model::Milliseconds bound) { watcher_->set_silence_bound(bound); }
  // Requests sent so far, for metrics. Any thread.
  std::uint64_t requests() const { return client_->requests(); }
  void set_credentials(const std::string& username, const std::string& password) { client_->set_credentials(username, password); }

  std::shared_ptr<const model::Cluster> view() const override { return watcher_->snapshot(); }
  bool connected() const override { return watcher_->connected(); }
  void on_change(std::function<void()> callback) override { watcher_->on_change(std::move(callback)); }

  boost::asio::awaitable<ports::StoreResult<std::shared_ptr<const model::Cluster>>> read(model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> create_initialize(std::string text, model::SessionToken session, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> set_initialize(std::string system_id, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> cancel_initialize(model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_config(boost::json::object document, std::optional<model::Revision> expected, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> publish_member(model::MemberName name, boost::json::object document, model::SessionToken session, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> delete_member(model::MemberName name, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_status(model::StatusKey status, model::MemberName leader, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_failsafe(std::map<model::MemberName, std::string> members, model::MemberName leader, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_sync(model::WriteSync write, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> delete_sync(model::Revision expected, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_failover(boost::json::object document, std::optional<model::Revision> expected, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> write_history(std::vector<model::HistoryLine> lines, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<void>> delete_cluster(model::Milliseconds timeout) override;

 private:
  // One record to be set (value) or removed (no value).
  struct Change {
    std::string name;
    std::optional<std::string> value = {};
    std::int64_t session = 0;
    std::optional<model::Revision> expected = {};     // the record's version; absent = it must not exist
    std::optional<model::MemberName> led_by = {};     // the leader key must carry this name
    std::optional<std::string> legacy_optime = {};    // set along with it
  };
  boost::asio::awaitable<ports::StoreResult<model::Revision>> make(Change change, model::Milliseconds timeout);
  Transaction transaction_of(const Change& change) const;
  model::Revision took_effect(const Change& change, std::int64_t revision);
  ports::StoreResult<model::Revision> did_not(const Change& change, const boost::json::object& answer, bool may_be_ours);
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

  std::string prefix_;
  std::shared_ptr<Client> client_;
  std::shared_ptr<Watcher> watcher_;
};

}  // namespace matriarch::store::etcd
