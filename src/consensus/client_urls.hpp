// Where clients of etcd's API find the members. A client replaces what it was configured with by what the list of members
// says (Patroni does), so that an address that leads nowhere is worse than none.
#pragma once

#include <string>
#include <vector>

#include "consensus/address.hpp"

namespace matriarch::consensus {

// Of a member that listens there; the others reach its host at `advertise`.
std::vector<std::string> client_urls(const HostPort& listen, const HostPort& advertise, bool is_tls);

// Of a member's addresses those that mean that member to a client of this node: a loopback address is right for the clients
// of the member itself, who are on its host, and would lead those of another to another; unless the members reach each other
// (`peer_address`) by loopback too, all on one host.
std::vector<std::string> urls_that_lead_there(const std::vector<std::string>& urls, const std::string& peer_address, bool is_this_node);

}  // namespace matriarch::consensus
