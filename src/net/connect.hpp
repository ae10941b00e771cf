// From an endpoint to a connected stream. For this room and the links between store processes (consensus/raft).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "net/address_book.hpp"
#include "net/http_client.hpp"
#include "net/stream.hpp"

namespace matriarch::net {

// "db1:8008", "[::1]:8008", "unix:/run/x": how an endpoint reads in an error and, for TCP, in a Host header.
std::string to_string(const Endpoint& endpoint);

// One attempt to connect, which can be aborted from outside at any await.
class Connector {
 public:
  // `book` holds the addresses of a TCP endpoint's host; it is null for a Unix socket.
  Connector(boost::asio::any_io_executor executor, ClientLimits limits, std::shared_ptr<AddressBook> book);

  // Connects and shakes hands. Addresses that are known are tried first; only when none of them answers (or none is
  // known) the name service is asked. Each address gets its share of the time left until `deadline`. The caller
  // enforces the deadline itself with abort().
  boost::asio::awaitable<NetResult<std::unique_ptr<Stream>>> connect(Endpoint endpoint,
                                                                     std::chrono::steady_clock::time_point deadline);
  void abort();

 private:
  using Address = boost::asio::ip::tcp::endpoint;
  using Deadline = std::chrono::steady_clock::time_point;

  boost::asio::awaitable<NetResult<std::unique_ptr<Stream>>> connect_tcp(TcpEndpoint endpoint, Deadline deadline);
  boost::asio::awaitable<NetResult<std::unique_ptr<Stream>>> connect_unix(UnixEndpoint endpoint);
  boost::asio::awaitable<NetResult<void>> connect_somewhere(Stream::Socket& socket, Deadline deadline);
  boost::asio::awaitable<NetResult<void>> connect_any(Stream::Socket& socket, AddressBook::Addresses addresses,
                                                      Deadline deadline, std::size_t shares);
  boost::asio::awaitable<NetResult<void>> connect_one(Stream::Socket& socket, Address address,
                                                      std::chrono::steady_clock::duration share);
  boost::asio::awaitable<NetResult<void>> shake_hands(Stream& stream, TcpEndpoint endpoint);

  boost::asio::any_io_executor executor_;
  ClientLimits limits_;
  std::shared_ptr<AddressBook> book_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer share_timer_;
  Stream* under_way_ = nullptr;
  bool aborted_ = false;
};

}  // namespace matriarch::net
