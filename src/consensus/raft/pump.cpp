#include "consensus/raft/pump.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "system/error.hpp"

namespace matriarch::consensus::raft {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kPieceBytes = 16u << 10;  // one TLS record
// A peer that takes nothing for so long is stopped or gone, though its kernel may still acknowledge: libraft queues
// without bound until its stream closes.
constexpr auto kPatience = std::chrono::seconds(3);

struct Pump {
  SecureStream secured;
  asio::local::stream_protocol::socket plain;
  asio::steady_timer patience;

  void close() {
    error_code ignored;
    secured->close();
    plain.close(ignored);
    patience.cancel();
  }
};

template <typename From, typename To>
asio::awaitable<void> carry(std::shared_ptr<Pump> pump, From& from, To& to, bool is_outgoing) {
  std::vector<char> piece(kPieceBytes);
  error_code error;
  while (!error) {
    const auto size = co_await from.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    if (is_outgoing) {
      pump->patience.expires_after(kPatience);
      pump->patience.async_wait([pump](error_code dismissed) {
        if (!dismissed) pump->close();
      });
    }
    co_await asio::async_write(to, asio::buffer(piece.data(), size), asio::redirect_error(asio::use_awaitable, error));
    if (is_outgoing) pump->patience.cancel();
  }
  pump->close();
}

}  // namespace

tl::expected<int, std::string> start_pump(SecureStream stream) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return tl::unexpected(system::failed("socketpair").value().message());
  }
  const auto executor = stream->get_executor();
  auto pump = std::shared_ptr<Pump>(new Pump{std::move(stream), asio::local::stream_protocol::socket(executor),
                                             asio::steady_timer(executor)});
  pump->plain.assign(asio::local::stream_protocol(), ends[0]);
  asio::co_spawn(executor, carry(pump, pump->plain, *pump->secured, true), asio::detached);
  asio::co_spawn(executor, carry(pump, *pump->secured, pump->plain, false), asio::detached);
  return ends[1];
}

}  // namespace matriarch::consensus::raft
