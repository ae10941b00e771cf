// One connection of the server, from its first byte to its close. Internal to the room.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http_server.hpp"
#include "net/stream.hpp"

namespace matriarch::net {

// A reader runs beside everything else: it feeds the parser, and while a handler works it notices that the client has
// gone. Requests sent ahead wait in a bounded buffer.
class Session : public std::enable_shared_from_this<Session> {
 public:
  struct Shared {
    HttpHandler handler;
    ServerLimits limits;
    std::function<void(Session*)> ended;
  };

  Session(Stream::Socket socket, PeerInfo peer, TlsContext tls, std::shared_ptr<const Shared> shared);

  void start();
  // Ends it now; a handler under way is cancelled.
  void close();
  bool is_unix() const { return peer_.is_unix; }
  // Since when it waits for a whole request; nothing while it works on one. Who sends a byte now and then still waits.
  std::optional<std::chrono::steady_clock::time_point> waits_since() const { return waits_since_; }

 private:
  class Writer;
  struct Framing;  // how the answer must be put on the wire
  struct Parsed;

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> shake_hands();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<std::optional<Parsed>> read_request();
  boost::asio::awaitable<std::optional<HttpResponse>> handle(HttpRequest request, Writer& writer, bool& broken);
  boost::asio::awaitable<bool> respond(HttpResponse response, Framing framing);
  boost::asio::awaitable<void> refuse(unsigned status, std::string why);
  boost::asio::awaitable<bool> send(std::string bytes);

  void start_reading();
  void lose_client();
  enum class Arrival { kBytes, kGone, kLate };
  boost::asio::awaitable<Arrival> next_bytes(std::chrono::steady_clock::time_point deadline);

  Stream stream_;
  PeerInfo peer_;
  TlsContext tls_;
  std::shared_ptr<const Shared> shared_;
  std::array<char, 8u << 10> scratch_;
  std::string received_;  // and not parsed yet
  bool reading_ = false;
  bool gone_ = false;               // the client closed, or we did
  boost::asio::steady_timer bell_;  // rings when bytes or the end arrive; its expiry is the reading deadline
  boost::asio::steady_timer write_deadline_;
  boost::asio::cancellation_signal cancel_handler_;
  std::optional<std::chrono::steady_clock::time_point> waits_since_;
};

}  // namespace matriarch::net
