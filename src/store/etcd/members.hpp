// Where the members of the store's cluster say that clients reach them.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "net/http_client.hpp"

namespace matriarch::store::etcd {

// "http://10.0.0.1:2379" -> an endpoint; with `tls` only https is taken, without it only http. Nothing for anything else.
std::optional<net::Endpoint> endpoint_of(std::string_view url, const net::TlsContext& tls);

// From the answer of /cluster/member/list.
std::vector<net::Endpoint> client_endpoints_of(const boost::json::object& member_list, const net::TlsContext& tls);

}  // namespace matriarch::store::etcd
