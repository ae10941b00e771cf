// The client and the server of the room talk to each other.
#include <gmock/gmock.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "unit/net/a_loop.hpp"

namespace matriarch::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<std::optional<HttpResponse>> echo(HttpRequest request, PeerInfo, ChunkWriter&) {
  HttpResponse response{.status = 200, .body = request.method + " " + request.target + " " + request.body};
  co_return response;
}

Endpoint to_port(std::uint16_t port) {
  return TcpEndpoint{.host = "127.0.0.1", .port = port};
}

TEST(Exchange, CarriesARequestAndItsAnswer) {
  ALoop loop;
  HttpServer server(loop.executor(), echo);
  ASSERT_TRUE(server.listen(ListenTcp{.address = "127.0.0.1"}));
  HttpClient client(loop.executor(), to_port(server.port()));
  loop.run([&]() -> asio::awaitable<void> {
    HttpRequest request{.method = "POST", .target = "/x?a=b", .body = "hello"};
    auto answer = co_await client.request(std::move(request), 5s);
    EXPECT_TRUE(answer.has_value()) << answer.error().what;
    EXPECT_EQ(answer->status, 200u);
    EXPECT_EQ(answer->body, "POST /x?a=b hello");
  });
}

}  // namespace
}  // namespace matriarch::net
