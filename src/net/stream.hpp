// A connected byte stream: TCP or a Unix socket, with or without TLS on top. For this room and consensus/raft.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <utility>

#include "net/tls.hpp"

namespace matriarch::net {

// At most one read and one write at a time. close() ends whatever is under way with operation_aborted.
class Stream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using executor_type = boost::asio::any_io_executor;
  using lowest_layer_type = Socket;

  explicit Stream(Socket socket) : socket_(std::move(socket)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }
  Socket& lowest_layer() { return socket_; }

  using Tls = boost::asio::ssl::stream<Socket&>;
  // From here on everything passes through TLS; the handshake is the caller's. The context lives as long as the stream.
  Tls& start_tls(TlsContext context) {
    context_ = std::move(context);
    return tls_.emplace(socket_, *context_);
  }
  Tls* tls() { return tls_ ? &*tls_ : nullptr; }

  void close() {
    boost::system::error_code ignored;  // nothing can be done about a descriptor that fails to close
    socket_.close(ignored);
  }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& target) {
          if (tls_) {
            tls_->async_read_some(target, std::move(handler));
          } else {
            socket_.async_read_some(target, std::move(handler));
          }
        },
        token, buffers);
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& source) {
          if (tls_) {
            tls_->async_write_some(source, std::move(handler));
          } else {
            socket_.async_write_some(source, std::move(handler));
          }
        },
        token, buffers);
  }

 private:
  Socket socket_;
  TlsContext context_;  // outlives tls_, which refers to it
  std::optional<Tls> tls_;
};

}  // namespace matriarch::net
