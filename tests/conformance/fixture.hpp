// What every test of the suite starts from: a running store, a prefix of its own, and coroutines run to their end.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <optional>
#include <string>

#include "conformance/servers.hpp"
#include "store/etcd/lease_store.hpp"
#include "store/etcd/store.hpp"
#include "unit/net/a_loop.hpp"

namespace matriarch::conformance {

using namespace std::chrono_literals;
using model::AcquireLease;
using model::MemberName;
using model::Milliseconds;
using model::Revision;
using model::SessionToken;
using ports::StoreFailure;

inline const MemberName kMe("pg1"), kOther("pg2");

// One server for all tests that do not break it.
Cluster& the_server();

class Conformance : public testing::Test {
 protected:
  static constexpr Milliseconds kBudget{3'000};
  static constexpr Milliseconds kSilence{4'000};

  Conformance();

  // To the end of the coroutine, on this thread.
  template <typename T>
  T wait(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr failure;
    boost::asio::co_spawn(loop_.context(), std::move(work), [&](std::exception_ptr thrown, T value) {
      failure = thrown;
      result = std::move(value);
    });
    loop_.run_until([&] { return result.has_value(); });
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
  // Runs the loop until it holds; fails the test after 20 seconds.
  void wait_until(const std::function<bool()>& holds) { loop_.run_until(holds); }

  static net::Endpoint at(std::uint16_t port) { return net::TcpEndpoint{.host = "127.0.0.1", .port = port}; }
  // Of exactly these servers, without discovery of others.
  static store::etcd::ClientSettings settings(std::vector<std::uint16_t> ports);
  std::unique_ptr<store::etcd::Store> a_store(std::vector<std::uint16_t> ports, Milliseconds silence = kSilence);
  std::unique_ptr<store::etcd::LeaseStore> a_lease_store(std::vector<std::uint16_t> ports);
  std::unique_ptr<store::etcd::Store> a_store() { return a_store({the_server().port(0)}); }
  std::unique_ptr<store::etcd::LeaseStore> a_lease_store() { return a_lease_store({the_server().port(0)}); }

  SessionToken a_session(store::etcd::LeaseStore& leases, Milliseconds ttl = 30s);
  // Past the adapters: the API itself, at the first server.
  boost::json::object ask(const std::string& path, const boost::json::object& body);
  // A record as it is in the store now, by another way than the adapters' views.
  std::optional<store::etcd::KeyValue> record(const std::string& name);
  void put_record(const std::string& name, const std::string& value, std::int64_t lease = 0);

  net::ALoop loop_;
  std::string prefix_;
};

MATCHER_P(FailedWith, failure, "") {
  if (arg) return false;
  *result_listener << "failed with " << static_cast<int>(arg.error().failure) << ": " << arg.error().what;
  return arg.error().failure == failure;
}
MATCHER(Succeeded, "") {
  if (!arg) *result_listener << "failed with " << static_cast<int>(arg.error().failure) << ": " << arg.error().what;
  return arg.has_value();
}

}  // namespace matriarch::conformance
