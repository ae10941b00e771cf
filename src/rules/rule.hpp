// What a rule is: a named row of an ordered table.
//
// A table has two parts. Duties: every row that holds is carried out, in order. Verdict: the first row that holds.
// Conditions and plans are pure functions of what was seen and what is remembered; they call nothing but one another.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/decision.hpp"
#include "model/memory.hpp"
#include "model/observation.hpp"

namespace matriarch::rules {

// What a row sees. `memory` is what the previous decision left behind, as the prologue updated it.
struct Situation {
  const model::Observation& seen;
  const model::Memory& memory;
};

// What a row wants: actions in order, inputs that are missing, memory as it is to be after the decision.
struct Plan {
  std::vector<model::Action> actions;
  std::string says;  // the operator's sentence; empty for duties that have none
  model::Needs needs;
  std::optional<model::Instant> wake_at;
  std::optional<model::Memory> memory;  // nothing: unchanged
  // A verdict row that only prepared something (updated memory) and wants the table judged again from the first row.
  bool judge_again = false;
};

struct Rule {
  std::string_view name;       // unique in the whole house, kebab-case
  bool (*holds)(const Situation&);
  Plan (*plan)(const Situation&);
  std::string_view explains;   // when it holds and what it does, one sentence for `matriarch rules`
};

struct Table {
  std::string_view name;       // of the situation
  std::string_view about;      // one sentence
  std::span<const Rule> duties;
  std::span<const Rule> verdicts;  // the last row always holds
};

// Every table, in the order in which the situations are tested.
std::span<const Table* const> all_tables();

// The one entry: pure, total, deterministic (docs/invariants.md S24).
model::Decision decide(const model::Memory& memory, const model::Observation& seen);

}  // namespace matriarch::rules
