// Long answers, piece by piece: our client and our server.
#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "unit/net/a_loop.hpp"
#include "unit/net/a_raw_peer.hpp"

namespace matriarch::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class Streams : public testing::Test {
 protected:
  using Answer = asio::awaitable<std::optional<HttpResponse>>;

  void serve(HttpHandler handler) {
    server.emplace(loop.executor(), std::move(handler));
    must(server->listen(ListenTcp{.address = "127.0.0.1"}));
    client.emplace(loop.executor(), TcpEndpoint{.host = "127.0.0.1", .port = server->port()});
  }
  asio::awaitable<NetResult<HttpResponse>> watch(HttpClient::OnChunk on_chunk, std::chrono::milliseconds connect = 10s,
                                                 std::chrono::milliseconds idle = 0ms) {
    HttpRequest request{.method = "POST", .target = "/watch"};
    return client->stream(std::move(request), std::move(on_chunk), connect, idle);
  }

  ALoop loop;
  std::optional<HttpServer> server;
  std::optional<HttpClient> client;
};

TEST_F(Streams, EachPieceArrivesBeforeTheNextIsWritten) {
  AnEvent first_seen(loop.executor());
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    EXPECT_TRUE(co_await writer.start(head));
    EXPECT_TRUE(co_await writer.write("one"));
    co_await first_seen.wait();
    EXPECT_TRUE(co_await writer.write(""));
    EXPECT_TRUE(co_await writer.write("two"));
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    std::string got;
    const auto end = co_await watch([&](std::string_view piece) {
      got.append(piece);
      if (got == "one") first_seen.happen();
      return true;
    });
    EXPECT_EQ(must(end).status, 200u);
    EXPECT_EQ(got, "onetwo");
  });
}

TEST_F(Streams, LargePiecesArriveWhole) {
  const std::string large(3'000'000, 'x');
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    co_await writer.write(large);
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    std::size_t got = 0;
    must(co_await watch([&](std::string_view piece) {
      got += piece.size();
      return true;
    }));
    EXPECT_EQ(got, large.size());
  });
}

TEST_F(Streams, TheReaderMayEndIt) {
  AnEvent cancelled(loop.executor());
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    co_await writer.write("one");
    AnEvent never(loop.executor());
    try {
      co_await never.wait();
    } catch (const boost::system::system_error&) {
      cancelled.happen();
    }
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    const auto end = co_await watch([](std::string_view) { return false; });
    EXPECT_EQ(must(end).status, 200u);
    co_await cancelled.wait();  // the handler learns that its client has gone
  });
}

TEST_F(Streams, ARefusalComesWithItsBodyAndWithoutPieces) {
  serve([](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    HttpResponse refusal{.status = 412, .body = "compacted"};
    co_return refusal;
  });
  loop.run([&]() -> asio::awaitable<void> {
    const auto answer = must(co_await watch([](std::string_view) {
      ADD_FAILURE();
      return true;
    }));
    EXPECT_EQ(answer.status, 412u);
    EXPECT_EQ(answer.body, "compacted");
  });
}

TEST_F(Streams, ASilenceLongerThanAllowedIsATimeout) {
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    co_await writer.write("one");
    AnEvent never(loop.executor());
    co_await never.wait();
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    int pieces = 0;
    const auto end = co_await watch(
        [&](std::string_view) {
          ++pieces;
          return true;
        },
        10s, 50ms);
    EXPECT_EQ(end.error().failure, NetFailure::kTimedOut);
    EXPECT_EQ(pieces, 1);
  });
}

TEST_F(Streams, AHeadThatDoesNotComeIsATimeout) {
  serve([&](HttpRequest, PeerInfo, ChunkWriter&) -> Answer {
    AnEvent never(loop.executor());
    co_await never.wait();
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    const auto end = co_await watch([](std::string_view) { return true; }, 50ms);
    EXPECT_EQ(end.error().failure, NetFailure::kTimedOut);
    EXPECT_TRUE(end.error().may_have_been_processed);
  });
}

TEST_F(Streams, ABrokenStreamIsNotAnEnd) {
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    co_await writer.write("one");
    throw std::runtime_error("the store went away");
  });
  loop.run([&]() -> asio::awaitable<void> {
    const auto end = co_await watch([](std::string_view) { return true; });
    EXPECT_EQ(end.error().failure, NetFailure::kClosed);
  });
}

TEST_F(Streams, CancellingTheReaderEndsBothSides) {
  AnEvent handler_cancelled(loop.executor());
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    co_await writer.write("one");
    AnEvent never(loop.executor());
    try {
      co_await never.wait();
    } catch (const boost::system::system_error&) {
      handler_cancelled.happen();
    }
    co_return std::nullopt;
  });
  asio::cancellation_signal cancel;
  std::optional<NetResult<HttpResponse>> end;
  asio::co_spawn(
      loop.executor(),
      [&]() -> asio::awaitable<void> {
        end = co_await watch([&](std::string_view) {
          cancel.emit(asio::cancellation_type::terminal);
          return true;
        });
      },
      asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr) {}));
  loop.run_until([&] { return end && handler_cancelled.happened(); });
  ASSERT_FALSE(*end);
  EXPECT_EQ(end->error().failure, NetFailure::kCancelled);
}

TEST_F(Streams, TheReaderMayDestroyTheClient) {
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    for (bool there = true; there;) there = co_await writer.write("x");
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    const auto end = co_await watch([&](std::string_view) {
      client.reset();
      return true;
    });
    EXPECT_EQ(end.error().failure, NetFailure::kCancelled);
  });
}

TEST_F(Streams, AnHttp10ClientGetsThePlainBytesUntilTheEnd) {
  serve([](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    co_await writer.write("one");
    co_await writer.write("two");
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer(loop.executor());
    co_await peer.connect(server->port());
    co_await peer.send("GET / HTTP/1.0\r\n\r\n");
    const std::string answer = co_await peer.read_to_end();
    EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nonetwo"));
    EXPECT_THAT(answer, testing::Not(testing::HasSubstr("chunked")));
  });
}

TEST_F(Streams, AHeadRequestGetsTheHeadAlone) {
  bool may_write = true;
  serve([&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
    HttpResponse head{.status = 200};
    co_await writer.start(head);
    may_write = co_await writer.write("one");
    co_return std::nullopt;
  });
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer(loop.executor());
    co_await peer.connect(server->port());
    co_await peer.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(co_await peer.read_to_end(), testing::EndsWith("\r\n\r\n"));
    EXPECT_FALSE(may_write);
  });
}

TEST_F(Streams, AClientThatDoesNotReadIsGivenUp) {
  ServerLimits limits;
  limits.write_timeout = 100ms;
  AnEvent gave_up(loop.executor());
  const std::string piece(1 << 20, 'x');
  server.emplace(
      loop.executor(),
      [&](HttpRequest, PeerInfo, ChunkWriter& writer) -> Answer {
        HttpResponse head{.status = 200};
        co_await writer.start(head);
        try {
          for (bool there = true; there;) there = co_await writer.write(piece);
        } catch (const boost::system::system_error&) {
        }
        gave_up.happen();
        co_return std::nullopt;
      },
      limits);
  must(server->listen(ListenTcp{.address = "127.0.0.1"}));
  loop.run([&]() -> asio::awaitable<void> {
    ARawPeer peer(loop.executor());
    co_await peer.connect(server->port());
    co_await peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    co_await gave_up.wait();
  });
}

}  // namespace
}  // namespace matriarch::net
