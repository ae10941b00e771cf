// Divergence from the leader: when it must be compared, and what a difference leads to.
//
// The state is remembered (model::RewindState). A trigger asks for a comparison; the comparison arrives as a
// DivergenceReport; "needed" leads to pg_rewind or a new copy, as configured.
#pragma once

#include <optional>

#include "rules/rule.hpp"

namespace matriarch::rules {

bool rewind_is_possible(const Situation& s);
// Remember that the next leader must be compared with, if a difference could be repaired at all.
void want_comparison(const Situation& s, model::Memory& memory);
// The member whose history counts: not me, with an address. Null: nobody usable now.
const model::Member* reference_leader(const Situation& s);

bool comparison_is_awaited(const Situation& s);  // asked for and not answered yet
bool repair_is_due(const Situation& s);          // diverged, and something can be done about it

// Rows that find out whether this node diverged; for the tables of a stopped and of a running standby.
std::vector<Rule> comparison_duties_when_down();
std::vector<Rule> comparison_duties_when_running();

bool single_user_recovery_applies(const Situation& s);
Plan single_user_recovery(const Situation& s);

}  // namespace matriarch::rules
