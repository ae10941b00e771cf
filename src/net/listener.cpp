#include "net/listener.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include <boost/asio/ip/v6_only.hpp>

#include "net/failure.hpp"

namespace matriarch::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;
namespace {

std::string readable(const std::string& address, std::uint16_t port) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + address + "]" : address.empty() ? "*" : address) + ":" + std::to_string(port);
}

tl::unexpected<NetError> cannot_listen(const std::string& where, const std::string& why) {
  return tl::unexpected(NetError{.failure = NetFailure::kRefused, .what = "cannot listen on " + where + ": " + why});
}

error_code system_error(int code) {
  return {code, boost::system::system_category()};
}

error_code open_and_bind(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code code;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), code);
  }
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(tcp::acceptor::max_listen_connections, code);
  return code;
}

std::vector<tcp::endpoint> endpoints_of(const asio::any_io_executor& executor, const std::string& address,
                                        std::uint16_t port, error_code& code) {
  if (address.empty() || address == "*") return {tcp::endpoint(tcp::v6(), port)};
  const auto literal = asio::ip::make_address(address, code);
  if (!code) return {tcp::endpoint(literal, port)};
  code.clear();
  tcp::resolver resolver(executor);
  const auto flags = tcp::resolver::passive | tcp::resolver::numeric_service;
  std::vector<tcp::endpoint> endpoints;
  for (const auto& result : resolver.resolve(address, std::to_string(port), flags, code)) {
    endpoints.push_back(result.endpoint());
  }
  return endpoints;
}

bool has_no_such_family(const error_code& code) {
  return code == asio::error::address_family_not_supported || code.value() == EADDRNOTAVAIL;
}

// A socket file outlives its listener; only a connection attempt tells whether somebody still listens.
bool is_stale(const asio::any_io_executor& executor, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  stream_protocol::socket probe(executor);
  error_code code;
  probe.connect(stream_protocol::endpoint(path), code);
  return code == asio::error::connection_refused;
}

}  // namespace

NetResult<std::vector<tcp::acceptor>> bind_tcp(asio::any_io_executor executor, const std::string& address,
                                               std::uint16_t port) {
  const std::string where = readable(address, port);
  error_code code;
  const auto endpoints = endpoints_of(executor, address, port, code);
  if (code) return cannot_listen(where, "the name has no address (" + code.message() + ")");

  std::vector<tcp::acceptor> acceptors;
  error_code unavailable;
  for (tcp::endpoint endpoint : endpoints) {
    if (!acceptors.empty()) endpoint.port(acceptors.front().local_endpoint().port());
    tcp::acceptor acceptor(executor);
    code = open_and_bind(acceptor, endpoint);
    if (has_no_such_family(code) && endpoint.address().is_v6() && endpoint.address().is_unspecified()) {
      acceptor = tcp::acceptor(executor);
      code = open_and_bind(acceptor, tcp::endpoint(tcp::v4(), endpoint.port()));
    }
    if (has_no_such_family(code)) {  // localhost is often both ::1 and 127.0.0.1: one of them is enough
      unavailable = code;
      continue;
    }
    if (code == asio::error::address_in_use) {
      return cannot_listen(where, "port " + std::to_string(port) + " is in use");
    }
    if (code) return cannot_listen(where, code.message());
    acceptors.push_back(std::move(acceptor));
  }
  if (acceptors.empty()) return cannot_listen(where, unavailable.message());
  return acceptors;
}

NetResult<stream_protocol::acceptor> bind_unix(asio::any_io_executor executor, const ListenUnix& listen) {
  const std::string where = "unix:" + listen.path;
  if (listen.path.empty() || listen.path.size() >= sizeof(sockaddr_un::sun_path)) {
    return cannot_listen(where, system_error(listen.path.empty() ? EINVAL : ENAMETOOLONG).message());
  }
  if (is_stale(executor, listen.path)) ::unlink(listen.path.c_str());

  stream_protocol::acceptor acceptor(executor);
  error_code code;
  acceptor.open(stream_protocol(), code);
  // The mode is set before the socket has a name, so that there is no moment at which others may connect; the second
  // time because the umask narrows it.
  if (!code && ::fchmod(acceptor.native_handle(), listen.mode) != 0) code = system_error(errno);
  if (!code) acceptor.bind(stream_protocol::endpoint(listen.path), code);
  if (!code && ::chmod(listen.path.c_str(), listen.mode) != 0) code = system_error(errno);
  if (!code) acceptor.listen(stream_protocol::acceptor::max_listen_connections, code);
  if (code == asio::error::address_in_use) return cannot_listen(where, "another process listens there");
  if (code) return cannot_listen(where, code.message());
  return acceptor;
}

}  // namespace matriarch::net
