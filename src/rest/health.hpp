// The health checks: which path answers 200 in which situation (docs/rest.md has the truth table; a test checks it).
#pragma once

#include "rest/node_status.hpp"
#include "rest/target.hpp"

namespace matriarch::rest {

// Code of a health check for any path, known or not.
unsigned health_code(const NodeStatus& status, const model::Tags& tags, const Target& target);

// Whether the answer depends on positions or on the state of replication, so that they should be fresh.
bool needs_positions(const Target& target);

// GET /liveness: does the agent's loop still turn? `started_at` counts before the first decision.
unsigned liveness_code(const Reading& reading, model::Instant started_at);

// GET /readiness: does the node hold the lease, or follow closely?
unsigned readiness_code(const Reading& reading, const NodeStatus& status, const Target& target);

}  // namespace matriarch::rest
