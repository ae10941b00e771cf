#include "net/http_server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <vector>

#include "net/http_session.hpp"
#include "net/listener.hpp"

namespace matriarch::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;
namespace {

// When accepting fails, mostly for want of descriptors, trying again at once would only spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string readable(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

PeerInfo peer_of(const tcp::socket& socket) {
  error_code code;
  const auto endpoint = socket.remote_endpoint(code);
  return {.address = code ? "" : readable(endpoint.address())};
}
PeerInfo peer_of(const stream_protocol::socket&) {
  return {.is_unix = true};
}

void tune(tcp::socket& socket) {
  error_code ignored;  // slower, not wrong
  socket.set_option(tcp::no_delay(true), ignored);
}
void tune(stream_protocol::socket&) {}

// A file we made and still own, told apart from a successor's by its inode.
class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)) {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0) inode_ = info.st_ino;
  }
  void remove() const {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_) ::unlink(path_.c_str());
  }

 private:
  std::string path_;
  ino_t inode_ = 0;
};

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::any_io_executor executor, HttpHandler handler, ServerLimits limits)
      : executor_(std::move(executor)), limits_(limits), handler_(std::move(handler)) {}

  NetResult<void> listen(ListenTcp listen) {
    auto tls = std::make_shared<ListenerTls>();
    if (listen.tls) {
      auto context = make_server_context(*listen.tls);
      if (!context) return tl::unexpected(context.error());
      *tls = ListenerTls{.settings = std::move(*listen.tls), .context = std::move(*context)};
    }
    auto bound = bind_tcp(executor_, listen.address, listen.port);
    if (!bound) return tl::unexpected(bound.error());
    if (port_ == 0) port_ = bound->front().local_endpoint().port();
    tls_.push_back(tls);
    for (tcp::acceptor& acceptor : *bound) {
      tcp_.push_back(std::make_shared<tcp::acceptor>(std::move(acceptor)));
      accept(tcp_.back(), tls);
    }
    return {};
  }

  NetResult<void> listen(const ListenUnix& listen) {
    auto bound = bind_unix(executor_, listen);
    if (!bound) return tl::unexpected(bound.error());
    files_.emplace_back(listen.path);
    unix_.push_back(std::make_shared<stream_protocol::acceptor>(std::move(*bound)));
    accept(unix_.back(), std::make_shared<ListenerTls>());
    return {};
  }

  NetResult<void> reload_tls() {
    std::vector<TlsContext> fresh;
    for (const auto& listener : tls_) {
      if (listener->context == nullptr) {
        fresh.emplace_back();
        continue;
      }
      auto context = make_server_context(listener->settings);
      if (!context) return tl::unexpected(context.error());
      fresh.push_back(std::move(*context));
    }
    for (std::size_t i = 0; i < tls_.size(); ++i) tls_[i]->context = std::move(fresh[i]);
    return {};
  }

  std::uint16_t port() const { return port_; }

  void close() {
    closed_ = true;
    error_code ignored;
    for (const auto& acceptor : tcp_) acceptor->close(ignored);
    for (const auto& acceptor : unix_) acceptor->close(ignored);
    for (const SocketFile& file : files_) file.remove();
    files_.clear();
    const auto sessions = std::move(sessions_);
    sessions_.clear();
    for (const auto& [key, session] : sessions) session->close();
  }

 private:
  struct ListenerTls {
    TlsServerSettings settings = {};
    TlsContext context = nullptr;  // null: clear text
  };

  template <typename Acceptor>
  void accept(std::shared_ptr<Acceptor> acceptor, std::shared_ptr<ListenerTls> tls) {
    acceptor->async_accept([self = shared_from_this(), acceptor, tls](error_code code, auto socket) {
      if (self->closed_) return;
      if (!code) self->admit(std::move(socket), tls->context);
      if (code && code != asio::error::connection_aborted) return self->accept_later(acceptor, tls);
      self->accept(acceptor, tls);
    });
  }

  template <typename Acceptor>
  void accept_later(std::shared_ptr<Acceptor> acceptor, std::shared_ptr<ListenerTls> tls) {
    auto pause = std::make_shared<asio::steady_timer>(executor_, kAcceptPause);
    pause->async_wait([self = shared_from_this(), pause, acceptor, tls](error_code) {
      if (!self->closed_) self->accept(acceptor, tls);
    });
  }

  template <typename Socket>
  void admit(Socket socket, TlsContext tls) {
    PeerInfo peer = peer_of(socket);
    if (!make_room(peer.is_unix)) return;  // closes the new one
    tune(socket);
    auto session =
        std::make_shared<Session>(Stream::Socket(std::move(socket)), std::move(peer), std::move(tls), shared());
    sessions_.emplace(session.get(), session);
    session->start();
  }

  // True if one more connection of that kind may come, if need be in place of the one that has waited for longest.
  bool make_room(bool is_unix) {
    std::size_t count = 0;
    Session* oldest = nullptr;
    for (const auto& [key, session] : sessions_) {
      if (session->is_unix() != is_unix) continue;
      ++count;
      if (!session->waits_since()) continue;
      if (oldest == nullptr || *session->waits_since() < *oldest->waits_since()) oldest = key;
    }
    if (count < limits_.max_connections) return true;
    if (oldest == nullptr) return false;
    const auto taken_out = sessions_.extract(oldest);
    taken_out.mapped()->close();
    return true;
  }

  std::shared_ptr<const Session::Shared> shared() {
    if (shared_ == nullptr) {
      auto ended = [weak = weak_from_this()](Session* session) {
        if (const auto self = weak.lock()) self->sessions_.erase(session);
      };
      shared_ = std::make_shared<Session::Shared>(
          Session::Shared{.handler = std::move(handler_), .limits = limits_, .ended = std::move(ended)});
    }
    return shared_;
  }

  asio::any_io_executor executor_;
  ServerLimits limits_;
  HttpHandler handler_;
  std::shared_ptr<const Session::Shared> shared_;
  std::vector<std::shared_ptr<tcp::acceptor>> tcp_;
  std::vector<std::shared_ptr<stream_protocol::acceptor>> unix_;
  std::vector<std::shared_ptr<ListenerTls>> tls_;
  std::vector<SocketFile> files_;
  std::unordered_map<Session*, std::shared_ptr<Session>> sessions_;
  std::uint16_t port_ = 0;
  bool closed_ = false;
};

HttpServer::HttpServer(asio::any_io_executor executor, HttpHandler handler, ServerLimits limits)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(handler), limits)) {}
HttpServer::~HttpServer() {
  impl_->close();
}
NetResult<void> HttpServer::listen(ListenTcp listen) {
  return impl_->listen(std::move(listen));
}
NetResult<void> HttpServer::listen(ListenUnix listen) {
  return impl_->listen(listen);
}
NetResult<void> HttpServer::reload_tls() {
  return impl_->reload_tls();
}
std::uint16_t HttpServer::port() const {
  return impl_->port();
}
void HttpServer::close() {
  impl_->close();
}

}  // namespace matriarch::net
