#include "net/http_session.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>

namespace matriarch::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using std::chrono::steady_clock;

struct Session::Framing {
  unsigned version = 11;
  bool keep_alive = true;
  bool is_head = false;
};

struct Session::Parsed {
  HttpRequest request;
  Framing framing;
};

namespace {

// What a client may send ahead while a handler works; more stays in its own kernel.
constexpr std::size_t kMaxReadAhead = 64u << 10;
// A client that was refused gets this long to take the answer: a close over unread bytes would destroy it.
constexpr std::chrono::seconds kLinger{1};
constexpr int kMaxLingerReads = 256;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

using RequestParser = http::request_parser<http::string_body>;

HttpRequest to_request(http::request<http::string_body>&& message) {
  HttpRequest request{.method = std::string(message.method_string()), .target = std::string(message.target())};
  for (const auto& field : message) {
    request.headers.push_back(Header{.name = std::string(field.name_string()), .value = std::string(field.value())});
  }
  request.body = std::move(message.body());
  return request;
}

unsigned status_for(const error_code& code) {
  if (code == http::error::body_limit) return 413;
  if (code == http::error::header_limit) return 431;
  if (code == http::error::bad_version) return 505;
  return 400;
}

// Carriage returns and line feeds in what a handler made of a client's input must not start a new header.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

bool frames_the_body(http::field field) {
  return field == http::field::content_length || field == http::field::transfer_encoding ||
         field == http::field::connection || field == http::field::keep_alive;
}

// The head as on the wire. Length and connection handling are ours, whatever the handler wrote there.
std::string serialize_head(const HttpResponse& response, unsigned version, bool keep_alive,
                           std::optional<std::size_t> length, bool chunked) {
  http::response<http::empty_body> head;
  head.version(version);
  head.result(response.status);
  for (const Header& header : response.headers) {
    if (!frames_the_body(http::string_to_field(header.name)))
      head.insert(one_line(header.name), one_line(header.value));
  }
  if (length) head.content_length(*length);
  if (chunked) head.chunked(true);
  head.keep_alive(keep_alive);
  http::response_serializer<http::empty_body> serializer(head);
  std::string bytes;
  error_code code;
  while (!serializer.is_header_done() && !code) {
    serializer.next(code, [&](error_code&, const auto& buffers) {
      for (const asio::const_buffer part : boost::beast::buffers_range_ref(buffers)) {
        bytes.append(static_cast<const char*>(part.data()), part.size());
      }
      serializer.consume(boost::beast::buffer_bytes(buffers));
    });
  }
  return bytes;
}

bool wants_close(const HttpResponse& response) {
  const auto connection = find_header(response.headers, "Connection");
  return connection && http::token_list(*connection).exists("close");
}

bool has_no_body(unsigned status) {
  return status == 204 || status == 304 || status < 200;
}

void read_certificate(SSL* tls, PeerInfo& peer) {
  X509* const certificate = ::SSL_get1_peer_certificate(tls);
  if (certificate == nullptr) return;
  peer.has_client_certificate = ::SSL_get_verify_result(tls) == X509_V_OK;
  std::array<char, 256> name{};
  const int length =
      ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName, name.data(), int{name.size()});
  if (length > 0) peer.certificate_subject.assign(name.data(), static_cast<std::size_t>(length));
  ::X509_free(certificate);
}

}  // namespace

class Session::Writer final : public ChunkWriter {
 public:
  Writer(Session& session, Framing framing) : session_(session), framing_(framing) {}

  asio::awaitable<bool> start(HttpResponse head) override {
    if (started_ || session_.gone_) co_return false;
    started_ = true;
    // HTTP/1.0 has no chunks: there the end of the connection ends the stream.
    keep_alive_ = framing_.keep_alive && framing_.version == 11 && !wants_close(head);
    bodiless_ = framing_.is_head || has_no_body(head.status);
    const bool chunked = framing_.version == 11 && !has_no_body(head.status);
    co_return co_await session_.send(serialize_head(head, framing_.version, keep_alive_, std::nullopt, chunked));
  }

