// The server against clients that a test plays by hand.
#include "net/http_server.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <random>

#include "unit/net/a_loop.hpp"
#include "unit/net/a_raw_peer.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using system::ADirectory;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Answer = asio::awaitable<std::optional<HttpResponse>>;

Answer echo(HttpRequest request, PeerInfo, ChunkWriter&) {
  HttpResponse response{.status = 200, .body = request.method + " " + request.target + " " + request.body};
  co_return response;
}

class Server : public testing::Test {
 protected:
  void serve(HttpHandler handler, ServerLimits limits = {}) {
    server.emplace(loop.executor(), std::move(handler), limits);
    must(server->listen(ListenTcp{.address = "127.0.0.1"}));
  }
  asio::awaitable<ARawPeer> connected() {
    ARawPeer peer(loop.executor());
    co_await peer.connect(server->port());
    co_return peer;
  }
  // Says it on a new connection and returns everything until the server closes.
  std::string conversation(std::string text) {
    std::string answer;
    loop.run([&, text]() -> asio::awaitable<void> {
      ARawPeer peer = co_await connected();
      co_await peer.send(text);
      answer = co_await peer.read_to_end();
    });
    return answer;
  }

  ALoop loop;
  std::optional<HttpServer> server;
};

constexpr const char* kLast = "Connection: close\r\n\r\n";

TEST_F(Server, GivesTheRequestToTheHandlerAndFramesItsAnswer) {
  serve([](HttpRequest request, PeerInfo peer, ChunkWriter&) -> Answer {
    EXPECT_EQ(peer.address, "127.0.0.1");
    EXPECT_FALSE(peer.is_unix);
    EXPECT_FALSE(peer.has_client_certificate);
    EXPECT_EQ(find_header(request.headers, "x-a"), "1");
    HttpResponse response{.status = 503, .body = request.method + request.target + request.body};
    response.headers = {{"Content-Type", "text/plain"}, {"Content-Length", "999"}, {"X-B", "2"}};
    co_return response;
  });
  const auto answer = conversation(
      std::string("PATCH /config?x HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nContent-Length: 2\r\n") + kLast + "{}");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-B: 2\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 16\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("999")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nPATCH/config?x{}"));
}

TEST_F(Server, AnswersHeadWithTheLengthButWithoutTheBody) {
  serve(echo);
  const auto answer = conversation(std::string("HEAD / HTTP/1.1\r\nHost: h\r\n") + kLast);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(Server, OptionsAndUnknownMethodsReachTheHandler) {
  serve(echo);
  EXPECT_THAT(conversation(std::string("OPTIONS * HTTP/1.1\r\nHost: h\r\n") + kLast), EndsWith("OPTIONS * "));
  EXPECT_THAT(conversation(std::string("BREW /tea HTTP/1.1\r\nHost: h\r\n") + kLast), EndsWith("BREW /tea "));
}

TEST_F(Server, AnAnswerThatMayHaveNoBodyHasNone) {
  serve([](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    HttpResponse response{.status = 204, .body = "ignored"};
    co_return response;
  });
  const auto answer = conversation(std::string("GET / HTTP/1.1\r\nHost: h\r\n") + kLast);
  EXPECT_THAT(answer, AllOf(EndsWith("\r\n\r\n"), Not(HasSubstr("Content-Length"))));
}

TEST_F(Server, KeepsTheConnectionForRequestsSentAhead) {
  serve(echo);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto answer = conversation(many + "GET /end HTTP/1.1\r\nHost: h\r\n" + kLast);
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = answer.find("GET /" + std::to_string(i) + " ", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_THAT(answer, EndsWith("GET /end "));
}

TEST_F(Server, ARequestMayComeByteByByte) {
  serve(echo);
  const std::string text = std::string("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n") + kLast +
                           "3\r\nabc\r\n1;e=1\r\nd\r\n0\r\nT: 1\r\n\r\n";
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer = co_await connected();
    for (const char c : text) {
      co_await peer.send(std::string(1, c));
      co_await asio::post(loop.executor(), asio::use_awaitable);
    }
    EXPECT_THAT(co_await peer.read_to_end(), EndsWith("POST /x abcd"));
  });
}

