// Which members' certificates are believed: as among Patroni's members.
#include "peers/http_peers.hpp"

#include <gmock/gmock.h>

#include "net/http_server.hpp"
#include "unit/net/a_loop.hpp"
#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::peers {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class HttpPeersTest : public testing::Test {
 protected:
  void serve(const net::AnAuthority::Issued& own) {
    server_.emplace(loop_.executor(), [](net::HttpRequest, net::PeerInfo, net::ChunkWriter&) -> asio::awaitable<std::optional<net::HttpResponse>> {
      net::HttpResponse response{.status = 200};
      co_return response;
    });
    net::must(server_->listen(net::ListenTcp{.address = "127.0.0.1", .tls = net::TlsServerSettings{.certfile = own.certfile, .keyfile = own.keyfile}}));
  }
  bool answers(model::CtlSettings ctl) {
    auto settings = std::make_shared<model::Settings>();
    settings->ctl = std::move(ctl);
    HttpPeers peers(loop_.executor(), settings, [](std::string) {});
    bool answered = false;
    loop_.run([&]() -> asio::awaitable<void> {
      ports::PeerAddress member{.name = model::MemberName("pg2"), .api_url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/patroni"};
      answered = co_await peers.answers(std::move(member), 5s);
    });
    return answered;
  }
  model::CtlSettings with_certificate() {
    const auto own = authority_.issue("pg1", "");
    return {.cacert = authority_.cafile(), .certfile = own.certfile, .keyfile = own.keyfile};
  }

  system::ADirectory directory_;
  net::AnAuthority authority_{directory_.path(), "authority"};
  net::AnAuthority stranger_{directory_.path(), "stranger"};
  net::ALoop loop_;
  std::optional<net::HttpServer> server_;
};

TEST_F(HttpPeersTest, WithoutACertificateOfItsOwnANodeVerifiesNobody) {
  serve(stranger_.issue("pg2", "IP:127.0.0.1"));
  EXPECT_TRUE(answers({}));
  EXPECT_TRUE(answers({.cacert = authority_.cafile()}));
}

TEST_F(HttpPeersTest, WithOneItVerifiesTheAuthorityEvenIfTheCommandLineNeedNot) {
  serve(stranger_.issue("pg2", "IP:127.0.0.1"));
  auto ctl = with_certificate();
  EXPECT_FALSE(answers(ctl));
  ctl.insecure = true;
  EXPECT_FALSE(answers(ctl));
}

TEST_F(HttpPeersTest, TheHostIsNeverVerified) {
  serve(authority_.issue("pg2", "DNS:other"));
  EXPECT_TRUE(answers(with_certificate()));
}

}  // namespace
}  // namespace matriarch::peers
