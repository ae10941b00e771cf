// HTTP as values: what the client and the server of this room exchange with the rest of the house.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace matriarch::net {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, percent-encoded as on the wire
  std::vector<Header> headers = {};
  std::string body = {};
};

struct HttpResponse {
  unsigned status = 0;
  std::vector<Header> headers = {};
  std::string body = {};
};

// The first header of that name (names compare without case), or nothing.
std::optional<std::string_view> find_header(const std::vector<Header>& headers, std::string_view name);

enum class NetFailure {
  kUnresolved,  // the host name has no address
  kRefused,     // nobody listens, or no route
  kTimedOut,    // the deadline passed
  kClosed,      // the peer closed or reset the connection
  kTls,         // handshake or certificate
  kProtocol,    // the answer is not HTTP, or over a bound
  kCancelled,   // the caller gave up
};

struct NetError {
  NetFailure failure = NetFailure::kClosed;
  std::string what;
  // True when the request may have reached the peer: the caller must not assume that it had no effect.
  bool may_have_been_processed = false;
};

template <typename T>
using NetResult = tl::expected<T, NetError>;

}  // namespace matriarch::net
