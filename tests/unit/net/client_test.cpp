// The client against servers that a test plays by hand.
#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "net/http_client.hpp"
#include "unit/net/a_loop.hpp"
#include "unit/net/a_raw_peer.hpp"
#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class Client : public testing::Test {
 protected:
  HttpClient client_of(std::uint16_t port, ClientLimits limits = {}) {
    return HttpClient(loop.executor(), TcpEndpoint{.host = "127.0.0.1", .port = port}, limits);
  }
  asio::awaitable<NetResult<HttpResponse>> get(HttpClient& client, std::chrono::milliseconds timeout = 10s) {
    HttpRequest request;
    return client.request(std::move(request), timeout);
  }
  // Accepts one connection, takes one request and says `answer`; then closes if asked, else waits for the client's
  // close.
  asio::awaitable<void> answer_once(std::string answer, bool close_then) {
    ARawPeer peer = co_await server.accept();
    received = co_await peer.read_until("\r\n\r\n");
    co_await peer.send(answer);
    if (!close_then) co_await peer.read_to_end();
  }
  NetResult<HttpResponse> ask_for(std::string answer, bool close_then, ClientLimits limits = {}) {
    NetResult<HttpResponse> result;
    loop.run([&, answer]() -> asio::awaitable<void> {
      HttpClient client = client_of(server.port(), limits);
      loop.beside([this, answer, close_then] { return answer_once(answer, close_then); });
      result = co_await get(client);
    });
    return result;
  }

  ALoop loop;
  ARawServer server{loop.executor()};
  std::string received;
};

TEST_F(Client, SendsAWellFormedRequest) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    loop.beside([this] { return answer_once("HTTP/1.1 204 No Content\r\n\r\n", false); });
    HttpRequest request{.method = "POST", .target = "/v3/kv?x=1", .body = "{}"};
    request.headers = {{"Content-Type", "application/json"}, {"X-Two", "a"}, {"X-Two", "b"}, {"Host", "mine"}};
    const auto answer = co_await client.request(std::move(request), 10s);
    EXPECT_EQ(must(answer).status, 204u);
  });
  EXPECT_THAT(received, StartsWith("POST /v3/kv?x=1 HTTP/1.1\r\n"));
  for (const char* line : {"Host: mine\r\n", "Content-Type: application/json\r\n", "X-Two: a\r\n", "X-Two: b\r\n",
                           "Content-Length: 2\r\n", "User-Agent: matriarch"}) {
    EXPECT_THAT(received, HasSubstr(line));
  }
  EXPECT_THAT(received, testing::Not(HasSubstr("Host: 127")));
}

TEST_F(Client, NamesHostAndPort) {
  ask_for("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
  EXPECT_THAT(received, HasSubstr("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
}

TEST_F(Client, RefusesToSendWhatCouldSmuggleAnotherRequest) {
  std::vector<HttpRequest> bad(7);
  bad[0].method = "GET /\r\n";
  bad[1].method = "";
  bad[2].target = "/a b";
  bad[3].target = "/a\r\nX: y";
  bad[4].headers = {{"X", "a\r\nY: b"}};
  bad[5].headers = {{"X: y\r\n", "a"}};
  bad[6].target = "";
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    for (const HttpRequest& request : bad) {
      const auto answer = co_await client.request(request, 10s);
      EXPECT_EQ(answer.error().failure, NetFailure::kProtocol);
      EXPECT_FALSE(answer.error().may_have_been_processed);
    }
  });
}

TEST_F(Client, ReadsBodiesOfEveryFraming) {
  EXPECT_EQ(must(ask_for("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false)).body, "hello");
  EXPECT_EQ(
      must(ask_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", false))
          .body,
      "hello");
  EXPECT_EQ(must(ask_for("HTTP/1.0 200 OK\r\n\r\nhello", true)).body, "hello");
}

TEST_F(Client, GivesTheHeadersOfTheAnswer) {
  const auto answer = must(ask_for("HTTP/1.1 503 No\r\nContent-Length: 0\r\nX-A: 1\r\nX-a: 2\r\n\r\n", false));
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(find_header(answer.headers, "x-a"), "1");
  EXPECT_EQ(answer.headers.size(), 3u);
}

TEST_F(Client, PassesOverInterimAnswers) {
  const auto answer = must(ask_for(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
      false));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body, "x");
}

TEST_F(Client, DoesNotWaitForTheBodyOfAHeadAnswer) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    loop.beside([this] { return answer_once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false); });
    HttpRequest request{.method = "HEAD"};
    const auto answer = must(co_await client.request(std::move(request), 10s));
    EXPECT_EQ(find_header(answer.headers, "Content-Length"), "5");
    EXPECT_EQ(answer.body, "");
  });
}

