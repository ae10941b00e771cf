// Every table of the house, each in the file of its name. What a table is about stands in the table itself.
#pragma once

#include "rules/rule.hpp"

namespace matriarch::rules {

Table prologue_table();
Table situation_table();
Table no_view_table();
Table store_unreachable_table();
Table task_running_table();
Table starting_table();
Table bootstrapping_table();
Table no_data_table();
Table postgres_down_table();
Table leaderless_table();
Table race_table();
Table requested_race_table();
Table leader_table();
Table promotion_table();
Table failover_request_table();
Table follower_table();
Table following_table();
Table repair_table();
Table wishes_table();
Table synchronous_table();
Table priority_table();
Table quorum_table();
Table epilogue_table();

}  // namespace matriarch::rules
