// TLS between our client and our server, with certificates made for the test.
#include "net/tls.hpp"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/stream.hpp>
#include <fstream>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "unit/net/a_loop.hpp"
#include "unit/net/a_raw_peer.hpp"
#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using system::ADirectory;
using testing::HasSubstr;
using Answer = asio::awaitable<std::optional<HttpResponse>>;

Answer who(HttpRequest, PeerInfo peer, ChunkWriter&) {
  HttpResponse response{.status = 200, .body = peer.has_client_certificate ? peer.certificate_subject : "nobody"};
  co_return response;
}

class Tls : public testing::Test {
 protected:
  void serve(TlsServerSettings settings) {
    server.emplace(loop.executor(), who);
    must(server->listen(ListenTcp{.address = "127.0.0.1", .tls = std::move(settings)}));
  }
  void serve(VerifyClient verify = VerifyClient::kNone) {
    const auto own = authority.issue("db1", "DNS:localhost,IP:127.0.0.1");
    serve({.certfile = own.certfile, .keyfile = own.keyfile, .cafile = authority.cafile(), .verify_client = verify});
  }
  NetResult<HttpResponse> ask(TlsClientSettings settings, std::string host = "127.0.0.1") {
    return ask(must(make_client_context(settings)), host);
  }
  NetResult<HttpResponse> ask(TlsContext context, std::string host) {
    NetResult<HttpResponse> answer;
    loop.run([&]() -> asio::awaitable<void> {
      HttpClient client(loop.executor(), TcpEndpoint{.host = host, .port = server->port(), .tls = context});
      HttpRequest request;
      answer = co_await client.request(std::move(request), 10s);
    });
    return answer;
  }
  TlsClientSettings trusting() { return {.cafile = authority.cafile()}; }
  TlsClientSettings identified_as(const std::string& name) {
    const auto own = authority.issue(name, "");
    return {.cafile = authority.cafile(), .certfile = own.certfile, .keyfile = own.keyfile};
  }

  ADirectory directory;
  AnAuthority authority{directory.path(), "authority"};
  AnAuthority stranger{directory.path(), "stranger"};
  ALoop loop;
  std::optional<HttpServer> server;
};

TEST_F(Tls, AVerifiedServerIsTrustedByNameAndByAddress) {
  serve();
  EXPECT_EQ(must(ask(trusting())).body, "nobody");
  EXPECT_EQ(must(ask(trusting(), "localhost")).body, "nobody");
}

TEST_F(Tls, AServerOfAnotherNameIsRefused) {
  const auto other = authority.issue("other", "DNS:other,IP:127.0.0.2");
  serve({.certfile = other.certfile, .keyfile = other.keyfile});
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto answer = ask(trusting(), host);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().failure, NetFailure::kTls);
    EXPECT_FALSE(answer.error().may_have_been_processed);
    EXPECT_THAT(answer.error().what, HasSubstr("mismatch"));
    EXPECT_THAT(answer.error().what, HasSubstr(std::string(host) + ":" + std::to_string(server->port())));
  }
}

TEST_F(Tls, TheNameMayBeLeftUnverifiedWhileTheAuthorityIsNot) {
  const auto other = authority.issue("other", "DNS:other,IP:127.0.0.2");
  serve({.certfile = other.certfile, .keyfile = other.keyfile});
  const TlsClientSettings any_host{.verify_host = false, .cafile = authority.cafile()};
  for (const char* host : {"127.0.0.1", "localhost"}) EXPECT_EQ(must(ask(any_host, host)).status, 200u);
  EXPECT_FALSE(ask({.verify_host = false, .cafile = stranger.cafile()}));
}

TEST_F(Tls, AServerOfAnotherAuthorityIsRefusedUnlessVerificationIsOff) {
  const auto fake = stranger.issue("db1", "DNS:localhost,IP:127.0.0.1");
  serve({.certfile = fake.certfile, .keyfile = fake.keyfile});
  const auto answer = ask(trusting());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, NetFailure::kTls);
  EXPECT_FALSE(ask(TlsClientSettings{}));  // the system's store does not know it either
  EXPECT_EQ(must(ask(TlsClientSettings{.verify = false})).status, 200u);
}