TEST_F(Server, Http10ClosesUnlessAskedOtherwise) {
  serve(echo);
  const auto answer = conversation("OPTIONS / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.0 200 OK\r\n"));
  const auto two = conversation("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
  EXPECT_THAT(two, AllOf(HasSubstr("Connection: keep-alive\r\n"), HasSubstr("GET /a "), EndsWith("GET /b ")));
}

TEST_F(Server, TheHandlerMayAskForTheClose) {
  serve([](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    HttpResponse response{.status = 200, .headers = {{"Connection", "close"}}, .body = "bye"};
    co_return response;
  });
  EXPECT_THAT(conversation("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
              AllOf(HasSubstr("Connection: close\r\n"), EndsWith("bye")));
}

TEST_F(Server, AnswersExpectationsBeforeTheBodyIsSent) {
  serve(echo);
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer = co_await connected();
    co_await peer.send("PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(co_await peer.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    co_await peer.send("body");
    EXPECT_THAT(co_await peer.read_until("PUT /x body"), StartsWith("HTTP/1.1 200 OK"));
  });
  EXPECT_THAT(conversation("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: a-miracle\r\n\r\n"),
              StartsWith("HTTP/1.1 417 "));
}

TEST_F(Server, DoesNotInviteABodyThatIsTooLarge) {
  serve(echo);
  const auto answer =
      conversation("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
}

struct Refused {
  const char* name;
  std::string request;
  int status;
};
class Refusals : public Server, public testing::WithParamInterface<Refused> {};

TEST_P(Refusals, AreAnsweredAndThenTheConnectionIsClosed) {
  ServerLimits limits;
  limits.max_body = 100;
  limits.max_header = 1000;
  serve(
      [](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
        ADD_FAILURE() << "the handler was called";
        co_return std::nullopt;
      },
      limits);
  const auto answer = conversation(GetParam().request);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

INSTANTIATE_TEST_SUITE_P(
    , Refusals,
    testing::Values(Refused{"Garbage", "\x16\x03\x01\x02garbage\r\n\r\n", 400},
                    Refused{"NoVersion", "GET /\r\n\r\n", 400}, Refused{"NewVersion", "GET / HTTP/2.0\r\n\r\n", 505},
                    Refused{"BadHeader", "GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
                    Refused{"BadLength", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400},
                    Refused{"TwoLengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
                    Refused{"LengthAndChunks",
                            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
                    Refused{"BadChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
                    Refused{"LongBody", "POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'), 413},
                    Refused{"HugeLength", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nx", 413},
                    Refused{"LongChunks",
                            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nc8\r\n" + std::string(200, 'x') +
                                "\r\n0\r\n\r\n",
                            413},
                    Refused{"LongHeader", "GET / HTTP/1.1\r\nA: " + std::string(2000, 'x') + "\r\n\r\n", 431},
                    Refused{"EndlessHeader", "GET / HTTP/1.1\r\nA: " + std::string(200'000, 'x'), 431},
                    Refused{"EndlessTarget", "GET /" + std::string(200'000, 'x'), 431}),
    [](const auto& each) { return each.param.name; });

TEST_F(Server, SurvivesRandomBytes) {
  serve(echo);
  std::mt19937 random(7);
  const std::string alphabet = "GET POST /?%: HTTP/1.1\r\n\r\n\r\nContent-Length: 5chunked\x80\xff";
  loop.run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 300; ++i) {
      std::string text(random() % 400, ' ');
      for (char& c : text) c = i % 2 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
      ARawPeer peer = co_await connected();
      if (i % 3 == 0) text.insert(0, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      co_await peer.send(text);
      peer.finish_sending();
      co_await peer.read_to_end();
    }
    ARawPeer peer = co_await connected();
    co_await peer.send("GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await peer.read_until("GET /alive ");
  });
}

TEST_F(Server, ARequestThatDoesNotEndIsAnswered408) {
  ServerLimits limits;
  limits.read_timeout = 50ms;
  serve(echo, limits);
  EXPECT_THAT(conversation("GET / HTTP/1.1\r\nHost:"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(conversation("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"), StartsWith("HTTP/1.1 408 "));
}

TEST_F(Server, AnIdleConnectionIsClosedWithoutAWord) {
  ServerLimits limits;
  limits.idle_timeout = 50ms;
  serve(echo, limits);
  EXPECT_EQ(conversation(""), "");
  const auto answer = conversation("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, EndsWith("GET / "));
}

TEST_F(Server, AnExceptionOfTheHandlerIsA500AndTheConnectionGoesOn) {
  int calls = 0;
  serve([&](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    if (++calls == 1) throw std::runtime_error("out of elephants");
    co_return std::nullopt;  // no answer at all is a mistake too
  });
  const auto answer =
      conversation(std::string("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n") + kLast);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
  EXPECT_THAT(answer, HasSubstr("out of elephants"));
  EXPECT_THAT(answer, EndsWith("the handler gave no answer\n"));
}

TEST_F(Server, ALineBreakInAHeaderOfTheHandlerStartsNoNewHeader) {
  serve([](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    HttpResponse response{.status = 200, .headers = {{"X", "a\r\nY: b"}}};
    co_return response;
  });
  EXPECT_THAT(conversation(std::string("GET / HTTP/1.1\r\nHost: h\r\n") + kLast), HasSubstr("X: a  Y: b\r\n"));
}

TEST_F(Server, TheHandlerIsCancelledWhenItsClientGoes) {
  AnEvent started(loop.executor());
  AnEvent cancelled(loop.executor());
  serve([&](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    started.happen();
    AnEvent never(loop.executor());
    try {
      co_await never.wait();
    } catch (const boost::system::system_error& error) {
      EXPECT_EQ(error.code(), asio::error::operation_aborted);
      cancelled.happen();
    }
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer = co_await connected();
    co_await peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n");  // something sent ahead hides nothing
    co_await started.wait();
    peer.close();
    co_await cancelled.wait();
  });
}

TEST_F(Server, ClosingItCancelsHandlersAndClosesConnections) {
  AnEvent started(loop.executor());
  AnEvent cancelled(loop.executor());
  serve([&](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    started.happen();
    AnEvent never(loop.executor());
    try {
      co_await never.wait();
    } catch (const boost::system::system_error&) {
      cancelled.happen();
    }
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer busy = co_await connected();
    ARawPeer idle = co_await connected();
    co_await busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await started.wait();
    server.reset();
    co_await cancelled.wait();
    EXPECT_EQ(co_await busy.read_to_end(), "");
    EXPECT_EQ(co_await idle.read_to_end(), "");
  });
}

TEST_F(Server, AtItsLimitTheOldestIdleConnectionMakesRoom) {
  ServerLimits limits;
  limits.max_connections = 2;
  serve(echo, limits);
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer first = co_await connected();
    ARawPeer second = co_await connected();
    for (ARawPeer* peer : {&second, &first}) {  // now the second is the one that has been idle for longer
      co_await peer->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      co_await peer->read_until("GET / ");
    }
    ARawPeer third = co_await connected();
    EXPECT_EQ(co_await second.read_to_end(), "");
    for (ARawPeer* peer : {&first, &third}) {
      co_await peer->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      co_await peer->read_until("GET / ");
    }
  });
}

TEST_F(Server, AtItsLimitAnUnfinishedRequestMakesRoomToo) {
  ServerLimits limits;
  limits.max_connections = 2;
  serve(echo, limits);
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer silent = co_await connected();
    ARawPeer slow = co_await connected();
    for (ARawPeer* peer : {&silent, &slow}) co_await peer->send("G");
    std::vector<ARawPeer> whole;
    for (ARawPeer* gone : {&silent, &slow}) {
      whole.push_back(co_await connected());
      co_await whole.back().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      co_await whole.back().read_until("GET / ");
      EXPECT_EQ(co_await gone->read_to_end(), "");
    }
  });
}

TEST_F(Server, TheHeadOfARequestHasADeadlineOfItsOwn) {
  ServerLimits limits;
  limits.header_timeout = 50ms;
  serve(echo, limits);
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer slow = co_await connected();
    co_await slow.send("GET / HTTP/1.1\r\n");
    EXPECT_THAT(co_await slow.read_to_end(), HasSubstr("408"));
  });
}

TEST_F(Server, AtItsLimitWithAllBusyTheNewConnectionIsRefused) {
  ServerLimits limits;
  limits.max_connections = 1;
  AnEvent started(loop.executor());
  AnEvent go_on(loop.executor());
  serve(
      [&](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
        started.happen();
        co_await go_on.wait();
        HttpResponse response{.status = 200, .body = "done"};
        co_return response;
      },
      limits);
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer busy = co_await connected();
    co_await busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await started.wait();
    ARawPeer refused = co_await connected();
    EXPECT_EQ(co_await refused.read_to_end(), "");
    go_on.happen();
    co_await busy.read_until("done");
  });
}

TEST_F(Server, ACrowdFromOutsideDoesNotKeepOutTheUnixSocket) {
  const ADirectory directory;
  ServerLimits limits;
  limits.max_connections = 1;
  AnEvent started(loop.executor());
  serve(
      [&](HttpRequest, PeerInfo peer, ChunkWriter&) -> Answer {
        AnEvent never(loop.executor());
        started.happen();
        if (!peer.is_unix) co_await never.wait();
        HttpResponse response{.status = 200};
        co_return response;
      },
      limits);
  must(server->listen(ListenUnix{.path = directory / "s"}));
  HttpClient local(loop.executor(), UnixEndpoint{.path = directory / "s"});
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer busy = co_await connected();
    co_await busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await started.wait();
    HttpRequest request;
    const auto answer = must(co_await local.request(std::move(request), 10s));
    EXPECT_EQ(answer.status, 200u);
  });
}

TEST_F(Server, OutOfDescriptorsItWaitsAndThenGoesOn) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer that is built in beside it needs descriptors itself: without one it takes every object for a broken one";
#endif
  serve(echo);
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer = co_await connected();
    co_await peer.send("GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await peer.read_until("GET /first ");  // so it has been accepted
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    // The next descriptor is over the limit: the kernel completes the connection, but it cannot be accepted.
    ARawPeer waiting(loop.executor());
    waiting.socket().open(asio::ip::tcp::v4());
    rlimit now = before;
    now.rlim_cur = static_cast<rlim_t>(waiting.socket().native_handle()) + 1;
    ::setrlimit(RLIMIT_NOFILE, &now);
    co_await waiting.connect(server->port());
    co_await waiting.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await peer.send("GET /served HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await peer.read_until("GET /served ");
    ::setrlimit(RLIMIT_NOFILE, &before);
    co_await waiting.read_until("GET /late ");
  });
}

TEST_F(Server, NamesAddressAndPortThatAreTaken) {
  serve(echo);
  HttpServer other(loop.executor(), echo);
  const auto result = other.listen(ListenTcp{.address = "127.0.0.1", .port = server->port()});
  const std::string port = std::to_string(server->port());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "cannot listen on 127.0.0.1:" + port + ": port " + port + " is in use");
  const auto all = other.listen(ListenTcp{.address = "*", .port = server->port()});
  EXPECT_EQ(all.error().what, "cannot listen on *:" + port + ": port " + port + " is in use");
}

TEST_F(Server, NamesTheAddressThatIsNotOurs) {
  HttpServer other(loop.executor(), echo);
  EXPECT_THAT(other.listen(ListenTcp{.address = "192.0.2.1", .port = 8008}).error().what,
              AllOf(HasSubstr("192.0.2.1:8008"), HasSubstr("Cannot assign requested address")));
  EXPECT_THAT(other.listen(ListenTcp{.address = "no-such-host.invalid", .port = 8008}).error().what,
              HasSubstr("no-such-host.invalid:8008"));
}

TEST_F(Server, ListensOnAllAddressesOfBothFamilies) {
  server.emplace(loop.executor(), [](HttpRequest, PeerInfo peer, ChunkWriter&) -> Answer {
    HttpResponse response{.status = 200, .body = "you are " + peer.address};
    co_return response;
  });
  must(server->listen(ListenTcp{.address = "*"}));
  EXPECT_THAT(conversation(std::string("GET / HTTP/1.1\r\nHost: h\r\n") + kLast), EndsWith("you are 127.0.0.1"));
  HttpClient client(loop.executor(), TcpEndpoint{.host = "::1", .port = server->port()});
  loop.run([&]() -> asio::awaitable<void> {
    HttpRequest request;
    const auto answer = must(co_await client.request(std::move(request), 10s));
    EXPECT_EQ(answer.body, "you are ::1");
  });
}

TEST_F(Server, ListensOnAName) {
  server.emplace(loop.executor(), echo);
  must(server->listen(ListenTcp{.address = "localhost"}));
  EXPECT_THAT(conversation(std::string("GET / HTTP/1.1\r\nHost: h\r\n") + kLast), EndsWith("GET / "));
}

TEST(UnixServer, ServesItsOwnerAndLeavesNoFile) {
  const ADirectory directory;
  ALoop loop;
  std::optional<HttpServer> server;
  server.emplace(loop.executor(), [](HttpRequest, PeerInfo peer, ChunkWriter&) -> Answer {
    EXPECT_TRUE(peer.is_unix);
    EXPECT_EQ(peer.address, "");
    HttpResponse response{.status = 200, .body = "hello"};
    co_return response;
  });
  must(server->listen(ListenUnix{.path = directory / "s"}));
  EXPECT_EQ(server->port(), 0);
  struct stat info {};
  ASSERT_EQ(::stat((directory / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  HttpClient client(loop.executor(), UnixEndpoint{.path = directory / "s"});
  loop.run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      HttpRequest request;
      const auto answer = must(co_await client.request(std::move(request), 10s));
      EXPECT_EQ(answer.body, "hello");
    }
  });
  server.reset();
  EXPECT_NE(::access((directory / "s").c_str(), F_OK), 0);
}

TEST(UnixServer, ReplacesAStaleFileButNotALivingServer) {
  const ADirectory directory;
  ALoop loop;
  {
    asio::local::stream_protocol::acceptor crashed(loop.context(),
                                                   asio::local::stream_protocol::endpoint(directory / "s"));
  }
  ASSERT_EQ(::access((directory / "s").c_str(), F_OK), 0);
  HttpServer server(loop.executor(), echo);
  must(server.listen(ListenUnix{.path = directory / "s", .mode = 0666}));
  struct stat info {};
  ASSERT_EQ(::stat((directory / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);

  HttpServer second(loop.executor(), echo);
  EXPECT_EQ(second.listen(ListenUnix{.path = directory / "s"}).error().what,
            "cannot listen on unix:" + (directory / "s") + ": another process listens there");
  EXPECT_FALSE(second.listen(ListenUnix{.path = "/" + std::string(200, 'x')}));
  EXPECT_FALSE(second.listen(ListenUnix{.path = ""}));
}

}  // namespace
}  // namespace matriarch::net
