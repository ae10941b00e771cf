// All tables together, as a value: what decides is an argument, so that a test can take a row out or swap one.
#pragma once

#include <string_view>
#include <vector>

#include "rules/rule.hpp"

namespace matriarch::rules {

// Judgements that many rows share and a test may want to replace.
struct Ways {
  // Where a position lies in the history of the timeline that counts: what was written on a branch that was left
  // counts only up to the point where the branch was left.
  model::Lsn (*position_in_history)(const model::Cluster& cluster, model::Lsn lsn, model::Timeline timeline) = nullptr;
};

struct House {
  std::vector<Table> tables;
  Ways ways;

  // The table of that name; a name that no table has is an error of the program, found by the unit tests.
  const Table& table(std::string_view name) const;
};

// The tables as they are used in production.
const House& the_house();

// Copies with one row changed, for tests that show that the row matters. A rule name that does not exist aborts.
House without(House house, std::string_view rule);
House with(House house, const Rule& replacement);  // in place of the row of the same name

// The one entry: pure, total, deterministic (docs/invariants.md S24).
model::Decision decide(const House& house, const model::Memory& memory, const model::Observation& seen);
inline model::Decision decide(const model::Memory& memory, const model::Observation& seen) {
  return decide(the_house(), memory, seen);
}

}  // namespace matriarch::rules
