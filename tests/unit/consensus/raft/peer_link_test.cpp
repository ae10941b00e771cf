// Two nodes that meet over TCP: what a wrong secret, another scope, another cluster or another node at the address do.
#include "consensus/raft/calls.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::consensus::raft {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
namespace asio = boost::asio;

struct Peer {
  Peer(asio::io_context& loop, std::string secret, std::string scope, Self its_self)
      : Peer(loop, PeerSecurity{.secret = std::move(secret)}, std::move(scope), std::move(its_self)) {}
  Peer(asio::io_context& loop, const PeerSecurity& security, std::string scope, Self its_self)
      : self(its_self),
        link(loop.get_executor(), make_peer_tls(security, scope, self.name).value(),
             [this] { return self; }, [this](LogLevel, const std::string& text) { said.push_back(text); }),
        calls(loop.get_executor(), link) {}

  Self self;
  std::vector<std::string> said;
  Link link;
  Calls calls;
};

class PeerLinkTest : public ::testing::Test {
 protected:
  // A free port, found by listening on it for a moment.
  static std::uint16_t free_port() {
    asio::io_context loop;
    asio::ip::tcp::acceptor acceptor(loop, {asio::ip::make_address("127.0.0.1"), 0});
    return acceptor.local_endpoint().port();
  }
  void listen(Peer& peer) {
    const auto listening = peer.link.listen({.host = "127.0.0.1", .port = port_}, [](Hello hello, SecureStream stream) {
      serve_calls(std::move(stream), hello.caller, [](Self caller, std::string request) -> asio::awaitable<std::string> {
        co_return caller.name + " said " + request;
      });
    });
    ASSERT_TRUE(listening) << listening.error();
  }
  tl::expected<std::string, CallError> call(Peer& peer, std::uint64_t wanted = 0) {
    auto answer = asio::co_spawn(loop_, peer.calls.call(address(), wanted, "hello", 3s), asio::use_future);
    while (answer.wait_for(0s) != std::future_status::ready) loop_.run_one();
    loop_.poll();
    return answer.get();
  }
  // Until somebody says it, or a deadline that fails the test.
  void expect_said(Peer& peer, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (std::chrono::steady_clock::now() < deadline) {
      for (const auto& line : peer.said) {
        if (line.find(what) != std::string::npos) return;
      }
      loop_.run_one_for(50ms);
    }
    FAIL() << "nobody said: " << what << "; but: " << ::testing::PrintToString(peer.said);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  asio::io_context loop_{1};
  std::uint16_t port_ = free_port();
};

// Answers any hello with this welcome; the number of hellos it was told is kept.
asio::awaitable<void> welcome_everybody(asio::ip::tcp::acceptor& acceptor, net::TlsContext tls, Welcome welcome, int& told) {
  net::Stream stream(net::Stream::Socket(co_await acceptor.async_accept(asio::use_awaitable)));
  auto& secured = stream.start_tls(tls);
  boost::system::error_code error;
  co_await secured.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  const auto hello = co_await read_frame(stream, 4096);
  if (!hello) co_return;
  ++told;
  co_await write_frame(stream, encode(welcome));
  co_await read_frame(stream, 4096);
}

Self node(std::uint64_t id, std::uint64_t cluster = 7) {
  return {.cluster_id = cluster, .raft_id = id, .address = "127.0.0.1:1", .name = "pg" + std::to_string(id)};
}

TEST_F(PeerLinkTest, TheSameSecretLetsThemTalk) {
  Peer one(loop_, "hush", "demo", node(1));
  Peer two(loop_, "hush", "demo", node(2));
  listen(one);
  EXPECT_EQ(call(two).value(), "pg2 said hello");
  EXPECT_EQ(call(two, 1).value(), "pg2 said hello");
}

TEST_F(PeerLinkTest, AWrongSecretIsRefusedAndNamedOnBothSides) {
  Peer one(loop_, "hush", "demo", node(1));
  Peer two(loop_, "hash", "demo", node(2));
  listen(one);
  const auto answer = call(two);
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().may_have_arrived);
  expect_said(one, "calls itself pg2");
  expect_said(one, "embedded.secret");
  expect_said(two, "embedded.secret");
}

TEST_F(PeerLinkTest, ACertificateIsNoProofOfTheSecret) {
  Peer one(loop_, "hush", "demo", node(1));
  asio::ip::tcp::acceptor acceptor(loop_, {asio::ip::make_address("127.0.0.1"), port_});
  int told = 0;
  const system::ADirectory directory;
  const auto own = net::AnAuthority(directory.path(), "stranger").issue("pg2", "IP:127.0.0.1");
  const auto tls = net::make_server_context({.certfile = own.certfile, .keyfile = own.keyfile}).value();
  asio::co_spawn(loop_, welcome_everybody(acceptor, tls, {.accepted = true, .callee = node(2)}, told), asio::detached);
  const auto answer = call(one);
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().may_have_arrived);
  EXPECT_EQ(told, 0);
  expect_said(one, "embedded.secret");
}

