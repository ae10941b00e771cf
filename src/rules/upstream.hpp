// Whom a standby follows.
#pragma once

#include <optional>

#include "rules/rule.hpp"

namespace matriarch::rules {

// The upstream this node should have now. Nothing: no streaming (nostream, nobody leads, or the leader has no address).
std::optional<model::Upstream> upstream_for(const Situation& s);
// Whom to copy: a running member that offers itself (clonefrom), spread over the copying nodes by their names; else the leader.
// Null: nobody.
const model::Member* clone_source(const Situation& s);
// The remote member of a standby cluster.
model::Upstream remote_member(const Situation& s);
// Compares what PostgreSQL is told, not what we call it.
bool same_connection(const model::Upstream& a, const model::Upstream& b);

struct Address { std::string host, port; };
// "postgres://host:port/db" -> host (IPv6 without brackets) and port (5432 if missing). Nothing: no host.
std::optional<Address> address_in(std::string_view conn_url);

}  // namespace matriarch::rules
