// Where a connection goes, and what is set on it.
#include "net/connect.hpp"

#include <gmock/gmock.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "unit/net/a_loop.hpp"
#include "unit/net/a_raw_peer.hpp"

namespace matriarch::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::Contains;

class Connect : public testing::Test {
 protected:
  std::shared_ptr<AddressBook> a_book(const std::string& host) {
    return std::make_shared<AddressBook>(loop.executor(), host, server.port());
  }
  NetResult<std::unique_ptr<Stream>> connect(std::shared_ptr<AddressBook> book, ClientLimits limits = {}) {
    NetResult<std::unique_ptr<Stream>> stream;
    Connector connector(loop.executor(), limits, book);
    loop.run([&]() -> asio::awaitable<void> {
      const Endpoint endpoint = TcpEndpoint{.host = "unused", .port = server.port()};
      stream = co_await connector.connect(endpoint, std::chrono::steady_clock::now() + 10s);
    });
    return stream;
  }
  static int option(Stream& stream, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(stream.socket().native_handle(), IPPROTO_TCP, name, &value, &size), 0);
    return value;
  }
  static tcp::endpoint dead_address() { return {asio::ip::address_v4::loopback(), 1}; }

  ALoop loop;
  ARawServer server{loop.executor()};
};

TEST_F(Connect, SendsAtOnceAndGivesUpUnacknowledgedBytesInTime) {
  ClientLimits limits;
  limits.tcp_user_timeout = 1234ms;
  const auto stream = must(connect(a_book("127.0.0.1"), limits));
  EXPECT_NE(option(*stream, TCP_NODELAY), 0);
  EXPECT_EQ(option(*stream, TCP_USER_TIMEOUT), 1234);
  EXPECT_EQ(option(*must(connect(a_book("127.0.0.1"))), TCP_USER_TIMEOUT), 0);
}

TEST_F(Connect, ANameIsLookedUpOnceAndRemembered) {
  const auto book = a_book("localhost");
  EXPECT_TRUE(book->known().empty());
  must(connect(book));
  EXPECT_THAT(book->known(), Contains(tcp::endpoint(asio::ip::address_v4::loopback(), server.port())));
}

TEST_F(Connect, AnAddressNeedsNoNameService) {
  EXPECT_EQ(a_book("::1")->known().size(), 1u);
  EXPECT_EQ(a_book("127.0.0.1")->known().size(), 1u);
}

TEST_F(Connect, AHostThatHasMovedIsLookedUpAgain) {
  const auto book = a_book("localhost");
  book->remember({dead_address()});
  must(connect(book));
  EXPECT_THAT(book->known(), testing::Not(Contains(dead_address())));
}

TEST_F(Connect, ARememberedAddressIsEnoughWithoutTheNameService) {
  const auto book = a_book("no-such-host.invalid");
  book->remember({{asio::ip::address_v4::loopback(), server.port()}});
  must(connect(book));
}

TEST_F(Connect, WithoutNameServiceTheAddressThatFailedIsNamed) {
  const auto book = a_book("no-such-host.invalid");
  book->remember({dead_address()});
  const auto stream = connect(book);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().failure, NetFailure::kRefused);
  EXPECT_THAT(stream.error().what, testing::HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace matriarch::net
