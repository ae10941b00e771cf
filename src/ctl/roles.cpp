#include "ctl/roles.hpp"

namespace matriarch::ctl {
namespace {

// The middle filters exclude rather than require: a leader of another or no role passes both, as scripts expect.
bool matches(const model::Cluster& cluster, const model::Member& member, RoleFilter role) {
  const bool leads = cluster.is_led_by(member.name);
  switch (role) {
    case RoleFilter::kLeader: return leads;
    case RoleFilter::kPrimary: return leads && member.role != "standby_leader";
    case RoleFilter::kStandbyLeader: return leads && member.role != "primary" && member.role != "master";
    case RoleFilter::kReplica: return !leads;
    case RoleFilter::kAny: return true;
  }
  return false;
}

}  // namespace

std::optional<RoleFilter> parse_role(std::string_view text) {
  if (text == "leader") return RoleFilter::kLeader;
  if (text == "primary") return RoleFilter::kPrimary;
  if (text == "standby-leader") return RoleFilter::kStandbyLeader;
  if (text == "replica" || text == "standby") return RoleFilter::kReplica;
  if (text == "any") return RoleFilter::kAny;
  return std::nullopt;
}

std::vector<const model::Member*> members_with(const model::Cluster& cluster, RoleFilter role) {
  std::vector<const model::Member*> chosen;
  for (const auto& [name, member] : cluster.members) {
    if (matches(cluster, member, role)) chosen.push_back(&member);
  }
  return chosen;
}

std::vector<const model::Member*> leader_first(const model::Cluster& cluster) {
  std::vector<const model::Member*> ordered;
  for (const bool wanted : {true, false}) {
    for (const auto& [name, member] : cluster.members) {
      if (cluster.is_led_by(name) == wanted && !member.api_url.empty()) ordered.push_back(&member);
    }
  }
  return ordered;
}

}  // namespace matriarch::ctl
