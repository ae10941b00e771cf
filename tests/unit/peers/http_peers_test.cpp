// Which members' certificates are believed: as among Patroni's members.
#include "peers/http_peers.hpp"

#include <gmock/gmock.h>

#include "unit/net/a_tls_member.hpp"

namespace matriarch::peers {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class HttpPeersTest : public net::ATlsMember {
 protected:
  bool answers(model::CtlSettings ctl) {
    auto settings = std::make_shared<model::Settings>();
    settings->ctl = std::move(ctl);
    HttpPeers peers(loop_.executor(), settings, [](std::string) {});
    bool answered = false;
    loop_.run([&]() -> asio::awaitable<void> {
      ports::PeerAddress member{.name = model::MemberName("pg2"), .api_url = url()};
      answered = co_await peers.answers(std::move(member), 5s);
    });
    return answered;
  }
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