TEST_F(PeerLinkTest, AConnectionForANodeIsOnlyToThatNode) {
  Peer one(loop_, "hush", "demo", node(1));
  asio::ip::tcp::acceptor acceptor(loop_, {asio::ip::make_address("127.0.0.1"), port_});
  int told = 0;
  const auto tls = make_peer_tls({.secret = "hush"}, "demo", "pg3").value();
  asio::co_spawn(loop_, welcome_everybody(acceptor, tls.accepts, {.accepted = true, .callee = node(3)}, told), asio::detached);
  auto dialled = asio::co_spawn(loop_, one.link.dial(address(), Purpose::kRaft, 2, 3s), asio::use_future);
  while (dialled.wait_for(0s) != std::future_status::ready) loop_.run_one();
  EXPECT_FALSE(dialled.get());
  EXPECT_EQ(told, 1);
}

TEST_F(PeerLinkTest, AnotherScopeIsAnotherSecret) {
  Peer one(loop_, "hush", "demo", node(1));
  Peer two(loop_, "hush", "prod", node(2));
  listen(one);
  EXPECT_FALSE(call(two));
  expect_said(one, "pg2 of cluster prod");
}

TEST_F(PeerLinkTest, ANodeOfAnotherClusterIsRefused) {
  Peer one(loop_, "hush", "demo", node(1, 7));
  Peer two(loop_, "hush", "demo", node(2, 8));
  listen(one);
  const auto answer = call(two);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().what, HasSubstr("cluster 8"));
  expect_said(one, "refused node pg2");
}

TEST_F(PeerLinkTest, ACallForAnotherNodeDoesNotArrive) {
  Peer one(loop_, "hush", "demo", node(1));
  Peer two(loop_, "hush", "demo", node(2));
  listen(one);
  const auto answer = call(two, 99);
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().may_have_arrived);
}

TEST_F(PeerLinkTest, CertificatesOfOneAuthorityLetThemTalkAlsoWithEncryptedKeys) {
  const system::ADirectory directory;
  net::AnAuthority authority(directory.path(), "authority");
  const auto own = authority.issue("pg", "IP:127.0.0.1", "hush");
  const PeerSecurity security{.certfile = own.certfile, .keyfile = own.keyfile, .keyfile_password = "hush", .cafile = authority.cafile()};
  Peer one(loop_, security, "demo", node(1));
  Peer two(loop_, security, "demo", node(2));
  listen(one);
  EXPECT_EQ(call(two).value(), "pg2 said hello");
}

TEST_F(PeerLinkTest, ACrowdThatNeverGreetsKeepsNoMemberOut) {
  Peer one(loop_, "hush", "demo", node(1));
  Peer two(loop_, "hush", "demo", node(2));
  listen(one);
  std::vector<asio::ip::tcp::socket> crowd;
  for (int i = 0; i < 65; ++i) {
    crowd.emplace_back(loop_).connect({asio::ip::make_address("127.0.0.1"), port_});
    loop_.poll();
  }
  EXPECT_EQ(call(two).value(), "pg2 said hello");
  // The two oldest had to go; all others may still greet.
  for (auto& stranger : crowd) stranger.non_blocking(true);
  const auto is_closed = [](asio::ip::tcp::socket& socket) {
    char byte = 0;
    boost::system::error_code error;
    socket.read_some(asio::buffer(&byte, 1), error);
    return error == asio::error::eof || error == asio::error::connection_reset;
  };
  EXPECT_TRUE(is_closed(crowd[0]));
  EXPECT_TRUE(is_closed(crowd[1]));
  EXPECT_FALSE(is_closed(crowd[2]));
  EXPECT_FALSE(is_closed(crowd[64]));
}

TEST(Hello, ReasonsToRefuse) {
  const Hello hello{.purpose = Purpose::kRaft, .wanted_id = 1, .caller = node(2)};
  EXPECT_FALSE(reason_to_refuse(hello, node(1)).has_value());
  EXPECT_TRUE(reason_to_refuse(hello, node(3)).has_value());
  EXPECT_TRUE(reason_to_refuse(hello, node(1, 8)).has_value());
  EXPECT_TRUE(reason_to_refuse(hello, node(1, 0)).has_value());
  EXPECT_TRUE(reason_to_refuse({.caller = node(1)}, node(1)).has_value());
  EXPECT_FALSE(reason_to_refuse({.caller = node(2, 0)}, node(1)).has_value());
}

TEST(Hello, SurvivesItsEncodingAndRefusesGarbage) {
  const Hello hello{.purpose = Purpose::kRaft, .wanted_id = 1, .caller = node(2)};
  const auto decoded = decode_hello(encode(hello)).value();
  EXPECT_EQ(decoded.caller.name, "pg2");
  EXPECT_EQ(decoded.purpose, Purpose::kRaft);
  EXPECT_FALSE(decode_hello("GET / HTTP/1.1\r\n\r\n").has_value());
  EXPECT_FALSE(decode_hello("").has_value());
}

}  // namespace
}  // namespace matriarch::consensus::raft
