#include "main/store_access.hpp"

#include "main/configuration.hpp"
#include "net/tls.hpp"

namespace matriarch::main {
namespace {

tl::expected<net::TlsContext, std::string> tls_of(const model::TlsFiles& files, bool wanted) {
  if (!wanted) return net::TlsContext{};
  auto context = net::make_client_context({.verify = true, .cafile = files.cafile, .certfile = files.certfile, .keyfile = files.keyfile, .keyfile_password = files.keyfile_password});
  if (!context) return tl::unexpected(context.error().what);
  return *context;
}

}  // namespace

tl::expected<store::etcd::ClientSettings, std::string> store_client_settings(const model::Settings& settings, const std::string& run_directory) {
  store::etcd::ClientSettings client;
  if (const auto* embedded = std::get_if<model::EmbeddedStoreSettings>(&settings.store)) {
    const bool tls = embedded->tls.enabled();
    auto context = tls_of(embedded->tls, tls);
    if (!context) return tl::unexpected(context.error());
    client.tls = *context;
    if (!run_directory.empty()) {
      client.endpoints.emplace_back(net::UnixEndpoint{store_socket(run_directory)});
      client.prefers_first = true;
    }
    if (embedded->client_listen.port != 0) {
      const std::string host = embedded->client_listen.host.empty() || embedded->client_listen.host == "*" || embedded->client_listen.host == "0.0.0.0" ? "127.0.0.1" : embedded->client_listen.host;
      client.endpoints.emplace_back(net::TcpEndpoint{.host = host, .port = embedded->client_listen.port, .tls = *context});
    }
    return client;
  }
  const auto& etcd = std::get<model::EtcdSettings>(settings.store);
  auto context = tls_of(etcd.tls, etcd.https);
  if (!context) return tl::unexpected(context.error());
  client.tls = *context;
  for (const auto& host : etcd.hosts) client.endpoints.emplace_back(net::TcpEndpoint{.host = host.host, .port = host.port, .tls = *context});
  if (!etcd.srv.empty()) {
    auto found_by_tls = tls_of(etcd.tls, true);
    if (!found_by_tls) return tl::unexpected(found_by_tls.error());
    client.discovery = store::etcd::DiscoverySettings{.domain = etcd.srv, .suffix = etcd.srv_suffix, .tls = *found_by_tls};
  }
  client.username = etcd.username;
  client.password = etcd.password;
  client.discovers = !etcd.use_proxies;
  return client;
}

}  // namespace matriarch::main
