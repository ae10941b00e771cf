// Old members that need more than the present records.
#pragma once

#include "model/cluster.hpp"

namespace matriarch::store::layout {

// A Patroni older than 2.1.0 reads the leader's position from "optime/leader". Versions that are no dotted integers do
// not count.
bool has_member_before_2_1(const model::Cluster& cluster);

}  // namespace matriarch::store::layout
