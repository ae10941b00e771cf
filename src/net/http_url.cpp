#include "net/http_url.hpp"

#include <boost/url/parse.hpp>

namespace matriarch::net {

std::optional<HttpUrl> parse_http_url(std::string_view text, std::uint16_t port) {
  const auto url = boost::urls::parse_uri(text);
  if (!url || (url->scheme() != "http" && url->scheme() != "https")) return std::nullopt;
  const std::string_view target = url->encoded_target();
  HttpUrl parsed{.is_tls = url->scheme() == "https", .host = url->host_address(), .port = port, .target = std::string(target)};
  if (parsed.host.empty()) return std::nullopt;
  if (url->port_number() != 0) parsed.port = url->port_number();
  return parsed;
}

}  // namespace matriarch::net
