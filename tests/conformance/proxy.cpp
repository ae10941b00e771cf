#include "conformance/proxy.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

namespace matriarch::conformance {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct Proxy::Connection : std::enable_shared_from_this<Proxy::Connection> {
  Connection(Proxy& owner, tcp::socket accepted) : proxy(owner), client(std::move(accepted)), server(owner.context_) {}

  void start() {
    server.async_connect({asio::ip::address_v4::loopback(), proxy.upstream_}, [self = shared_from_this()](error_code failed) {
      if (failed) return self->close();
      self->from_client();
      self->from_server();
    });
  }

  void from_client() {
    client.async_read_some(asio::buffer(request), [self = shared_from_this()](error_code failed, std::size_t size) {
      if (failed) return self->close();
      const std::string_view bytes(self->request.data(), size);
      const bool is_meant = !self->proxy.text_.empty() && bytes.find(self->proxy.text_) != std::string_view::npos;
      if (is_meant && self->proxy.requests_ > 0) {
        --self->proxy.requests_;
        ++self->proxy.dropped_;
        self->proxy.dropped_request_ = bytes;
        return self->close();
      }
      if (is_meant && self->proxy.answers_ > 0) {
        --self->proxy.answers_;
        self->loses_answer = true;
      }
      if (self->proxy.hangs_) return;  // and reads no more
      asio::async_write(self->server, asio::buffer(self->request.data(), size), [self](error_code broken, std::size_t) {
        broken ? self->close() : self->from_client();
      });
    });
  }

  void from_server() {
    server.async_read_some(asio::buffer(answer), [self = shared_from_this()](error_code failed, std::size_t size) {
      if (failed) return self->close();
      if (self->loses_answer) {
        ++self->proxy.dropped_;
        return self->close();
      }
      if (self->proxy.hangs_) return;
      asio::async_write(self->client, asio::buffer(self->answer.data(), size), [self](error_code broken, std::size_t) {
        broken ? self->close() : self->from_server();
      });
    });
  }

  void close() {
    error_code ignored;
    client.close(ignored);
    server.close(ignored);
  }

  Proxy& proxy;
  tcp::socket client, server;
  std::array<char, 65536> request{}, answer{};
  bool loses_answer = false;
};

Proxy::Proxy(std::uint16_t upstream)
    : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}), port_(acceptor_.local_endpoint().port()), upstream_(upstream) {
  accept();
  thread_ = std::thread([this] { context_.run(); });
}

Proxy::~Proxy() {
  context_.stop();
  thread_.join();
}

void Proxy::accept() {
  acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
    if (failed) return;
    std::make_shared<Connection>(*this, std::move(socket))->start();
    accept();
  });
}

void Proxy::drop_answers_to(std::string text, int count) {
  asio::post(context_, [this, text = std::move(text), count] {
    text_ = text;
    answers_ = count;
  });
}

void Proxy::drop_requests_with(std::string text, int count) {
  asio::post(context_, [this, text = std::move(text), count] {
    text_ = text;
    requests_ = count;
  });
}

void Proxy::deliver_dropped_request() {
  asio::post(context_, asio::use_future([this] {
    tcp::socket server(context_);
    server.connect({asio::ip::address_v4::loopback(), upstream_});
    asio::write(server, asio::buffer(dropped_request_));
    std::array<char, 4096> answer{};
    server.read_some(asio::buffer(answer));
  })).get();
}

void Proxy::hang(bool hangs) {
  asio::post(context_, [this, hangs] { hangs_ = hangs; });
}

BlackHole::BlackHole() : acceptor_(context_) {
  acceptor_.open(tcp::v4());
  acceptor_.bind({asio::ip::address_v4::loopback(), 0});
  acceptor_.listen(0);
  // The queue of length 0 holds one connection; attempts after that are never answered.
  const auto address = acceptor_.local_endpoint();
  for (int i = 0; i < 3; ++i) {
    system::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(socket.get(), address.data(), static_cast<socklen_t>(address.size()));
    queued_.push_back(std::move(socket));
  }
}

}  // namespace matriarch::conformance
