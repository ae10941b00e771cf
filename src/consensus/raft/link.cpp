#include "consensus/raft/link.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "net/address_book.hpp"
#include "net/connect.hpp"
#include "net/failure.hpp"
#include "net/listener.hpp"
#include "net/printable.hpp"

namespace matriarch::consensus::raft {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxHello = 4096;
constexpr auto kGreetingTimeout = 3s;  // for TLS and hello of a caller
constexpr std::size_t kMaxGreetings = 64;  // under way: whoever can reach the port may begin one
// Unacknowledged data means a dead peer or network: libraft must learn of it and connect anew.
constexpr std::chrono::milliseconds kUserTimeout = 2s;

using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;

// A node may be welcome for one purpose and not for another.
std::string about(Purpose purpose, const std::string& address) {
  return (purpose == Purpose::kRaft ? "log to " : "calls to ") + address;
}

// Closes a stream unless it is dismissed in time.
class Deadline {
 public:
  Deadline(SecureStream stream, std::chrono::steady_clock::duration after) : timer_(stream->get_executor()) {
    timer_.expires_after(after);
    timer_.async_wait([guarded = std::move(stream)](error_code error) {
      if (!error) guarded->close();
    });
  }

 private:
  asio::steady_timer timer_;  // its destruction dismisses
};

void tune(net::Stream& stream) {
  error_code ignored;  // slower, not wrong
  stream.socket().set_option(tcp::no_delay(true), ignored);
  stream.socket().set_option(UserTimeout(static_cast<int>(kUserTimeout.count())), ignored);
}

}  // namespace

