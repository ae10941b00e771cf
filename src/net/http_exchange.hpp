// One request and its answer on a client's connection. Internal to the room.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <optional>
#include <unordered_set>

#include "net/connect.hpp"
#include "net/http_client.hpp"
#include "net/stream.hpp"

namespace matriarch::net {

class Exchange;

// What one client's exchanges share.
struct ClientState {
  boost::asio::any_io_executor executor;
  Endpoint endpoint;
  ClientLimits limits;
  std::shared_ptr<AddressBook> addresses = nullptr;  // null for a Unix socket

  struct Idle {
    std::unique_ptr<Stream> stream;
    std::chrono::steady_clock::time_point since;
  };
  std::list<Idle> idle = {};  // most recently used first
  std::unordered_set<Exchange*> under_way = {};

  // A kept connection that is still open and silent, or null.
  std::unique_ptr<Stream> take_idle();
  void keep(std::unique_ptr<Stream> stream);
};

struct StreamOptions {
  HttpClient::OnChunk on_chunk;
  std::chrono::milliseconds idle_timeout{0};
};

// The work runs in a coroutine of its own, so that whoever awaits the result gets it at the deadline or on
// cancellation at once, whatever the work is stuck in (a resolver cannot be interrupted, for one).
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<ClientState> client, HttpRequest request, std::optional<StreamOptions> streaming);
  ~Exchange();

  // Starts the work and waits for its end, the deadline or the cancellation of the awaiting coroutine.
  static boost::asio::awaitable<NetResult<HttpResponse>> await(std::shared_ptr<Exchange> exchange,
                                                               std::chrono::milliseconds timeout);
  // Ends it with this failure, unless it has ended.
  void abort(NetFailure failure, std::string what);

 private:
  using Result = NetResult<HttpResponse>;

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Result> work();
  boost::asio::awaitable<Result> converse(bool& untouched);
  boost::asio::awaitable<Result> read_answer();
  boost::asio::awaitable<Result> read_stream();
  void finish(Result result);
  bool finished() const { return result_.has_value(); }
  NetError lost(const std::string& doing, const boost::system::error_code& code) const;

  std::shared_ptr<ClientState> client_;
  HttpRequest request_;
  std::optional<StreamOptions> streaming_;
  boost::asio::steady_timer timer_;  // the deadline, and the bell that rings when the result is there
  Connector connector_;
  std::unique_ptr<Stream> stream_;
  bool reusable_ = false;  // stream_ can carry another request
  bool sent_ = false;      // a byte of the request may have left
  std::optional<Result> result_;
};

}  // namespace matriarch::net
