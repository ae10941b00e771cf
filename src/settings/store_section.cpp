#include "settings/store_section.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/address.hpp"
#include "settings/reader.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 8> kSections{"embedded", "raft", "etcd3", "etcd", "consul", "zookeeper", "kubernetes", "exhibitor"};
constexpr std::uint16_t kRaftPort = 7400;
constexpr std::uint16_t kClientPort = 7401;
constexpr std::uint16_t kEtcdPort = 2379;

std::vector<model::HostPort> read_hosts(Reader& reader, std::string_view key, std::uint16_t default_port) {
  std::vector<model::HostPort> hosts;
  std::size_t index = 0;
  for (const std::string& text : reader.texts_or_commas(key)) {
    const auto host = parse_host_port(text, default_port);
    if (host && !host->host.empty() && host->host.find('/') == std::string::npos) {
      hosts.push_back(*host);
    } else {
      const std::string path = fmt::format("{}.{}", reader.path_of(key), index);
      reader.complaints().push_back({.path = path,
                                     .value = shown_value(path, json::string(text)),
                                     .wrong = "is not an address",
                                     .right = "expected HOST:PORT, in quotes when the host is a number"});
    }
    ++index;
  }
  return hosts;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

model::TlsFiles read_embedded_tls(Reader& reader) {
  model::TlsFiles tls{.certfile = reader.text("certfile"),
                      .keyfile = reader.text("keyfile"),
                      .keyfile_password = reader.text("keyfile_password"),
                      .cafile = reader.text("cafile")};
  if (tls.certfile.empty() != tls.cafile.empty()) {
    reader.missing(tls.certfile.empty() ? "certfile" : "cafile");
  }
  if (tls.keyfile.empty()) tls.keyfile = tls.certfile;
  return tls;
}

void read_embedded_times(Reader& reader, model::EmbeddedStoreSettings& settings) {
  settings.election_timeout = reader.duration("election_timeout", 150ms, 50ms, 10s);
  settings.heartbeat = reader.duration("heartbeat", 50ms, 10ms, 3s);
  if (settings.heartbeat * 3 > settings.election_timeout) {
    reader.complaints().push_back({.path = reader.path_of("heartbeat"),
                                   .value = fmt::format("{}ms", settings.heartbeat.count()),
                                   .wrong = fmt::format("is too long for an election timeout of {} ms", settings.election_timeout.count()),
                                   .right = "expected at most a third of embedded.election_timeout"});
  }
}

// What must hold whatever the section is called.
void check_embedded(Reader& reader, const model::EmbeddedStoreSettings& settings, std::string_view secret_key) {
  const std::string& host = settings.advertise.host;
  const bool is_raft = secret_key == "password";
  if (host == "*" || host == "0.0.0.0" || host == "::" || (host.empty() && !is_raft)) {
    reader.complaints().push_back({.path = reader.path_of(is_raft ? "self_addr" : "advertise"),
                                   .wrong = "is not defined.",
                                   .right = "the other nodes must know an address of this one: HOST or HOST:PORT"});
  }
  if (settings.data_dir.empty()) reader.missing("data_dir");
  if (!settings.peers.empty() && settings.secret.empty() && !settings.tls.enabled()) {
    reader.complaints().push_back({.path = reader.path_of(secret_key),
                                   .wrong = "is not defined.",
                                   .right = "the nodes of the store prove to each other who they are: a secret common to all, or certificates"});
  }
}

// A secret is shared with somebody. Without peers this node would found a cluster of its own beside theirs.
void check_it_wants_to_be_alone(Reader& reader, const model::EmbeddedStoreSettings& settings) {
  const bool has_credentials = !settings.secret.empty() || settings.tls.enabled();
  if (!has_credentials || reader.has("peers")) return;
  reader.complaints().push_back({.path = reader.path_of("peers"),
                                 .wrong = "is not defined.",
                                 .right = "there are credentials for other nodes, but none is named: give the addresses of all nodes of the store "
                                          "(peers: ['10.0.0.1:7400', ...]), or peers: [] for a cluster of this node alone"});
}

model::EmbeddedStoreSettings read_embedded(const json::value& section, const StoreContext& context, Complaints& complaints) {
  Reader reader(&section, "embedded", complaints);
  model::EmbeddedStoreSettings settings;
  settings.data_dir = reader.text("data_dir", context.data_dir.empty() ? "" : context.data_dir + ".consensus");
  const auto listen = reader.address("listen", kRaftPort);
  const auto advertise = reader.address("advertise", kRaftPort);
  const bool listens_anywhere = listen && (listen->host.empty() || listen->host == "*" || listen->host == "0.0.0.0" || listen->host == "::");
  if (advertise) settings.advertise = *advertise;
  else if (listen && (!listens_anywhere || context.rest_host.empty())) settings.advertise = *listen;
  else settings.advertise = {.host = context.rest_host, .port = listen ? listen->port : kRaftPort};
  settings.listen = listen.value_or(settings.advertise);
  settings.client_listen = reader.address("client_listen", kClientPort).value_or(model::HostPort{"127.0.0.1", kClientPort});
  settings.peers = read_hosts(reader, "peers", kRaftPort);
  settings.secret = reader.text("secret");
  settings.tls = read_embedded_tls(reader);
  settings.two_voters_without_witness = reader.flag("two_voters_without_witness");
  read_embedded_times(reader, settings);
  if (context.runs_store) check_embedded(reader, settings, "secret");
  if (context.runs_store) check_it_wants_to_be_alone(reader, settings);
  if (context.runs_store && !is_loopback(settings.client_listen.host) && !settings.tls.enabled()) {
    reader.wrong("client_listen", "would let anyone on the network change the cluster's state",
                 "configure embedded.certfile and embedded.cafile, or listen on 127.0.0.1");
  }
  return settings;
}

model::EmbeddedStoreSettings read_raft(const json::value& section, const StoreContext& context, Complaints& complaints) {
  Reader reader(&section, "raft", complaints);
  complaints.push_back({.severity = Severity::kWarning,
                        .path = "raft",
                        .wrong = "is taken for the embedded store: Patroni's own Raft nodes cannot join it"});
  model::EmbeddedStoreSettings settings;
  settings.data_dir = reader.text("data_dir", context.data_dir.empty() ? "" : context.data_dir + ".consensus");
  const auto self = reader.address("self_addr", 0);
  if (!reader.has("self_addr") && context.runs_store) reader.missing("self_addr");
  if (self) settings.advertise = *self;
  settings.listen = reader.address("bind_addr", 0).value_or(settings.advertise);
  settings.client_listen = {"127.0.0.1", kClientPort};
  settings.peers = read_hosts(reader, "partner_addrs", kRaftPort);
  settings.secret = reader.text("password");
  if (context.runs_store) check_embedded(reader, settings, "password");
  return settings;
}

std::string first_text(Reader& reader, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (reader.has(key)) return reader.text(key);
  }
  return {};
}

