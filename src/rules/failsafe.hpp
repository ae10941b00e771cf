// The failsafe mode: a primary that lost the store goes on while every member agrees.
#pragma once

#include <optional>

#include "model/observation.hpp"

namespace matriarch::rules {

// While this node's word to a primary without store is good (docs/invariants.md S14), a cluster without leader is seen
// as led by that primary, so that no race starts and upstreams stay. Nothing: the view stands as it is.
std::optional<model::Observation> view_with_failsafe_leader(const model::Observation& seen);

}  // namespace matriarch::rules
