// The document of GET /patroni, which is also the body of every health check asked with GET. Peers, metrics and scripts read
// it: names, types and order of its keys are a contract (docs/rest.md).
#pragma once

#include <boost/json.hpp>

#include "rest/node_status.hpp"

namespace matriarch::rest {

boost::json::object node_document(const Reading& reading, const NodeStatus& status);

// The tags as published now, with what a node adds while it withdraws from synchronous duty.
boost::json::object published_tags(const Reading& reading);

}  // namespace matriarch::rest