struct BadAnswer {
  const char* name;
  std::string answer;
  NetFailure failure;
};
class BadAnswers : public Client, public testing::WithParamInterface<BadAnswer> {};

TEST_P(BadAnswers, AreFailuresOfARequestThatMayHaveBeenProcessed) {
  ClientLimits limits;
  limits.max_body = 10;
  const auto answer = ask_for(GetParam().answer, true, limits);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, GetParam().failure) << answer.error().what;
  EXPECT_TRUE(answer.error().may_have_been_processed);
  EXPECT_THAT(answer.error().what, HasSubstr("127.0.0.1:" + std::to_string(server.port())));
}

INSTANTIATE_TEST_SUITE_P(
    , BadAnswers,
    testing::Values(
        BadAnswer{"Nothing", "", NetFailure::kClosed},
        BadAnswer{"HalfAHead", "HTTP/1.1 200 OK\r\nCont", NetFailure::kClosed},
        BadAnswer{"HalfABody", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", NetFailure::kClosed},
        BadAnswer{"HalfAChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", NetFailure::kClosed},
        BadAnswer{"NotHttp", "SSH-2.0-OpenSSH_9.2\r\n\r\n", NetFailure::kProtocol},
        BadAnswer{"BadLength", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NetFailure::kProtocol},
        BadAnswer{"BadChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NetFailure::kProtocol},
        BadAnswer{"LongBody", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", NetFailure::kProtocol},
        BadAnswer{"LongHead", "HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'x'), NetFailure::kProtocol}),
    [](const auto& each) { return each.param.name; });

TEST_F(Client, UsesAKeptConnectionAgain) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    loop.beside([this]() -> asio::awaitable<void> {
      ARawPeer peer = co_await server.accept();
      server.close();  // a second connection would be refused
      for (int i = 0; i < 3; ++i) {
        co_await peer.read_until("\r\n\r\n");
        co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(i));
      }
      co_await peer.read_to_end();
    });
    for (int i = 0; i < 3; ++i) {
      const auto answer = must(co_await get(client));
      EXPECT_EQ(answer.body, std::to_string(i));
    }
  });
}

TEST_F(Client, AStreamThatEndedInGoodOrderLeavesItsConnectionForOthers) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    loop.beside([this]() -> asio::awaitable<void> {
      ARawPeer peer = co_await server.accept();
      server.close();
      co_await peer.read_until("\r\n\r\n");
      co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n");
      co_await peer.read_until("\r\n\r\n");
      co_await peer.send("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n");
      co_await peer.read_to_end();
    });
    HttpRequest request;
    must(co_await client.stream(
        request, [](std::string_view) { return true; }, 10s, 0ms));
    const auto answer = must(co_await get(client));
    EXPECT_EQ(answer.status, 201u);
  });
}

TEST_F(Client, DoesNotKeepAConnectionThatTheServerWantsClosed) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    loop.beside(
        [this] { return answer_once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false); });
    must(co_await get(client));
    loop.beside([this] { return answer_once("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n", false); });
    const auto answer = must(co_await get(client));
    EXPECT_EQ(answer.status, 201u);
  });
}