TEST_F(Tls, AClientCertificateIsAskedForAndNamed) {
  serve(VerifyClient::kRequired);
  EXPECT_EQ(must(ask(identified_as("operator"))).body, "operator");
  const auto without = ask(trusting());
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().failure, NetFailure::kTls);
}

TEST_F(Tls, AnOptionalClientCertificateMayBeMissingButNotFalse) {
  serve(VerifyClient::kOptional);
  EXPECT_EQ(must(ask(trusting())).body, "nobody");
  EXPECT_EQ(must(ask(identified_as("operator"))).body, "operator");
  const auto fake = stranger.issue("operator", "");
  EXPECT_FALSE(ask({.cafile = authority.cafile(), .certfile = fake.certfile, .keyfile = fake.keyfile}));
}

TEST_F(Tls, WithoutVerificationAClientCertificateCountsForNothing) {
  serve(VerifyClient::kNone);
  EXPECT_EQ(must(ask(identified_as("operator"))).body, "nobody");
}

TEST_F(Tls, KeptConnectionsWorkAndLargeBodiesToo) {
  const auto own = authority.issue("db1", "IP:127.0.0.1");
  server.emplace(loop.executor(), [](HttpRequest request, PeerInfo, ChunkWriter&) -> Answer {
    HttpResponse response{.status = 200, .body = request.body};
    co_return response;
  });
  must(server->listen(
      ListenTcp{.address = "127.0.0.1", .tls = TlsServerSettings{.certfile = own.certfile, .keyfile = own.keyfile}}));
  const auto context = must(make_client_context(trusting()));
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client(loop.executor(), TcpEndpoint{.host = "127.0.0.1", .port = server->port(), .tls = context});
    const std::string large(1'000'000, 'x');
    for (int i = 0; i < 3; ++i) {
      HttpRequest request{.method = "POST", .body = large};
      const auto answer = must(co_await client.request(std::move(request), 10s));
      EXPECT_TRUE(answer.body == large);
    }
  });
}

TEST_F(Tls, ReloadingTakesTheNewFilesAndKeepsTheOldOnesOnError) {
  const auto old = authority.issue("db1", "IP:127.0.0.1");
  const auto fresh = stranger.issue("db1", "IP:127.0.0.1");
  serve({.certfile = old.certfile, .keyfile = old.keyfile});
  const TlsClientSettings trusting_the_new{.cafile = stranger.cafile()};
  EXPECT_FALSE(ask(trusting_the_new));

  std::ofstream(old.certfile) << "nonsense";
  const auto failed = server->reload_tls();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().what, HasSubstr(old.certfile));
  EXPECT_TRUE(ask(trusting()));

  std::filesystem::rename(fresh.certfile, old.certfile);
  std::filesystem::rename(fresh.keyfile, old.keyfile);
  ASSERT_TRUE(server->reload_tls());
  EXPECT_TRUE(ask(trusting_the_new));
  EXPECT_FALSE(ask(trusting()));
}

TEST_F(Tls, TheClientSaysWhichNameItWants) {
  // The server plays by hand: it records the name of the handshake.
  ARawServer raw(loop.executor());
  const auto own = authority.issue("localhost", "DNS:localhost");
  const auto context = must(make_server_context({.certfile = own.certfile, .keyfile = own.keyfile}));
  std::string asked;
  ::SSL_CTX_set_tlsext_servername_arg(context->native_handle(), &asked);
  ::SSL_CTX_set_tlsext_servername_callback(
      context->native_handle(), +[](SSL* tls, int*, void* name) {
        const char* wanted = ::SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
        *static_cast<std::string*>(name) = wanted == nullptr ? "none" : wanted;
        return SSL_TLSEXT_ERR_OK;
      });
  auto any_host = trusting();
  any_host.verify_host = false;  // to say the name is no question of verifying it
  const auto client_context = must(make_client_context(any_host));
  loop.run([&]() -> asio::awaitable<void> {
    loop.beside([&]() -> asio::awaitable<void> {
      ARawPeer peer = co_await raw.accept();
      asio::ssl::stream<asio::ip::tcp::socket&> tls(peer.socket(), *context);
      co_await tls.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    });
    HttpClient client(loop.executor(), TcpEndpoint{.host = "localhost", .port = raw.port(), .tls = client_context});
    HttpRequest request;
    const auto answer = co_await client.request(std::move(request), 10s);
    EXPECT_FALSE(answer);
  });
  EXPECT_EQ(asked, "localhost");
}

