// ports::LeaseStore over etcd v3's HTTP/JSON API, with connections of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "ports/store.hpp"
#include "store/etcd/client.hpp"

namespace matriarch::store::etcd {

class LeaseStore final : public ports::LeaseStore {
 public:
  LeaseStore(boost::asio::any_io_executor executor, ClientSettings settings, std::string prefix, Client::Report report = nullptr);
  ~LeaseStore() override;
  LeaseStore(const LeaseStore&) = delete;
  LeaseStore& operator=(const LeaseStore&) = delete;

  // Requests sent so far, for metrics. Any thread.
  std::uint64_t requests() const { return client_->requests(); }
  void set_credentials(const std::string& username, const std::string& password) { client_->set_credentials(username, password); }

  boost::asio::awaitable<ports::StoreResult<ports::SessionGrant>> open_session(model::Milliseconds ttl, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<ports::SessionGrant>> renew(model::SessionToken session, model::MemberName me, bool holding, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<model::Revision>> acquire(model::SessionToken session, model::MemberName me, model::AcquireLease guards, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<void>> release(model::MemberName me, model::Milliseconds timeout) override;
  boost::asio::awaitable<ports::StoreResult<void>> close_session(model::SessionToken session, model::Milliseconds timeout) override;

 private:
  struct Kept {
    ports::SessionGrant grant;
    bool has_leader;  // the store says that the leader key is bound to the session; else it must be asked
  };
  boost::asio::awaitable<ports::StoreResult<Kept>> keep_alive(model::SessionToken session, Deadline deadline);
  boost::asio::awaitable<ports::StoreResult<void>> confirm_leader(model::SessionToken session, model::MemberName me, Deadline deadline);
  boost::asio::awaitable<ports::StoreResult<std::optional<KeyValue>>> read_leader(Deadline deadline);
  boost::asio::awaitable<ports::StoreResult<model::Revision>> take_over_own(model::SessionToken session, model::MemberName me, Deadline deadline);
  boost::asio::awaitable<ports::StoreResult<model::Revision>> bind_own(model::SessionToken session, model::MemberName me, std::int64_t seen, Deadline deadline);
  boost::asio::awaitable<ports::StoreResult<void>> rebind(model::SessionToken session, model::MemberName me, std::int64_t seen, Deadline deadline);

  std::string leader_, sync_, failover_;  // keys
  // Our own store answers a keep-alive with the keys of the session; etcd does not, and is asked for the leader key beside it.
  bool keys_are_told_ = false;
  std::shared_ptr<Client> client_;
};

}  // namespace matriarch::store::etcd
