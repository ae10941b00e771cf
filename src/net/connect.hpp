// From an endpoint to a connected stream. Internal to the room.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "net/http_client.hpp"
#include "net/stream.hpp"

namespace matriarch::net {

// "db1:8008", "[::1]:8008", "unix:/run/x": how an endpoint reads in an error and, for TCP, in a Host header.
std::string to_string(const Endpoint& endpoint);

// One attempt to connect, which can be aborted from outside at any await.
class Connector {
 public:
  Connector(boost::asio::any_io_executor executor, ClientLimits limits);

  // Resolves, connects (each address gets its share of the time left until `deadline`), shakes hands. The caller
  // enforces the deadline itself with abort().
  boost::asio::awaitable<NetResult<std::unique_ptr<Stream>>> connect(Endpoint endpoint,
                                                                     std::chrono::steady_clock::time_point deadline);
  void abort();

 private:
  using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

  boost::asio::awaitable<NetResult<std::unique_ptr<Stream>>> connect_tcp(
      TcpEndpoint endpoint, std::chrono::steady_clock::time_point deadline);
  boost::asio::awaitable<NetResult<std::unique_ptr<Stream>>> connect_unix(UnixEndpoint endpoint);
  boost::asio::awaitable<NetResult<Addresses>> resolve(std::string host, std::uint16_t port);
  boost::asio::awaitable<NetResult<void>> connect_one(Stream::Socket& socket, boost::asio::ip::tcp::endpoint address,
                                                      std::chrono::steady_clock::duration share);
  boost::asio::awaitable<NetResult<void>> shake_hands(Stream& stream, TcpEndpoint endpoint);

  boost::asio::any_io_executor executor_;
  ClientLimits limits_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer share_timer_;
  Stream* under_way_ = nullptr;
  bool aborted_ = false;
};

}  // namespace matriarch::net
