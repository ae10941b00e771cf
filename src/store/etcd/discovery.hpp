// The servers of a store that a domain names by SRV records, as etcd's own clients find them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "net/tls.hpp"
#include "store/etcd/service_records.hpp"

namespace matriarch::store::etcd {

struct DiscoverySettings {
  std::string domain;        // "example.org"
  std::string suffix;        // "_etcd-client-SUFFIX._tcp...."; empty: none
  net::TlsContext tls;       // of servers that want TLS
  std::string name_servers = {};  // for tests; empty: the system's
};

struct FoundServers {
  std::vector<net::Endpoint> endpoints;  // empty: none was found
  net::TlsContext tls;                   // of all of them; null: clear text
};

// The first of these names that has records, or members, counts: _etcd-client-ssl, _etcd-client, _etcd-ssl, _etcd, and
// _etcd-server-ssl, _etcd-server, which name peers: they are asked for their members' client addresses.
boost::asio::awaitable<FoundServers> find_servers(DiscoverySettings settings, Deadline deadline);

}  // namespace matriarch::store::etcd