TEST_F(Tls, AClientWithoutTlsIsNotServed) {
  serve();
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer(loop.executor());
    co_await peer.connect(server->port());
    co_await peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(co_await peer.read_to_end(), testing::Not(HasSubstr("200 OK")));
  });
}

TEST_F(Tls, TheKeyMayStandInTheCertificateFileOrBeEncrypted) {
  const auto own = authority.issue("db1", "IP:127.0.0.1", "secret");
  EXPECT_TRUE(make_server_context({.certfile = own.certfile, .keyfile = own.keyfile, .keyfile_password = "secret"}));
  const auto wrong = make_server_context({.certfile = own.certfile, .keyfile = own.keyfile, .keyfile_password = "no"});
  EXPECT_THAT(wrong.error().what, HasSubstr(own.keyfile));
  EXPECT_FALSE(make_server_context({.certfile = own.certfile, .keyfile = own.keyfile}));

  const auto clear = authority.issue("db1", "IP:127.0.0.1");
  std::ofstream(clear.certfile, std::ios::app) << std::ifstream(clear.keyfile).rdbuf();
  EXPECT_TRUE(make_server_context({.certfile = clear.certfile}));
}

TEST_F(Tls, EveryBadFileIsNamed) {
  const auto own = authority.issue("db1", "IP:127.0.0.1");
  const auto other = authority.issue("db2", "IP:127.0.0.1");
  const auto complaint = [](const TlsServerSettings& settings) {
    const auto context = make_server_context(settings);
    return context ? std::string("no complaint") : context.error().what;
  };
  EXPECT_EQ(complaint({.certfile = "/no/such.crt"}), "certificate file /no/such.crt: No such file or directory");
  EXPECT_EQ(complaint({.certfile = own.certfile, .keyfile = "/no/such.key"}),
            "key file /no/such.key: No such file or directory");
  EXPECT_THAT(complaint({.certfile = own.certfile, .keyfile = other.keyfile}), HasSubstr(other.keyfile));
  EXPECT_THAT(complaint({.certfile = own.certfile}), HasSubstr("key file " + own.certfile));
  EXPECT_EQ(complaint({.certfile = own.certfile, .keyfile = own.keyfile, .cafile = "/no/ca"}),
            "CA file /no/ca: No such file or directory");
  EXPECT_THAT(complaint({.certfile = own.certfile, .keyfile = own.keyfile, .ciphers = "nonsense"}),
              HasSubstr("nonsense"));
  EXPECT_THAT(complaint({.certfile = own.certfile, .keyfile = own.keyfile, .verify_client = VerifyClient::kRequired}),
              HasSubstr("cafile"));
  EXPECT_FALSE(make_client_context({.cafile = own.keyfile}));
  EXPECT_FALSE(make_client_context({.keyfile = own.keyfile}));
}

TEST_F(Tls, ABadFileKeepsTheServerFromListening) {
  HttpServer other(loop.executor(), who);
  const auto result =
      other.listen(ListenTcp{.address = "127.0.0.1", .tls = TlsServerSettings{.certfile = "/no/such.crt"}});
  EXPECT_EQ(result.error().failure, NetFailure::kTls);
  EXPECT_EQ(other.port(), 0);
}

}  // namespace
}  // namespace matriarch::net