asio::awaitable<bool> write_frame(net::Stream& stream, std::string payload) {
  std::array<unsigned char, 4> length{};
  for (std::size_t i = 0; i < 4; ++i) length[i] = static_cast<unsigned char>(payload.size() >> (8 * i));
  payload.insert(0, reinterpret_cast<const char*>(length.data()), length.size());
  error_code error;
  co_await asio::async_write(stream, asio::buffer(payload), asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

asio::awaitable<std::optional<std::string>> read_frame(net::Stream& stream, std::size_t max) {
  std::array<unsigned char, 4> head{};
  error_code error;
  co_await asio::async_read(stream, asio::buffer(head), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= std::size_t{head[i]} << (8 * i);
  if (length > max) co_return std::nullopt;
  std::string payload(length, '\0');
  co_await asio::async_read(stream, asio::buffer(payload), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return std::nullopt;
  co_return payload;
}

struct Link::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor its_executor, PeerTls its_tls, WhoAmI its_who_am_i, Log log)
      : executor(std::move(its_executor)), tls(std::move(its_tls)), who_am_i(std::move(its_who_am_i)), complaints(std::move(log)) {}

  void accept(std::shared_ptr<tcp::acceptor> acceptor) {
    acceptor->async_accept([self = shared_from_this(), acceptor](error_code error, tcp::socket socket) {
      if (self->closed) return;
      if (!error) {
        auto stream = std::make_shared<net::Stream>(net::Stream::Socket(std::move(socket)));
        self->make_room_for(stream);
        asio::co_spawn(self->executor, self->receive(self, std::move(stream)), asio::detached);
        return self->accept(acceptor);
      }
      // Mostly a want of descriptors: trying again at once would only spin.
      auto pause = std::make_shared<asio::steady_timer>(self->executor, 100ms);
      pause->async_wait([self, acceptor, pause](error_code) {
        if (!self->closed) self->accept(acceptor);
      });
    });
  }

  // A member greets within a moment, so the oldest greeting is the least likely to be one of a member.
  void make_room_for(const SecureStream& stream) {
    if (greetings.size() >= kMaxGreetings) {
      greetings.front()->close();
      greetings.pop_front();
    }
    greetings.push_back(stream);
  }

  static asio::awaitable<void> receive(std::shared_ptr<Impl> self, SecureStream stream) {
    co_await self->greet(self, stream);
    std::erase(self->greetings, stream);
  }

  // The caller's side of a new connection is not to be trusted until the handshake has proven it.
  asio::awaitable<void> greet(std::shared_ptr<Impl> self, SecureStream stream) {
    const Deadline deadline(stream, kGreetingTimeout);
    const auto from = address_of(*stream);
    tune(*stream);
    auto& secured = stream->start_tls(self->tls.accepts);
    error_code error;
    co_await secured.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      self->refuse_stranger(*stream, from, error);
      co_return;
    }
    const auto frame = co_await read_frame(*stream, kMaxHello);
    const auto hello = frame ? decode_hello(*frame) : std::nullopt;
    if (!hello) co_return;
    const auto me = self->who_am_i();
    const auto reason = reason_to_refuse(*hello, me);
    Welcome welcome{.accepted = !reason, .reason = reason.value_or(""), .callee = me};
    const bool told = co_await write_frame(*stream, encode(welcome));
    if (reason) {
      self->complaints.say("from " + hello->caller.address,
                           fmt::format("refused node {} at {}: {}", net::printable(hello->caller.name), net::printable(hello->caller.address), *reason));
      co_return;
    }
    if (told && !self->closed) self->accepted(*hello, std::move(stream));
  }

  void refuse_stranger(net::Stream& stream, const std::string& from, const error_code& error) {
    const auto who = net::printable(claimed_name(stream));
    if (who.empty() && (error == asio::error::eof || error == asio::error::connection_reset ||
                        error == asio::error::operation_aborted || error == asio::ssl::error::stream_truncated)) {
      return;  // a port scan, a health check
    }
    // Without the port, which is another one at each attempt: the same words are not said again at once.
    const auto host = from.substr(0, from.rfind(':'));
    complaints.say(host + who,
                   fmt::format("refused a connection from {}{}: it did not prove that it belongs to this cluster ({}). "
                               "Is its embedded.secret (or certificate) the same as here?",
                               host, who.empty() ? "" : ", which calls itself " + who, error.message()));
  }

  static std::string address_of(net::Stream& stream) {
    error_code error;
    const auto generic = stream.socket().remote_endpoint(error);
    if (error) return "an unknown address";
    tcp::endpoint endpoint;
    if (generic.size() > endpoint.capacity()) return "an unknown address";
    std::memcpy(endpoint.data(), generic.data(), generic.size());
    endpoint.resize(generic.size());
    auto address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
      address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    }
    return to_string(HostPort{.host = address.to_string(), .port = endpoint.port()});
  }

  asio::awaitable<tl::expected<Dialled, std::string>> dial(std::shared_ptr<Impl> self, std::string address,
                                                           Purpose purpose, std::uint64_t wanted_id,
                                                           std::chrono::milliseconds timeout) {
    const auto target = parse_host_port(address);
    if (!target) co_return tl::unexpected(fmt::format("'{}' is not an address of the form host:port", address));
    net::ClientLimits limits{.tcp_user_timeout = kUserTimeout};
    auto connector = std::make_shared<net::Connector>(self->executor, limits, self->book_of(address, *target));
    asio::steady_timer timer(self->executor, timeout);
    timer.async_wait([connector](error_code cancelled) {
      if (!cancelled) connector->abort();
    });
    net::TcpEndpoint endpoint{.host = target->host, .port = target->port, .tls = self->tls.dials};
    auto connected = co_await connector->connect(std::move(endpoint), std::chrono::steady_clock::now() + timeout);
    timer.cancel();
    if (!connected) {
      if (connected.error().failure == net::NetFailure::kTls) {
        self->complaints.say(address, fmt::format("the node at {} and this one do not know each other: {}. Is "
                                                  "embedded.secret (or the certificates) the same on both?",
                                                  address, connected.error().what));
      }
      co_return tl::unexpected(connected.error().what);
    }
    SecureStream stream(std::move(*connected));
    if (!has_proven_itself(*stream)) {
      stream->close();
      self->complaints.say(address, fmt::format("the node at {} did not prove that it belongs to this cluster", address));
      co_return tl::unexpected(fmt::format("the node at {} did not prove that it belongs to this cluster", address));
    }
    co_return co_await introduce(self, std::move(stream), std::move(address), purpose, wanted_id, timeout);
  }

  static asio::awaitable<tl::expected<Dialled, std::string>> introduce(std::shared_ptr<Impl> self, SecureStream stream,
                                                                       std::string address, Purpose purpose,
                                                                       std::uint64_t wanted_id,
                                                                       std::chrono::milliseconds timeout) {
    const Deadline deadline(stream, timeout);
    Hello hello{.purpose = purpose, .wanted_id = wanted_id, .caller = self->who_am_i()};
    std::optional<std::string> frame;
    const bool sent = co_await write_frame(*stream, encode(hello));
    if (sent) frame = co_await read_frame(*stream, kMaxHello);
    if (!frame) {
      // With TLS 1.3 a refused key shows here: the dialling side's handshake ends before the other's.
      co_return tl::unexpected(fmt::format("the node at {} closed the connection during the greeting", address));
    }
    const auto welcome = decode_welcome(*frame);
    if (!welcome) co_return tl::unexpected(fmt::format("the node at {} does not speak this protocol", address));
    if (!welcome->accepted) {
      self->complaints.say(about(purpose, address), fmt::format("the node at {} refused this one: {}", address, welcome->reason));
      co_return tl::unexpected(fmt::format("the node at {} refused this one: {}", address, welcome->reason));
    }
    // Raft's messages would else go to a node that took over the address of the one they are for.
    if (wanted_id != 0 && welcome->callee.raft_id != wanted_id) {
      co_return tl::unexpected(fmt::format("another node is at {}", address));
    }
    self->complaints.settled(about(purpose, address));
    co_return Dialled{.stream = std::move(stream), .peer = welcome->callee};
  }

  // Where names led to last time: a name service that is gone must not keep members apart.
  std::shared_ptr<net::AddressBook> book_of(const std::string& address, const HostPort& target) {
    auto& book = books[address];
    if (!book) book = std::make_shared<net::AddressBook>(executor, target.host, target.port);
    return book;
  }

  asio::any_io_executor executor;
  PeerTls tls;
  WhoAmI who_am_i;
  Complaints complaints;
  Accepted accepted;
  std::map<std::string, std::shared_ptr<net::AddressBook>> books;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;
  std::deque<SecureStream> greetings;  // the oldest first
  bool closed = false;
};

Link::Link(asio::any_io_executor executor, PeerTls tls, WhoAmI who_am_i, Log log)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(tls), std::move(who_am_i), std::move(log))) {}

Link::~Link() {
  impl_->closed = true;
  impl_->accepted = nullptr;
  error_code ignored;
  for (const auto& acceptor : impl_->acceptors) acceptor->close(ignored);
}

tl::expected<void, std::string> Link::listen(const HostPort& address, Accepted accepted) {
  auto bound = net::bind_tcp(impl_->executor, address.host, address.port);
  if (!bound) return tl::unexpected(bound.error().what);
  impl_->accepted = std::move(accepted);
  for (auto& acceptor : *bound) {
    impl_->acceptors.push_back(std::make_shared<tcp::acceptor>(std::move(acceptor)));
    impl_->accept(impl_->acceptors.back());
  }
  return {};
}

asio::awaitable<tl::expected<Link::Dialled, std::string>> Link::dial(std::string address, Purpose purpose,
                                                                     std::uint64_t wanted_id,
                                                                     std::chrono::milliseconds timeout) {
  return impl_->dial(impl_, std::move(address), purpose, wanted_id, timeout);
}

}  // namespace matriarch::consensus::raft
