// An HTTP/1.1 client for one endpoint, with kept-alive connections, deadlines and bounds.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "net/http.hpp"
#include "net/tls.hpp"

namespace matriarch::net {

struct TcpEndpoint {
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 0;
  TlsContext tls = nullptr;  // null = clear text
};
struct UnixEndpoint {
  std::string path;
};
using Endpoint = std::variant<TcpEndpoint, UnixEndpoint>;

struct ClientLimits {
  std::size_t max_body = 16u << 20;  // bytes of one answer, or of one chunk of a stream
  std::size_t max_idle_connections = 2;
  std::chrono::milliseconds tcp_user_timeout{0};  // 0 = the system's
};

// Not thread-safe: used from its executor only. Destroying it cancels what is under way (kCancelled).
class HttpClient {
 public:
  HttpClient(boost::asio::any_io_executor executor, Endpoint endpoint, ClientLimits limits = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // One exchange within `timeout` (connect, handshake, write, read together). Never throws for network reasons.
  // A kept-alive connection that turns out closed before a byte was answered is retried once on a new one,
  // only if the request is known not to have been processed.
  boost::asio::awaitable<NetResult<HttpResponse>> request(HttpRequest request, std::chrono::milliseconds timeout);

  // Called with each piece of the body as it arrives; false ends the stream without an error.
  using OnChunk = std::function<bool(std::string_view)>;

  // A long answer (a watch). `connect_timeout` bounds the time to the answer's head; `idle_timeout` the silence
  // between two pieces (0 = for ever). Returns the head's status when the stream ends; a non-2xx answer is
  // returned with its (bounded) body and without calling on_chunk. Cancelled through the coroutine's slot.
  boost::asio::awaitable<NetResult<HttpResponse>> stream(HttpRequest request, OnChunk on_chunk,
                                                         std::chrono::milliseconds connect_timeout,
                                                         std::chrono::milliseconds idle_timeout);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace matriarch::net
