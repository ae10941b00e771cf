// What a rule is: a named row of an ordered table.
//
// A table has two parts. Duties: every row that holds is carried out, in order. Verdict: the first row that holds.
// Conditions and plans are pure functions of what was seen and what is remembered; they call nothing but one another.
// A row may hand over to another table; so the tables form a tree, walked from its root at each decision.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/decision.hpp"
#include "model/memory.hpp"
#include "model/observation.hpp"

namespace matriarch::rules {

struct House;

// What a row sees. `memory` is what the previous decision left behind, as the rows before updated it.
struct Situation {
  const model::Observation& seen;
  const model::Memory& memory;
  const House& house;
  std::string_view because;  // the sentence of the row that led here from another table; empty: none
};

// What a row wants.
struct Plan {
  std::vector<model::Action> actions;  // in order
  std::string says;                    // the operator's sentence; empty: the one of the row that led here
  std::string_view next;               // the table that goes on from here; empty: this row decides
  bool keep_lease = false;             // holding (or winning) the lease is right: the permit is granted
  model::Needs needs;                  // inputs that are missing
  std::optional<model::Instant> wake_at;
  std::optional<model::Memory> memory;  // nothing: unchanged
  std::vector<std::string> notes;       // log lines
};

struct Rule {
  std::string_view name;  // unique in the whole house, kebab-case
  bool (*holds)(const Situation&);
  Plan (*plan)(const Situation&);
  std::string_view explains;  // when it holds and what it does, one sentence for `matriarch rules`
};

struct Table {
  std::string_view name;   // of the situation
  std::string_view about;  // one sentence
  std::vector<Rule> duties;
  std::vector<Rule> verdicts;  // the last row always holds; empty: a table of duties alone
};

}  // namespace matriarch::rules
