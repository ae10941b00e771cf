#include "net/failure.hpp"

#include <openssl/err.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http/error.hpp>

namespace matriarch::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;

NetFailure classify(const boost::system::error_code& code) {
  if (code == asio::error::timed_out) return NetFailure::kTimedOut;
  if (code == asio::error::operation_aborted) return NetFailure::kCancelled;
  if (code == http::error::end_of_stream || code == http::error::partial_message) return NetFailure::kClosed;
  if (code == asio::ssl::error::stream_truncated) return NetFailure::kClosed;
  if (code.category() == asio::error::get_ssl_category()) return NetFailure::kTls;
  if (code.category() == asio::ssl::error::get_stream_category()) return NetFailure::kTls;
  if (code.category() == make_error_code(http::error::bad_method).category()) return NetFailure::kProtocol;
  return NetFailure::kClosed;
}

NetError net_error(NetFailure failure, const std::string& doing, const boost::system::error_code& code) {
  return {.failure = failure, .what = doing + ": " + code.message()};
}

std::string take_openssl_error() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ::ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  std::array<char, 256> text{};
  ::ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

}  // namespace matriarch::net
