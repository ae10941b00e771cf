// What a primary records about its timeline: the /history key, and the checkpoint that makes pg_rewind possible.
#pragma once

#include <vector>

#include "rules/rule.hpp"

namespace matriarch::rules {

std::vector<Rule> leader_history_duties();

// The value of /history for a primary on `timeline` whose history file has these lines (docs/invariants.md S19): the last
// line gets `timestamp` and `leader`, older lines keep what the store has for the same timeline and position.
std::vector<model::HistoryLine> history_lines(const std::vector<model::HistoryLine>& file, model::Timeline timeline,
                                              const std::string& timestamp, const model::MemberName& leader,
                                              const std::vector<model::HistoryLine>& stored, int max_lines);

}  // namespace matriarch::rules
