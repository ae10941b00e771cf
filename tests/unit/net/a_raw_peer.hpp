// The other end of a connection, byte by byte: says what no well-behaved client or server would.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>

namespace matriarch::net {

class ARawPeer {
 public:
  using tcp = boost::asio::ip::tcp;

  explicit ARawPeer(tcp::socket socket) : socket_(std::move(socket)) {}
  explicit ARawPeer(boost::asio::any_io_executor executor) : socket_(executor) {}

  boost::asio::awaitable<void> connect(std::uint16_t port) {
    const tcp::endpoint server(boost::asio::ip::address_v4::loopback(), port);
    co_await socket_.async_connect(server, boost::asio::use_awaitable);
  }
  boost::asio::awaitable<void> send(std::string text) {
    co_await boost::asio::async_write(socket_, boost::asio::buffer(text), boost::asio::use_awaitable);
  }
  // Everything up to and with `end`; what came behind it is kept for the next call.
  boost::asio::awaitable<std::string> read_until(std::string end) {
    std::size_t at = 0;
    while ((at = pending_.find(end)) == std::string::npos) {
      const bool more = co_await fill();
      if (!more) throw std::runtime_error("the peer closed; it had sent: " + pending_);
    }
    std::string text = pending_.substr(0, at + end.size());
    pending_.erase(0, at + end.size());
    co_return text;
  }
  // Everything until the peer closes, or resets.
  boost::asio::awaitable<std::string> read_to_end() {
    bool more = true;
    while (more) more = co_await fill();
    co_return std::exchange(pending_, {});
  }
  void close() { socket_.close(); }
  void finish_sending() { socket_.shutdown(tcp::socket::shutdown_send); }
  tcp::socket& socket() { return socket_; }

 private:
  boost::asio::awaitable<bool> fill() {
    char piece[4096];
    boost::system::error_code code;
    const auto size = co_await socket_.async_read_some(boost::asio::buffer(piece),
                                                       boost::asio::redirect_error(boost::asio::use_awaitable, code));
    pending_.append(piece, size);
    co_return !code;
  }

  tcp::socket socket_;
  std::string pending_;
};

// A listening socket whose connections the test plays by hand.
class ARawServer {
 public:
  explicit ARawServer(boost::asio::any_io_executor executor)
      : acceptor_(executor, {boost::asio::ip::address_v4::loopback(), 0}) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  boost::asio::awaitable<ARawPeer> accept() {
    auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
    co_return ARawPeer(std::move(socket));
  }
  void close() { acceptor_.close(); }

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace matriarch::net
