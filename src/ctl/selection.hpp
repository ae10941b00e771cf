// Which members an action is for: role, names, a confirmation (docs/ctl.md, "Selecting members").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/context.hpp"
#include "ctl/roles.hpp"

namespace matriarch::ctl {

struct Selection {
  std::string action;               // "reload", "restart", "reinitialize", "flush"
  RoleFilter role = RoleFilter::kAny;
  std::string role_name = "any";    // as given
  std::vector<std::string> names;
  bool force = false;
  bool ask_for_name = false;        // without names: which one? (reinit)
};

// Prints the member table, then chooses. Throws Failure when nothing fits. The members belong to `cluster`.
std::vector<const model::Member*> select_members(Context& context, const model::Cluster& cluster, const std::string& cluster_name, const Selection& selection);
// "Are you sure you want to reload members pg-a, pg-b?"; throws Failure on No. Nothing with force.
void confirm_members(Context& context, const std::vector<const model::Member*>& members, const Selection& selection);

std::string names_of(const std::vector<const model::Member*>& members);

}  // namespace matriarch::ctl
