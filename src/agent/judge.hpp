// The rules as the agent asks them: functions, so that the simulator can put deliberate bugs in their place.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/decision.hpp"
#include "model/memory.hpp"
#include "model/observation.hpp"

namespace matriarch::agent {

struct Judge {
  std::function<model::Decision(const model::Memory&, const model::Observation&)> decide;
  // Named invariants that the decision would break; a decision that breaks one is not carried out.
  std::function<std::vector<std::string>(const model::Observation&, const model::Decision&)> violations;

  // The rules of the house.
  static Judge rules();
};

}  // namespace matriarch::agent