  asio::awaitable<bool> write(std::string chunk) override {
    if (!started_ || bodiless_ || session_.gone_) co_return false;
    if (chunk.empty()) co_return true;  // an empty chunk would end the stream
    if (framing_.version == 11) chunk = fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    co_return co_await session_.send(std::move(chunk));
  }

  asio::awaitable<bool> finish() {
    if (session_.gone_) co_return false;
    if (framing_.version == 11 && !bodiless_) {
      const bool sent = co_await session_.send("0\r\n\r\n");
      if (!sent) co_return false;
    }
    co_return keep_alive_;
  }

  bool started() const { return started_; }

 private:
  Session& session_;
  Framing framing_;
  bool started_ = false;
  bool bodiless_ = false;
  bool keep_alive_ = false;
};

Session::Session(Stream::Socket socket, PeerInfo peer, TlsContext tls, std::shared_ptr<const Shared> shared)
    : stream_(std::move(socket)),
      peer_(std::move(peer)),
      tls_(std::move(tls)),
      shared_(std::move(shared)),
      bell_(stream_.get_executor()),
      write_deadline_(stream_.get_executor()) {}

void Session::start() {
  waits_since_ = steady_clock::now();
  asio::co_spawn(
      stream_.get_executor(), [self = shared_from_this()] { return self->run(); },
      [self = shared_from_this()](const std::exception_ptr&) {
        self->close();
        self->shared_->ended(self.get());
      });
}

void Session::close() {
  stream_.close();
  lose_client();
}

void Session::lose_client() {
  if (gone_) return;
  gone_ = true;
  bell_.cancel();
  cancel_handler_.emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> Session::run() {
  if (tls_ != nullptr) {
    const bool agreed = co_await shake_hands();
    if (!agreed) co_return;
  }
  while (!gone_) {
    const bool goes_on = co_await serve_one();
    if (!goes_on) co_return;
  }
}

asio::awaitable<bool> Session::shake_hands() {
  auto& tls = stream_.start_tls(tls_);
  write_deadline_.expires_after(shared_->limits.header_timeout);
  write_deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->close();
  });
  error_code code;
  co_await tls.async_handshake(ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, code));
  write_deadline_.cancel();
  if (code) co_return false;
  read_certificate(tls.native_handle(), peer_);
  co_return true;
}

// One request and its answer; true when another may follow.
asio::awaitable<bool> Session::serve_one() {
  auto parsed = co_await read_request();
  if (!parsed) co_return false;
  start_reading();
  const Framing framing = parsed->framing;
  Writer writer(*this, framing);
  bool broken = false;
  auto response = co_await handle(std::move(parsed->request), writer, broken);
  if (gone_ || broken) co_return false;
  if (writer.started()) {
    // A response beside a stream is the handler's mistake: the client must see that the stream is not whole.
    if (response) co_return false;
    co_return co_await writer.finish();
  }
  if (!response) response = HttpResponse{.status = 500, .body = "the handler gave no answer\n"};
  co_return co_await respond(std::move(*response), framing);
}

asio::awaitable<std::optional<Session::Parsed>> Session::read_request() {
  const auto& limits = shared_->limits;
  waits_since_ = steady_clock::now();
  if (received_.empty()) {
    const auto arrival = co_await next_bytes(steady_clock::now() + limits.idle_timeout);
    if (arrival != Arrival::kBytes) co_return std::nullopt;
  }
  const auto began = steady_clock::now();
  RequestParser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.max_header));
  parser.body_limit(limits.max_body);
  parser.eager(true);
  bool met_expectation = false;
  while (true) {
    error_code code;
    const std::size_t used = received_.empty() ? 0 : parser.put(asio::buffer(received_), code);
    received_.erase(0, used);
    if (code && code != http::error::need_more) {
      co_await refuse(status_for(code), code.message());
      co_return std::nullopt;
    }
    if (parser.is_done()) break;
    if (parser.is_header_done() && !met_expectation) {
      met_expectation = true;
      const auto expected = parser.get()[http::field::expect];
      if (!expected.empty() && !boost::beast::iequals(expected, "100-continue")) {
        co_await refuse(417, "only 100-continue can be expected");
        co_return std::nullopt;
      }
      if (!expected.empty()) {
        const bool sent = co_await send(std::string(kContinue));
        if (!sent) co_return std::nullopt;
      }
    }
    if (used > 0 && !received_.empty()) continue;
    const auto allowed = parser.is_header_done() ? limits.read_timeout : std::min(limits.header_timeout, limits.read_timeout);
    const auto arrival = co_await next_bytes(began + allowed);
    if (arrival == Arrival::kLate) co_await refuse(408, "the request did not arrive in time");
    if (arrival != Arrival::kBytes) co_return std::nullopt;
  }
  waits_since_.reset();
  Parsed parsed;
  parsed.framing.version = parser.get().version();
  parsed.framing.keep_alive = parser.keep_alive();
  parsed.framing.is_head = parser.get().method() == http::verb::head;
  parsed.request = to_request(parser.release());
  co_return parsed;
}

