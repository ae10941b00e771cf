#include "net/connect.hpp"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/un.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/failure.hpp"

namespace matriarch::net {
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;
namespace {

std::string to_string(const TcpEndpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::string to_string(const tcp::endpoint& address) {
  return to_string(TcpEndpoint{.host = address.address().to_string(), .port = address.port()});
}

using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;

// Neither option decides whether the connection works, so an error of theirs is not one of the connection.
void tune(Stream::Socket& socket, const ClientLimits& limits) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (limits.tcp_user_timeout.count() > 0) {
    socket.set_option(UserTimeout(static_cast<int>(limits.tcp_user_timeout.count())), ignored);
  }
}

bool is_address(const std::string& host) {
  error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  return !not_an_address;
}

// Says which name is wanted; an address is never sent as SNI (RFC 6066).
bool ask_for(SSL* tls, const std::string& host) {
  return is_address(host) || SSL_set_tlsext_host_name(tls, host.c_str()) == 1;
}

// The server must own the name or the address that we dialled.
bool expect_identity(SSL* tls, const std::string& host) {
  if (is_address(host)) return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(tls), host.c_str()) == 1;
  return ::SSL_set1_host(tls, host.c_str()) == 1;
}

std::string why_not_verified(SSL* tls) {
  const long result = ::SSL_get_verify_result(tls);
  return result == X509_V_OK ? "" : std::string(" (") + ::X509_verify_cert_error_string(result) + ")";
}

// What the timer of one connection attempt may touch: it can fire after the attempt is over.
struct Attempt {
  Stream::Socket* socket = nullptr;  // null once it is over
  bool gave_up = false;

  void give_up() {
    if (socket == nullptr) return;
    gave_up = true;
    error_code ignored;
    socket->close(ignored);
  }
};

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  if (const auto* path = std::get_if<UnixEndpoint>(&endpoint)) return "unix:" + path->path;
  return to_string(std::get<TcpEndpoint>(endpoint));
}

Connector::Connector(asio::any_io_executor executor, ClientLimits limits, std::shared_ptr<AddressBook> book)
    : executor_(std::move(executor)),
      limits_(limits),
      book_(std::move(book)),
      resolver_(executor_),
      share_timer_(executor_) {}

void Connector::abort() {
  aborted_ = true;
  resolver_.cancel();
  share_timer_.cancel();
  if (under_way_ != nullptr) under_way_->close();
}

asio::awaitable<NetResult<std::unique_ptr<Stream>>> Connector::connect(Endpoint endpoint, Deadline deadline) {
  if (auto* path = std::get_if<UnixEndpoint>(&endpoint)) co_return co_await connect_unix(std::move(*path));
  co_return co_await connect_tcp(std::get<TcpEndpoint>(std::move(endpoint)), deadline);
}

asio::awaitable<NetResult<std::unique_ptr<Stream>>> Connector::connect_unix(UnixEndpoint endpoint) {
  const std::string doing = "connect to " + to_string(Endpoint(endpoint));
  if (endpoint.path.size() >= sizeof(sockaddr_un::sun_path)) {
    const error_code too_long(ENAMETOOLONG, boost::system::system_category());
    co_return tl::unexpected(net_error(NetFailure::kRefused, doing, too_long));
  }
  auto stream = std::make_unique<Stream>(Stream::Socket(executor_));
  under_way_ = stream.get();
  error_code code;
  const asio::generic::stream_protocol::endpoint address(asio::local::stream_protocol::endpoint(endpoint.path));
  co_await stream->socket().async_connect(address, asio::redirect_error(asio::use_awaitable, code));
  under_way_ = nullptr;
  if (code) co_return tl::unexpected(net_error(NetFailure::kRefused, doing, code));
  co_return stream;
}

asio::awaitable<NetResult<std::unique_ptr<Stream>>> Connector::connect_tcp(TcpEndpoint endpoint, Deadline deadline) {
  auto stream = std::make_unique<Stream>(Stream::Socket(executor_));
  under_way_ = stream.get();
  auto connected = co_await connect_somewhere(stream->socket(), deadline);
  if (connected && endpoint.tls != nullptr) connected = co_await shake_hands(*stream, endpoint);
  under_way_ = nullptr;
  if (aborted_) co_return tl::unexpected(NetError{.failure = NetFailure::kCancelled, .what = "connect: given up"});
  if (!connected) co_return tl::unexpected(connected.error());
  co_return stream;
}

asio::awaitable<NetResult<void>> Connector::connect_somewhere(Stream::Socket& socket, Deadline deadline) {
  const auto known = book_->known();
  // One share is kept back for the case that the host has moved.
  auto connected = co_await connect_any(socket, known, deadline, known.size() + 1);
  if (connected || aborted_) co_return connected;

  const auto found = co_await book_->look_up(resolver_);
  if (!found && known.empty()) co_return tl::unexpected(found.error());
  if (!found || *found == known) co_return connected;
  co_return co_await connect_any(socket, *found, deadline, found->size());
}

// One after the other. Each gets its share of the time, so that a first address that swallows packets does not cost the
// others their chance.
asio::awaitable<NetResult<void>> Connector::connect_any(Stream::Socket& socket, AddressBook::Addresses addresses,
                                                        Deadline deadline, std::size_t shares) {
  NetResult<void> connected =
      tl::unexpected(NetError{.failure = NetFailure::kUnresolved, .what = "no address is known"});
  for (const Address& address : addresses) {
    const auto share = (deadline - steady_clock::now()) / static_cast<long>(shares--);
    connected = co_await connect_one(socket, address, share);
    if (connected || aborted_) break;
  }
  co_return connected;
}

asio::awaitable<NetResult<void>> Connector::connect_one(Stream::Socket& socket, Address address,
                                                        steady_clock::duration share) {
  const std::string doing = "connect to " + to_string(address);
  error_code code;
  socket.close(code);
  code.clear();
  const auto attempt = std::make_shared<Attempt>(Attempt{.socket = &socket});
  share_timer_.expires_after(share);
  share_timer_.async_wait([attempt](error_code cancelled) {
    if (!cancelled) attempt->give_up();
  });
  const asio::generic::stream_protocol::endpoint target(address);
  co_await socket.async_connect(target, asio::redirect_error(asio::use_awaitable, code));
  share_timer_.cancel();
  attempt->socket = nullptr;
  if (attempt->gave_up)
    co_return tl::unexpected(NetError{.failure = NetFailure::kTimedOut, .what = doing + ": timed out"});
  if (code == asio::error::timed_out) co_return tl::unexpected(net_error(NetFailure::kTimedOut, doing, code));
  if (code) co_return tl::unexpected(net_error(NetFailure::kRefused, doing, code));
  tune(socket, limits_);
  co_return NetResult<void>();
}

asio::awaitable<NetResult<void>> Connector::shake_hands(Stream& stream, TcpEndpoint endpoint) {
  const std::string doing = "TLS handshake with " + to_string(endpoint);
  auto& tls = stream.start_tls(endpoint.tls);
  SSL* const handle = tls.native_handle();
  const bool ready = ask_for(handle, endpoint.host) && (!verifies_host(*endpoint.tls) || expect_identity(handle, endpoint.host));
  if (!ready) {
    co_return tl::unexpected(NetError{.failure = NetFailure::kTls, .what = doing + ": " + take_openssl_error()});
  }
  error_code code;
  co_await tls.async_handshake(ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, code));
  if (!code) co_return NetResult<void>();
  auto error = net_error(doing, code);
  error.what += why_not_verified(handle);
  co_return tl::unexpected(std::move(error));
}

}  // namespace matriarch::net
