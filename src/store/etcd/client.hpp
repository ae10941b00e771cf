// One client of a group of servers that answer etcd v3's HTTP/JSON API: picks a server, moves on to another one when it
// fails, logs in, drops the answers of stale servers, and says of every failure whether the request may have had effect.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "store/etcd/discovery.hpp"
#include "store/etcd/failure.hpp"
#include "store/etcd/servers.hpp"
#include "store/etcd/wire.hpp"

namespace matriarch::store::etcd {

struct ClientSettings {
  std::vector<net::Endpoint> endpoints;  // in order of preference
  bool prefers_first = false;            // the first one is our own node's
  bool discovers = true;                 // learns further servers from the member list
  std::optional<DiscoverySettings> discovery = {};  // by SRV records; `endpoints` are for when there are none
  net::TlsContext tls;                   // of discovered servers; with it no server in clear text is used
  std::string username, password;        // both or none
  std::chrono::milliseconds tcp_user_timeout{0};
};

struct Request {
  std::string path;  // below the version: "/kv/range"
  std::string body;
  // Carrying it out twice is as good as once (reads, keep-alives), so it is sent to the next server whatever became of the
  // first attempt. Anything else is repeated only when it was certainly not carried out.
  bool repeatable = false;
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  // For operators: a changed cluster, a refused login.
  using Report = std::function<void(std::string)>;

  Client(boost::asio::any_io_executor executor, ClientSettings settings, Report report);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Ends by the deadline. Of a repeatable request no failure is ambiguous in effect, whatever its kind says.
  boost::asio::awaitable<Outcome<boost::json::object>> call(Request request, Deadline deadline);

  // A long answer of one JSON message after another; false ends it. Returns why it ended: nothing = by the callback or
  // by the server. `opened` tells whether any message came.
  struct StreamEnd {
    bool opened = false;
    std::optional<Failure> failure;
  };
  using OnMessage = std::function<bool(const boost::json::object&)>;
  boost::asio::awaitable<StreamEnd> stream(Request request, OnMessage on_message, std::chrono::milliseconds connect_timeout,
                                           std::chrono::milliseconds idle_timeout);

  // 0 before the first answer. Changes only when a configured server was set up anew.
  std::uint64_t cluster_id() const { return cluster_id_; }
  std::size_t known_servers() const { return servers_.all().size(); }
  std::uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  // From the next request on; a token that others gave is not used any more.
  void set_credentials(const std::string& username, const std::string& password);
  const boost::asio::any_io_executor& executor() const { return executor_; }
  // Cancels what is under way; every later call fails.
  void close();

 private:
  using ServerPtr = std::shared_ptr<Server>;
  using Answer = Outcome<boost::json::object>;

  using Response = Outcome<net::HttpResponse>;

  boost::asio::awaitable<Answer> ask(ServerPtr server, Request request, Deadline deadline);
  boost::asio::awaitable<Answer> send(ServerPtr server, Request request, Deadline deadline);
  boost::asio::awaitable<Response> exchange(ServerPtr server, net::HttpRequest message, Deadline deadline);
  boost::asio::awaitable<StreamEnd> stream_from(ServerPtr server, Request request, OnMessage on_message, Deadline deadline,
                                                std::chrono::milliseconds idle_timeout);
  boost::asio::awaitable<std::optional<Failure>> prepare(ServerPtr server, Deadline deadline);
  boost::asio::awaitable<std::optional<Failure>> shake_hands(ServerPtr server, Deadline deadline);
  boost::asio::awaitable<std::optional<Failure>> verify(ServerPtr server, Deadline deadline);
  boost::asio::awaitable<std::optional<Failure>> log_in(ServerPtr server, Deadline deadline);
  boost::asio::awaitable<bool> pause(std::chrono::milliseconds& length, Deadline deadline);
  boost::asio::awaitable<void> discover();
  boost::asio::awaitable<void> search(Deadline deadline);
  void use_configured();
  void learn(const boost::json::object& member_list);
  void note(const ServerPtr& server, const Failure& failure);
  net::HttpRequest http_request(const Request& request) const;
  ServerPtr make_server(net::Endpoint endpoint, bool is_configured) const;
  std::optional<Failure> judge(const ServerPtr& server, const Header& header, bool settles);

  boost::asio::any_io_executor executor_;
  ClientSettings settings_;
  Report report_;
  Servers servers_;
  std::string version_;  // "/v3", once a server told
  std::string token_;
  std::uint64_t cluster_id_ = 0;
  std::uint64_t newest_term_ = 0;
  bool wants_discovery_ = true, discovering_ = false, closed_ = false, searched_ = false;
  Clock::time_point next_search_{};
  std::string last_server_;
  std::atomic<std::uint64_t> requests_{0};
  std::minstd_rand random_;
};

}  // namespace matriarch::store::etcd
