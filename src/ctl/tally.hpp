// What acting on one member after another adds up to, and what such commands share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/arguments.hpp"
#include "ctl/context.hpp"
#include "ctl/roles.hpp"

namespace matriarch::ctl {

// Failures of members make the exit code 1, but only in strict mode.
struct Tally {
  bool failed = false;
  int exit_code(const Context& context) const { return failed && context.strict() ? 1 : 0; }
};

// Prints "Failed: ACTION for member NAME, ..." and remembers it.
void report(Context& context, Tally& tally, const std::string& action, const model::Member& member, const CallResult& answer);

// A usage error that names the choices for anything unknown; "any" when not given.
RoleFilter role_of(const Arguments& arguments, const std::optional<std::string>& role);
// Takes CLUSTER_NAME from the front; a usage error when there is none.
std::string require_cluster(const Arguments& arguments, std::vector<std::string>& names);

bool has_scheduled_restart(const model::Member& member);

}  // namespace matriarch::ctl
