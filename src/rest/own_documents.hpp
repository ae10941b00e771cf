// Matriarch's own documents, below /matriarch/: what the agent decided and why, and what `matriarch status` needs.
#pragma once

#include <boost/json.hpp>

#include "rest/node_status.hpp"

namespace matriarch::rest {

// GET /matriarch/decisions?n=20: the decision in force first, then changes of verdict, newest first.
boost::json::object decisions_document(const Reading& reading, std::size_t n);

// GET /matriarch/status: one node's own view, with the numbers behind it.
boost::json::object status_document(const Reading& reading, const NodeStatus& status);

}  // namespace matriarch::rest