// `proxy` and `url` are whole addresses: they decide host, protocol and credentials.
void take_url(Reader& reader, const char* key, model::EtcdSettings& settings) {
  const auto url = parse_url(reader.text(key), kEtcdPort);
  if (!url) {
    reader.wrong(key, "is not a URL", "expected http[s]://[USER:PASSWORD@]HOST[:PORT]");
    return;
  }
  settings.hosts = {url->address};
  settings.https = url->https;
  if (!url->username.empty()) settings.username = url->username;
  if (!url->password.empty()) settings.password = url->password;
}

void read_endpoints(Reader& reader, model::EtcdSettings& settings) {
  const auto port = static_cast<std::uint16_t>(reader.number("port", kEtcdPort, 1, 65535));
  settings.srv = first_text(reader, {"srv", "discovery_srv", "srv_domain"});
  settings.srv_suffix = reader.text("srv_suffix");
  if (reader.has("proxy")) {
    take_url(reader, "proxy", settings);
    settings.use_proxies = true;
  } else if (reader.has("url")) {
    take_url(reader, "url", settings);
  } else if (reader.has("hosts")) {
    settings.hosts = read_hosts(reader, "hosts", port);
  } else if (reader.has("host")) {
    if (const auto host = reader.address("host", port)) settings.hosts = {*host};
  } else if (settings.srv.empty()) {
    reader.complaints().push_back({.path = "etcd3", .wrong = "has none of hosts, host, srv, url, proxy", .right = "name the endpoints of etcd"});
  }
}

model::EtcdSettings read_etcd3(const json::value& section, Complaints& complaints) {
  Reader reader(&section, "etcd3", complaints);
  model::EtcdSettings settings;
  settings.https = reader.word("protocol", "http", {"http", "https"}) == "https";
  settings.username = reader.text("username");
  settings.password = reader.text("password");
  settings.use_proxies = reader.flag("use_proxies");
  settings.tls = {.certfile = reader.text("cert"), .keyfile = reader.text("key"), .cafile = reader.text("cacert")};
  if (settings.tls.keyfile.empty()) settings.tls.keyfile = settings.tls.certfile;
  read_endpoints(reader, settings);
  return settings;
}

std::vector<std::string_view> sections_in(const json::object& local) {
  std::vector<std::string_view> present;
  for (const std::string_view name : kSections) {
    if (local.contains(name)) present.push_back(name);
  }
  return present;
}

}  // namespace

std::optional<model::StoreSettings> read_store(const json::object& local, const StoreContext& context, Complaints& complaints) {
  const std::vector<std::string_view> present = sections_in(local);
  if (present.empty()) {
    complaints.push_back({.wrong = fmt::format("Can not find suitable configuration of distributed configuration store. "
                                               "Available implementations: embedded, etcd3, raft"),
                          .right = "add the section of one"});
    return std::nullopt;
  }
  if (present.size() > 1) {
    complaints.push_back({.wrong = fmt::format("the configuration names {} stores: {}", present.size(), fmt::join(present, ", ")),
                          .right = "leave exactly one section: each would make a cluster of its own"});
    return std::nullopt;
  }
  const std::string_view name = present.front();
  const json::value& section = local.at(name);
  if (name == "embedded") return read_embedded(section, context, complaints);
  if (name == "raft") return read_raft(section, context, complaints);
  if (name == "etcd3") return read_etcd3(section, complaints);
  return std::nullopt;  // the check of the keys has named it
}

}  // namespace matriarch::settings
