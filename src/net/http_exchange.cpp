#include "net/http_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "net/failure.hpp"

namespace matriarch::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;
namespace {

constexpr std::uint32_t kMaxAnswerHead = 64u << 10;
constexpr std::size_t kPiece = 16u << 10;
// Servers close idle connections after a minute or so; one that we dropped before cannot be closed under a request.
constexpr std::chrono::seconds kMaxIdle{20};

// Open, and nothing has arrived: an answer to no request, a TLS alert or the end all make it useless.
bool is_quiet(Stream& stream) {
  char byte = 0;
  const auto size = ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// Nothing that could end a line early and smuggle a second request.
std::optional<std::string> why_invalid(const HttpRequest& request) {
  if (request.method.empty() || has_control_characters(request.method) ||
      request.method.find(' ') != std::string::npos) {
    return "not an HTTP method: '" + request.method + "'";
  }
  if (request.target.empty() || has_control_characters(request.target) ||
      request.target.find(' ') != std::string::npos) {
    return "not a request target: '" + request.target + "'";
  }
  for (const Header& header : request.headers) {
    const bool bad_name = header.name.empty() || has_control_characters(header.name) ||
                          header.name.find_first_of(" :") != std::string::npos;
    const bool bad_value = header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
    if (bad_name || bad_value) return "not a header: '" + header.name + "'";
  }
  return std::nullopt;
}

http::request<http::string_body> to_beast(const HttpRequest& request, const Endpoint& endpoint) {
  http::request<http::string_body> message;
  message.method_string(request.method);
  message.target(request.target);
  const bool is_unix = std::holds_alternative<UnixEndpoint>(endpoint);
  message.set(http::field::host, is_unix ? "localhost" : to_string(endpoint));
  message.set(http::field::user_agent, "matriarch");
  for (const Header& header : request.headers) {
    const auto known = http::string_to_field(header.name);
    if (known == http::field::host || known == http::field::user_agent) {
      message.set(known, header.value);  // the caller's replaces ours
    } else {
      message.insert(header.name, header.value);
    }
  }
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

template <typename Body>
HttpResponse head_of(const http::response<Body>& message) {
  HttpResponse response{.status = message.result_int()};
  for (const auto& field : message) {
    response.headers.push_back(Header{.name = std::string(field.name_string()), .value = std::string(field.value())});
  }
  return response;
}

bool is_interim(unsigned status) {
  return status >= 100 && status < 200 && status != 101;
}

}  // namespace

std::unique_ptr<Stream> ClientState::take_idle() {
  while (!idle.empty()) {
    Idle candidate = std::move(idle.front());
    idle.pop_front();
    if (steady_clock::now() - candidate.since < kMaxIdle && is_quiet(*candidate.stream))
      return std::move(candidate.stream);
  }
  return nullptr;
}

void ClientState::keep(std::unique_ptr<Stream> stream) {
  idle.push_front(Idle{.stream = std::move(stream), .since = steady_clock::now()});
  while (idle.size() > limits.max_idle_connections) idle.pop_back();
}

Exchange::Exchange(std::shared_ptr<ClientState> client, HttpRequest request, std::optional<StreamOptions> streaming)
    : client_(std::move(client)),
      request_(std::move(request)),
      streaming_(std::move(streaming)),
      timer_(client_->executor),
      connector_(client_->executor, client_->limits, client_->addresses) {
  client_->under_way.insert(this);
}

Exchange::~Exchange() {
  client_->under_way.erase(this);
}

asio::awaitable<NetResult<HttpResponse>> Exchange::await(std::shared_ptr<Exchange> exchange,
                                                         std::chrono::milliseconds timeout) {
  exchange->timer_.expires_after(timeout);
  asio::co_spawn(exchange->client_->executor, exchange->run(), asio::detached);
  while (!exchange->finished()) {
    error_code interrupted;
    co_await exchange->timer_.async_wait(asio::redirect_error(asio::use_awaitable, interrupted));
    const bool cancelled = (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
    if (cancelled) {
      exchange->abort(NetFailure::kCancelled, "cancelled");
    } else if (!interrupted && exchange->timer_.expiry() <= steady_clock::now()) {
      exchange->abort(NetFailure::kTimedOut, "timed out");
    }  // else the result is there, or the stream's next piece has moved the deadline
  }
  co_return std::move(*exchange->result_);
}

void Exchange::abort(NetFailure failure, std::string what) {
  if (finished()) return;
  finish(tl::unexpected(
      NetError{.failure = failure,
               .what = request_.method + " " + request_.target + " at " + to_string(client_->endpoint) + ": " + what,
               .may_have_been_processed = sent_}));
  connector_.abort();
  if (stream_ != nullptr) stream_->close();
}

void Exchange::finish(Result result) {
  if (finished()) return;
  result_ = std::move(result);
  timer_.cancel();
}

NetError Exchange::lost(const std::string& doing, const error_code& code) const {
  auto error = net_error(doing + " " + to_string(client_->endpoint), code);
  error.may_have_been_processed = sent_;
  return error;
}

asio::awaitable<void> Exchange::run() {
  const auto self = shared_from_this();
  if (finished()) co_return;  // given up before it began
  try {
    auto result = co_await work();
    if (result && reusable_ && !finished()) client_->keep(std::move(stream_));
    finish(std::move(result));
  } catch (const std::exception& error) {
    abort(NetFailure::kProtocol, error.what());
  }
}

asio::awaitable<NetResult<HttpResponse>> Exchange::work() {
  if (const auto reason = why_invalid(request_)) {
    co_return tl::unexpected(NetError{.failure = NetFailure::kProtocol, .what = *reason});
  }
  stream_ = client_->take_idle();
  if (stream_ != nullptr) {
    // Closed by the server before it could take anything of the request: a new connection is as good as the first.
    bool untouched = false;
    auto result = co_await converse(untouched);
    if (!untouched || finished()) co_return result;
    sent_ = false;
  }
  auto connected = co_await connector_.connect(client_->endpoint, timer_.expiry());
  if (!connected) co_return tl::unexpected(connected.error());
  if (finished()) co_return tl::unexpected(NetError{.failure = NetFailure::kCancelled, .what = "cancelled"});
  stream_ = std::move(*connected);
  bool untouched = false;
  co_return co_await converse(untouched);
}

// Sends the request and reads the answer. `untouched`: the connection failed before it took a single byte.
asio::awaitable<NetResult<HttpResponse>> Exchange::converse(bool& untouched) {
  auto message = to_beast(request_, client_->endpoint);
  sent_ = true;
  error_code code;
  const auto written = co_await http::async_write(*stream_, message, asio::redirect_error(asio::use_awaitable, code));
  if (code) {
    untouched = written == 0 && stream_->tls() == nullptr;
    co_return tl::unexpected(lost("send to", code));
  }
  if (streaming_) co_return co_await read_stream();
  co_return co_await read_answer();
}

asio::awaitable<NetResult<HttpResponse>> Exchange::read_answer() {
  boost::beast::flat_buffer buffer;
  while (true) {
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxAnswerHead);
    parser.body_limit(client_->limits.max_body);
    parser.skip(request_.method == "HEAD");
    error_code code;
    co_await http::async_read(*stream_, buffer, parser, asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return tl::unexpected(lost("read from", code));
    if (is_interim(parser.get().result_int())) continue;
    reusable_ = parser.keep_alive() && buffer.size() == 0;
    HttpResponse response = head_of(parser.get());
    response.body = std::move(parser.get().body());
    co_return response;
  }
}

asio::awaitable<NetResult<HttpResponse>> Exchange::read_stream() {
  boost::beast::flat_buffer buffer;
  error_code code;
  std::optional<http::response_parser<http::buffer_body>> answer;
  do {
    answer.emplace();
    answer->header_limit(kMaxAnswerHead);
    answer->body_limit(boost::none);
    co_await http::async_read_header(*stream_, buffer, *answer, asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return tl::unexpected(lost("read from", code));
  } while (is_interim(answer->get().result_int()));
  auto& parser = *answer;
  HttpResponse response = head_of(parser.get());
  const bool is_success = response.status / 100 == 2;

  std::vector<char> piece(kPiece);
  while (!parser.is_done() && !finished()) {
    if (is_success) {
      const bool for_ever = streaming_->idle_timeout.count() == 0;
      // Ends the wait in await(), which then waits for the new moment.
      timer_.expires_at(for_ever ? steady_clock::time_point::max() : steady_clock::now() + streaming_->idle_timeout);
    }
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    parser.get().body().more = true;
    co_await http::async_read_some(*stream_, buffer, parser, asio::redirect_error(asio::use_awaitable, code));
    if (code && code != http::error::need_buffer) co_return tl::unexpected(lost("read from", code));
    if (finished()) break;
    const std::string_view got(piece.data(), piece.size() - parser.get().body().size);
    if (got.empty()) continue;
    if (!is_success) {
      if (response.body.size() + got.size() > client_->limits.max_body) {
        co_return tl::unexpected(lost("read from", make_error_code(http::error::body_limit)));
      }
      response.body.append(got);
    } else if (!streaming_->on_chunk(got)) {
      co_return response;  // in the middle: the connection is of no further use
    }
  }
  reusable_ = parser.is_done() && parser.keep_alive() && buffer.size() == 0;
  co_return response;
}

}  // namespace matriarch::net
