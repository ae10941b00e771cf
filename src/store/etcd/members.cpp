#include "store/etcd/members.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "store/etcd/wire.hpp"

namespace matriarch::store::etcd {

std::optional<net::Endpoint> endpoint_of(std::string_view url, const net::TlsContext& tls) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->scheme() != (tls ? "https" : "http")) return std::nullopt;
  std::string host = parsed->host_address();  // without the brackets of IPv6
  const std::uint16_t port = parsed->port_number();
  if (host.empty() || port == 0) return std::nullopt;
  return net::TcpEndpoint{.host = std::move(host), .port = port, .tls = tls};
}

std::vector<net::Endpoint> client_endpoints_of(const boost::json::object& member_list, const net::TlsContext& tls) {
  std::vector<net::Endpoint> endpoints;
  for (const auto& member : array_in(member_list, "members")) {
    if (!member.is_object()) continue;
    for (const auto& url : array_in(member.get_object(), "clientURLs")) {
      if (!url.is_string()) continue;
      if (auto endpoint = endpoint_of(url.get_string(), tls)) endpoints.push_back(std::move(*endpoint));
    }
  }
  return endpoints;
}

}  // namespace matriarch::store::etcd