// The end of the first connection is there before the second request: nothing is lost by taking a new one.
TEST_F(Client, TakesANewConnectionWhenTheKeptOneWasClosed) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    AnEvent closed(loop.executor());
    loop.beside([&]() -> asio::awaitable<void> {
      co_await answer_once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
      closed.happen();
    });
    must(co_await get(client));
    co_await closed.wait();
    loop.beside([this] { return answer_once("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n", false); });
    HttpRequest request{.method = "POST", .body = "x"};
    const auto answer = must(co_await client.request(std::move(request), 10s));
    EXPECT_EQ(answer.status, 201u);
  });
}

// The server took the request and closed: it may have acted on it, so it is not sent a second time.
TEST_F(Client, DoesNotRepeatARequestThatTheServerTook) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    int requests = 0;
    loop.beside([&]() -> asio::awaitable<void> {
      ARawPeer peer = co_await server.accept();
      co_await peer.read_until("\r\n\r\n");
      co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      co_await peer.read_until("\r\n\r\n");
      ++requests;
      peer.close();
      ARawPeer second = co_await server.accept();
      ++requests;
    });
    must(co_await get(client));
    const auto answer = co_await get(client);
    EXPECT_EQ(answer.error().failure, NetFailure::kClosed);
    EXPECT_TRUE(answer.error().may_have_been_processed);
    EXPECT_EQ(requests, 1);
    server.close();
  });
}

TEST_F(Client, KeepsNoMoreConnectionsThanItMay) {
  loop.run([&]() -> asio::awaitable<void> {
    ClientLimits limits;
    limits.max_idle_connections = 1;
    HttpClient client = client_of(server.port(), limits);
    int closed = 0;
    AnEvent one_closed(loop.executor());
    const auto serve = [&]() -> asio::awaitable<void> {
      co_await answer_once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
      ++closed;
      one_closed.happen();
    };
    AnEvent both(loop.executor());
    int answered = 0;
    const auto ask = [&]() -> asio::awaitable<void> {
      must(co_await get(client));
      if (++answered == 2) both.happen();
    };
    for (int i = 0; i < 2; ++i) loop.beside(serve);
    for (int i = 0; i < 2; ++i) loop.beside(ask);
    co_await both.wait();
    co_await one_closed.wait();
    EXPECT_EQ(closed, 1);
  });
}

TEST_F(Client, SaysThatNobodyListens) {
  const auto port = server.port();
  server.close();
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(port);
    const auto answer = co_await get(client);
    EXPECT_EQ(answer.error().failure, NetFailure::kRefused);
    EXPECT_FALSE(answer.error().may_have_been_processed);
    EXPECT_EQ(answer.error().what, "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");

    HttpClient unix_client(loop.executor(), UnixEndpoint{.path = "/no/such/socket"});
    const auto other = co_await get(unix_client);
    EXPECT_EQ(other.error().failure, NetFailure::kRefused);
    EXPECT_THAT(other.error().what, HasSubstr("/no/such/socket"));

    HttpClient long_path(loop.executor(), UnixEndpoint{.path = "/" + std::string(200, 'x')});
    const auto third = co_await get(long_path);
    EXPECT_EQ(third.error().failure, NetFailure::kRefused);
  });
}

TEST_F(Client, SaysThatTheNameHasNoAddress) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client(loop.executor(), TcpEndpoint{.host = "no-such-host.invalid", .port = 1});
    const auto answer = co_await get(client);
    EXPECT_EQ(answer.error().failure, NetFailure::kUnresolved);
    EXPECT_FALSE(answer.error().may_have_been_processed);
    EXPECT_THAT(answer.error().what, HasSubstr("no-such-host.invalid"));
  });
}

