// What every single decision must keep, whatever the tables say (docs/invariants.md).
//
// Written from the invariants alone: nothing of the tables or of what they share is used here, so that a mistake there is
// not repeated here. The simulator checks every decision; in production the agent drops a decision that breaks one and
// lets the permit run out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/decision.hpp"
#include "model/observation.hpp"

namespace matriarch::rules {

struct Violation {
  std::string_view invariant;  // "S8"
  std::string what;
  std::string text() const;    // "S8: the lease is given back while a primary runs"
};

std::vector<Violation> check(const model::Observation& seen, const model::Decision& decision);

}  // namespace matriarch::rules
