#include "consensus/client_urls.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <iterator>

#include "net/http_url.hpp"

namespace matriarch::consensus {
namespace {

bool is_wildcard(const std::string& host) {
  if (host.empty() || host == "*") return true;
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  return !not_an_address && address.is_unspecified();
}

bool is_loopback_host(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  return !not_an_address && address.is_loopback();
}
bool is_loopback(const std::string& url) {
  const auto parsed = net::parse_http_url(url, 0);
  return parsed && is_loopback_host(parsed->host);
}

}  // namespace

std::vector<std::string> client_urls(const HostPort& listen, const HostPort& advertise, bool is_tls) {
  const HostPort reached{.host = is_wildcard(listen.host) ? advertise.host : listen.host, .port = listen.port};
  return {(is_tls ? "https://" : "http://") + to_string(reached)};
}

std::vector<std::string> urls_that_lead_there(const std::vector<std::string>& urls, const std::string& peer_address, bool is_this_node) {
  const auto peer = parse_host_port(peer_address);
  if (is_this_node || (peer && is_loopback_host(peer->host))) return urls;
  std::vector<std::string> leading;
  std::remove_copy_if(urls.begin(), urls.end(), std::back_inserter(leading), is_loopback);
  return leading;
}

}  // namespace matriarch::consensus
