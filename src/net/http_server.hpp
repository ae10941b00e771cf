// An HTTP/1.1 server: listeners on TCP, TLS and Unix sockets, one coroutine a connection, everything bounded.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http.hpp"
#include "net/http_client.hpp"
#include "net/tls.hpp"

namespace matriarch::net {

struct ServerLimits {
  std::size_t max_header = 64u << 10;
  std::size_t max_body = 4u << 20;  // larger: 413
  // More: the one that has owed a whole request for longest is closed, else the new one is refused. Unix sockets have a limit of their own, so
  // that no crowd from outside keeps out the processes of this node.
  std::size_t max_connections = 512;
  std::chrono::milliseconds header_timeout{5'000};  // for the TLS handshake; for a request's head once its first byte came
  std::chrono::milliseconds read_timeout{10'000};  // to receive one whole request once its first byte came
  std::chrono::milliseconds idle_timeout{60'000};  // between two requests of a connection
  std::chrono::milliseconds write_timeout{10'000};
};

struct PeerInfo {
  std::string address;  // "127.0.0.1", or empty for a Unix socket
  bool is_unix = false;
  bool has_client_certificate = false;  // presented and verified
  std::string certificate_subject;      // common name, when there is one
};

// A stream of chunks to one client. write() returns false once the client is gone.
class ChunkWriter {
 public:
  virtual ~ChunkWriter() = default;
  virtual boost::asio::awaitable<bool> start(HttpResponse head) = 0;  // sends the head with chunked encoding
  virtual boost::asio::awaitable<bool> write(std::string chunk) = 0;
};

// Answers a request. Either returns a response, or has called writer.start() and returns std::nullopt when the
// stream is over. When the client disconnects, the handler's coroutine is cancelled. An exception becomes a 500.
using HttpHandler = std::function<boost::asio::awaitable<std::optional<HttpResponse>>(
    HttpRequest request, PeerInfo peer, ChunkWriter& writer)>;

struct ListenTcp {
  std::string address;  // an address, "*" or "" for all; a name is resolved
  std::uint16_t port = 0;
  std::optional<TlsServerSettings> tls;
};
struct ListenUnix {
  std::string path;  // created 0600 by default, replaced if stale
  unsigned mode = 0600;
};

// Not thread-safe: lives on its executor. Destroying it closes listeners and connections.
class HttpServer {
 public:
  HttpServer(boost::asio::any_io_executor executor, HttpHandler handler, ServerLimits limits = {});
  ~HttpServer();

  // Binds and starts to accept; the error names the address and the reason ("port 8008 is in use").
  NetResult<void> listen(ListenTcp listen);
  NetResult<void> listen(ListenUnix listen);
  // Re-reads the certificates of every TLS listener; the old ones stay on error.
  NetResult<void> reload_tls();
  // The port of the first TCP listener (useful after listening on port 0).
  std::uint16_t port() const;
  // Stops accepting and closes every connection.
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace matriarch::net
