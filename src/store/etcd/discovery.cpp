#include "store/etcd/discovery.hpp"

#include <array>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "model/json_text.hpp"
#include "net/http_client.hpp"
#include "store/etcd/members.hpp"

namespace matriarch::store::etcd {
namespace {

namespace asio = boost::asio;

struct Service {
  std::string_view name;
  bool wants_tls, is_of_peers;
};
constexpr std::array<Service, 6> kServices{{{"_etcd-client-ssl", true, false},
                                            {"_etcd-client", false, false},
                                            {"_etcd-ssl", true, false},
                                            {"_etcd", false, false},
                                            {"_etcd-server-ssl", true, true},
                                            {"_etcd-server", false, true}}};

// A peer lists the members without a login, at its own port.
asio::awaitable<std::vector<net::Endpoint>> clients_of(net::Endpoint peer, net::TlsContext tls, Deadline deadline) {
  net::HttpClient client(co_await asio::this_coro::executor, peer);
  net::HttpRequest request{.method = "GET", .target = "/members"};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  auto response = co_await client.request(std::move(request), std::max(left, std::chrono::milliseconds(1)));
  if (!response || response->status != 200) co_return std::vector<net::Endpoint>();
  const auto members = model::read_json(response->body);
  if (!members || !members->is_array()) co_return std::vector<net::Endpoint>();
  const boost::json::object list{{"members", *members}};
  auto endpoints = client_endpoints_of(list, tls);
  // Peers may want TLS where clients do not.
  if (endpoints.empty() && tls) endpoints = client_endpoints_of(list, nullptr);
  co_return endpoints;
}

asio::awaitable<std::vector<net::Endpoint>> endpoints_of(Service service, std::vector<ServiceRecord> records, net::TlsContext tls, Deadline deadline) {
  std::vector<net::Endpoint> endpoints;
  for (auto& record : records) {
    net::Endpoint endpoint = net::TcpEndpoint{.host = std::move(record.host), .port = record.port, .tls = tls};
    if (!service.is_of_peers) {
      endpoints.push_back(std::move(endpoint));
      continue;
    }
    endpoints = co_await clients_of(endpoint, tls, deadline);
    if (!endpoints.empty()) break;
  }
  co_return endpoints;
}

net::TlsContext tls_of(const net::Endpoint& endpoint) { return std::get<net::TcpEndpoint>(endpoint).tls; }

}  // namespace

asio::awaitable<FoundServers> find_servers(DiscoverySettings settings, Deadline deadline) {
  const std::string suffix = settings.suffix.empty() ? "" : "-" + settings.suffix;
  for (const auto& service : kServices) {
    if (Clock::now() >= deadline) break;
    std::string name = fmt::format("{}{}._tcp.{}", service.name, suffix, settings.domain);
    auto records = co_await service_records(std::move(name), settings.name_servers, deadline);
    auto endpoints = co_await endpoints_of(service, std::move(records), service.wants_tls ? settings.tls : nullptr, deadline);
    if (endpoints.empty()) continue;
    net::TlsContext tls = tls_of(endpoints.front());
    co_return FoundServers{.endpoints = std::move(endpoints), .tls = std::move(tls)};
  }
  co_return FoundServers{};
}

}  // namespace matriarch::store::etcd