// `broken`: the handler failed after it had begun to answer.
asio::awaitable<std::optional<HttpResponse>> Session::handle(HttpRequest request, Writer& writer, bool& broken) {
  std::optional<HttpResponse> response;
  std::string failure;
  try {
    auto working = shared_->handler(std::move(request), peer_, writer);
    response = co_await asio::co_spawn(stream_.get_executor(), std::move(working),
                                       asio::bind_cancellation_slot(cancel_handler_.slot(), asio::use_awaitable));
    co_return response;
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "unknown exception";
  }
  broken = writer.started();
  response = HttpResponse{.status = 500, .body = failure + "\n"};
  co_return response;
}

asio::awaitable<bool> Session::respond(HttpResponse response, Framing framing) {
  const bool keep_alive = framing.keep_alive && !wants_close(response);
  std::optional<std::size_t> length = response.body.size();
  if (has_no_body(response.status)) length.reset();
  std::string bytes = serialize_head(response, framing.version, keep_alive, length, false);
  if (length && !framing.is_head) bytes.append(response.body);
  const bool sent = co_await send(std::move(bytes));
  co_return sent&& keep_alive;
}

// Answers what is not a request we can take, and gives the client a moment to read that.
asio::awaitable<void> Session::refuse(unsigned status, std::string why) {
  HttpResponse response{.status = status, .body = why + "\n"};
  response.headers.push_back(Header{.name = "Content-Type", .value = "text/plain"});
  Framing framing;
  framing.keep_alive = false;
  co_await respond(std::move(response), framing);
  if (gone_) co_return;
  error_code ignored;
  stream_.socket().shutdown(Stream::Socket::shutdown_send, ignored);
  const auto deadline = steady_clock::now() + kLinger;
  for (int i = 0; i < kMaxLingerReads; ++i) {
    received_.clear();
    const auto arrival = co_await next_bytes(deadline);
    if (arrival != Arrival::kBytes) co_return;
  }
}

asio::awaitable<bool> Session::send(std::string bytes) {
  write_deadline_.expires_after(shared_->limits.write_timeout);
  write_deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->close();
  });
  error_code code;
  co_await asio::async_write(stream_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, code));
  write_deadline_.cancel();
  if (code) close();
  co_return !code;
}

void Session::start_reading() {
  if (reading_ || gone_ || received_.size() >= kMaxReadAhead) return;
  reading_ = true;
  stream_.async_read_some(asio::buffer(scratch_), [self = shared_from_this()](error_code code, std::size_t size) {
    self->reading_ = false;
    self->received_.append(self->scratch_.data(), size);
    if (code) return self->lose_client();
    self->bell_.cancel();
    self->start_reading();
  });
}

asio::awaitable<Session::Arrival> Session::next_bytes(steady_clock::time_point deadline) {
  const std::size_t had = received_.size();
  start_reading();
  while (received_.size() == had) {
    if (gone_) co_return Arrival::kGone;
    if (steady_clock::now() >= deadline) co_return Arrival::kLate;
    bell_.expires_at(deadline);
    error_code rung;
    co_await bell_.async_wait(asio::redirect_error(asio::use_awaitable, rung));
  }
  co_return Arrival::kBytes;
}

}  // namespace matriarch::net
