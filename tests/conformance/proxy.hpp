// A TCP proxy with faults, on a thread of its own: what a network or a dying server does to an answer.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "system/fd.hpp"

namespace matriarch::conformance {

class Proxy {
 public:
  explicit Proxy(std::uint16_t upstream);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const { return port_; }

  // Of the next `count` requests whose bytes contain `text`: the server carries them out, the client gets no answer,
  // only the end of the connection.
  void drop_answers_to(std::string text, int count = 1);
  // The same, but the request does not reach the server either.
  void drop_requests_with(std::string text, int count = 1);
  // The last request that did not reach the server reaches it now, from nobody. Waits for the server's answer.
  void deliver_dropped_request();
  // From now on: connections stay open and nothing passes, either way.
  void hang(bool hangs);
  int dropped() const { return dropped_.load(); }

 private:
  struct Connection;
  void accept();

  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::uint16_t upstream_;
  std::atomic<int> dropped_{0};
  // On the proxy's thread.
  std::string text_;
  int answers_ = 0, requests_ = 0;
  bool hangs_ = false;
  std::string dropped_request_;
  std::thread thread_;
};

// A port that swallows every attempt to connect: its queue of connections is full.
class BlackHole {
 public:
  BlackHole();
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<system::Fd> queued_;
};

}  // namespace matriarch::conformance
