// Which members a command acts on: by role, in the order of their names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster.hpp"

namespace matriarch::ctl {

enum class RoleFilter { kLeader, kPrimary, kStandbyLeader, kReplica, kAny };

// "leader", "primary", "standby-leader", "replica", "standby", "any".
std::optional<RoleFilter> parse_role(std::string_view text);
inline constexpr std::string_view kRoleChoices = "'leader', 'primary', 'standby-leader', 'replica', 'standby', 'any'";

std::vector<const model::Member*> members_with(const model::Cluster& cluster, RoleFilter role);

// The leader, then the others; only those that can be called.
std::vector<const model::Member*> leader_first(const model::Cluster& cluster);

}  // namespace matriarch::ctl
