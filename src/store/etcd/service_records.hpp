// SRV records of the domain name system.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "store/etcd/servers.hpp"

namespace matriarch::store::etcd {

struct ServiceRecord {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0, weight = 0;
};

// Of a name such as "_etcd-client._tcp.example.org", by priority, then weight; none when there are none, or nobody answers by the
// deadline. `name_servers`: "127.0.0.1:5353", a comma list; empty: the system's. Runs on a thread of its own.
boost::asio::awaitable<std::vector<ServiceRecord>> service_records(std::string name, std::string name_servers, Deadline deadline);

}  // namespace matriarch::store::etcd