TEST_F(Client, TheDeadlineCoversTheWaitForTheAnswer) {
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client = client_of(server.port());
    loop.beside([this]() -> asio::awaitable<void> {
      ARawPeer peer = co_await server.accept();
      co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
      co_await peer.read_to_end();
    });
    const auto began = std::chrono::steady_clock::now();
    const auto answer = co_await get(client, 50ms);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
    EXPECT_EQ(answer.error().failure, NetFailure::kTimedOut);
    EXPECT_TRUE(answer.error().may_have_been_processed);
  });
}

TEST_F(Client, TheDeadlineCoversTheTlsHandshake) {
  loop.run([&]() -> asio::awaitable<void> {
    const auto tls = must(make_client_context({.verify = false}));
    HttpClient client(loop.executor(), TcpEndpoint{.host = "127.0.0.1", .port = server.port(), .tls = tls});
    loop.beside([this]() -> asio::awaitable<void> {
      ARawPeer peer = co_await server.accept();
      co_await peer.read_to_end();
    });
    const auto answer = co_await get(client, 50ms);
    EXPECT_EQ(answer.error().failure, NetFailure::kTimedOut);
    EXPECT_FALSE(answer.error().may_have_been_processed);
  });
}

TEST_F(Client, AServerThatSpeaksNoTlsIsATlsFailure) {
  loop.run([&]() -> asio::awaitable<void> {
    const auto tls = must(make_client_context({.verify = false}));
    HttpClient client(loop.executor(), TcpEndpoint{.host = "127.0.0.1", .port = server.port(), .tls = tls});
    loop.beside([this]() -> asio::awaitable<void> {
      ARawPeer peer = co_await server.accept();
      co_await peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
      co_await peer.read_to_end();
    });
    const auto answer = co_await get(client);
    EXPECT_EQ(answer.error().failure, NetFailure::kTls);
    EXPECT_FALSE(answer.error().may_have_been_processed);
  });
}

TEST_F(Client, ACancelledRequestEndsAtOnceAndClosesItsConnection) {
  HttpClient client = client_of(server.port());
  asio::cancellation_signal cancel;
  bool connection_closed = false;
  loop.beside([&]() -> asio::awaitable<void> {
    ARawPeer peer = co_await server.accept();
    co_await peer.read_until("\r\n\r\n");
    cancel.emit(asio::cancellation_type::terminal);
    co_await peer.read_to_end();
    connection_closed = true;
  });
  std::optional<NetResult<HttpResponse>> answer;
  asio::co_spawn(
      loop.executor(), [&]() -> asio::awaitable<void> { answer = co_await get(client); },
      asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr) {}));
  loop.run_until([&] { return answer && connection_closed; });
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().failure, NetFailure::kCancelled);
  EXPECT_TRUE(answer->error().may_have_been_processed);
}

TEST_F(Client, ItsDestructionCancelsWhatIsUnderWay) {
  std::optional<HttpClient> client(client_of(server.port()));
  loop.beside([&]() -> asio::awaitable<void> {
    ARawPeer peer = co_await server.accept();
    co_await peer.read_until("\r\n\r\n");
    client.reset();
    co_await peer.read_to_end();
  });
  loop.run([&]() -> asio::awaitable<void> {
    const auto answer = co_await get(*client);
    EXPECT_EQ(answer.error().failure, NetFailure::kCancelled);
  });
}

TEST_F(Client, AnUnreachableFirstAddressLeavesTimeForTheSecond) {
  // "localhost" is ::1 and 127.0.0.1 in most hosts files; the server listens on the second alone.
  loop.run([&]() -> asio::awaitable<void> {
    HttpClient client(loop.executor(), TcpEndpoint{.host = "localhost", .port = server.port()});
    loop.beside([this] { return answer_once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false); });
    const auto answer = must(co_await get(client));
    EXPECT_EQ(answer.status, 200u);
  });
}

}  // namespace
}  // namespace matriarch::net
