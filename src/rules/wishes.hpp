// What operators asked this node for: restart, reinitialize.
#pragma once

#include "rules/rule.hpp"

namespace matriarch::rules {

// A restart or reinitialization was asked for, or a scheduled restart is due.
bool wish_needs_the_server(const Situation& s);
// Wishes that need no server: schedules are kept, dropped, refused.
std::vector<Rule> wish_duties();

}  // namespace matriarch::rules
