// reload.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/selection.hpp"
#include "ctl/tally.hpp"
#include "model/member_view.hpp"

namespace matriarch::ctl {


int run_reload(Context& context, Words words) {
  std::optional<std::string> role;
  Selection selection{.action = "reload"};
  Arguments arguments(context.command("reload"), "CLUSTER_NAME [MEMBER_NAMES]...", "Reload cluster member configuration");
  arguments.option("-r,--role", role, "Reload only members with this role").flag("--force", selection.force, "Do not ask for confirmation at any point").rest(selection.names);
  arguments.parse(std::move(words));
  const auto cluster_name = require_cluster(arguments, selection.names);
  selection.role = role_of(arguments, role);
  selection.role_name = role.value_or("any");
  const auto cluster = context.read(cluster_name);
  const auto members = select_members(context, *cluster, cluster_name, selection);
  confirm_members(context, members, selection);
  Tally tally;
  const auto loop_wait = std::chrono::duration<double>(model::modes_of(*cluster).loop_wait).count();
  for (const auto* member : members) {
    const auto answer = context.call({.api_url = member->api_url, .method = "POST", .endpoint = "reload"});
    if (answer && answer->status == 202) fmt::print(context.out(), "Reload request received for member {} and will be processed within {} seconds\n", member->name, loop_wait);
    else if (answer && answer->status == 200) fmt::print(context.out(), "No changes to apply on member {}\n", member->name);
    else report(context, tally, "reload", *member, answer);
  }
  return tally.exit_code(context);
}

}  // namespace matriarch::ctl
