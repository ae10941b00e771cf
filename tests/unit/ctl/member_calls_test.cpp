// Which members' certificates the command line believes: as patronictl.
#include "ctl/member_calls.hpp"

#include <gmock/gmock.h>

#include "net/http_server.hpp"
#include "unit/net/a_loop.hpp"
#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::ctl {
namespace {

namespace asio = boost::asio;

class MemberCallsTest : public testing::Test {
 protected:
  void serve(const net::AnAuthority::Issued& own) {
    server_.emplace(loop_.executor(), [](net::HttpRequest, net::PeerInfo, net::ChunkWriter&) -> asio::awaitable<std::optional<net::HttpResponse>> {
      net::HttpResponse response{.status = 200};
      co_return response;
    });
    net::must(server_->listen(net::ListenTcp{.address = "127.0.0.1", .tls = net::TlsServerSettings{.certfile = own.certfile, .keyfile = own.keyfile}}));
  }
  bool is_believed(const model::CtlSettings& ctl, bool insecure) {
    model::Settings settings;
    settings.ctl = ctl;
    const auto calls = make_member_calls(loop_.executor(), settings, insecure);
    bool answered = false;
    loop_.run([&]() -> asio::awaitable<void> {
      Call call{.api_url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/patroni"};
      const auto answer = co_await calls->call(std::move(call));
      answered = answer.has_value();
    });
    return answered;
  }
  model::CtlSettings trusting() { return {.cacert = authority_.cafile()}; }
  model::CtlSettings with_certificate() {
    const auto own = authority_.issue("operator", "");
    return {.cacert = authority_.cafile(), .certfile = own.certfile, .keyfile = own.keyfile};
  }

  system::ADirectory directory_;
  net::AnAuthority authority_{directory_.path(), "authority"};
  net::AnAuthority stranger_{directory_.path(), "stranger"};
  net::ALoop loop_;
  std::optional<net::HttpServer> server_;
};

TEST_F(MemberCallsTest, AuthorityAndHostAreVerified) {
  serve(authority_.issue("pg2", "IP:127.0.0.1"));
  EXPECT_TRUE(is_believed(trusting(), false));
  EXPECT_TRUE(is_believed(with_certificate(), false));
}

TEST_F(MemberCallsTest, InsecureGivesUpTheHost) {
  serve(authority_.issue("pg2", "DNS:other"));
  EXPECT_FALSE(is_believed(trusting(), false));
  EXPECT_FALSE(is_believed(with_certificate(), false));
  EXPECT_TRUE(is_believed(trusting(), true));
  EXPECT_TRUE(is_believed(with_certificate(), true));
}

TEST_F(MemberCallsTest, InsecureGivesUpTheAuthorityOnlyWithoutACertificateOfOnesOwn) {
  serve(stranger_.issue("pg2", "IP:127.0.0.1"));
  EXPECT_FALSE(is_believed(trusting(), false));
  EXPECT_TRUE(is_believed(trusting(), true));
  EXPECT_FALSE(is_believed(with_certificate(), true));
}

TEST_F(MemberCallsTest, AUrlThatIsNoneIsNamed) {
  model::Settings settings;
  const auto calls = make_member_calls(loop_.executor(), settings, false);
  loop_.run([&]() -> asio::awaitable<void> {
    Call call{.api_url = "ftp://127.0.0.1/"};
    const auto answer = co_await calls->call(std::move(call));
    EXPECT_THAT(answer.error().what, testing::HasSubstr("ftp://127.0.0.1/"));
  });
}

}  // namespace
}  // namespace matriarch::ctl
