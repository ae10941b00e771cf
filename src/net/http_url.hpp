// Where an http or https URL leads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::net {

struct HttpUrl {
  bool is_tls = false;
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query as written
};

// `port` is for a URL that names none. Nothing when it is no URL, or of another scheme.
std::optional<HttpUrl> parse_http_url(std::string_view text, std::uint16_t port);

}  // namespace matriarch::net
