#include "agent/judge.hpp"

#include "rules/house.hpp"
#include "rules/invariants.hpp"

namespace matriarch::agent {

Judge Judge::rules() {
  return {.decide = [](const model::Memory& memory, const model::Observation& seen) { return rules::decide(memory, seen); },
          .violations = [](const model::Observation& seen, const model::Decision& decision) {
            std::vector<std::string> texts;
            for (const auto& violation : rules::check(seen, decision)) texts.push_back(violation.text());
            return texts;
          }};
}

}  // namespace matriarch::agent
