// flush: discard what is scheduled.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/local_zone.hpp"
#include "ctl/selection.hpp"
#include "ctl/tally.hpp"

namespace matriarch::ctl {
namespace {

using namespace std::chrono_literals;

int flush_restarts(Context& context, const std::string& cluster_name, Selection selection) {
  const auto cluster = context.read(cluster_name);
  const auto members = select_members(context, *cluster, cluster_name, selection);
  confirm_members(context, members, selection);
  Tally tally;
  for (const auto* member : members) {
    if (!has_scheduled_restart(*member)) {
      fmt::print(context.out(), "No scheduled restart for member {}\n", member->name);
      continue;
    }
    const auto answer = context.call({.api_url = member->api_url, .method = "DELETE", .endpoint = "restart"});
    if (!answer || answer->status >= 400) report(context, tally, "flush scheduled restart", *member, answer);
    else fmt::print(context.out(), "Success: flush scheduled restart for member {}\n", member->name);
  }
  return tally.exit_code(context);
}

int flush_switchover(Context& context, const std::string& cluster_name) {
  const auto cluster = context.read(cluster_name);
  if (!cluster->failover || !cluster->failover->scheduled_at) {
    context.out() << "No pending scheduled switchover\n";
    return 0;
  }
  for (const auto* member : leader_first(*cluster)) {
    const auto answer = context.call({.api_url = member->api_url, .method = "DELETE", .endpoint = "switchover", .timeout = 15s});
    if (answer && answer->status == 200) {
      context.out() << "Success: scheduled switchover deleted\n";
      return 0;
    }
    if (answer && answer->status == 404) {
      context.out() << "Failed: no switchover is scheduled\n";
      return context.strict() ? 1 : 0;
    }
    if (answer) fmt::print(context.out(), "Failed: member={}, status_code={}, ({})\n", member->name, answer->status, answer->body);
    else fmt::print(context.streams().err, "{} - WARNING - Member {} is not accessible: {}\n", stamp(context.wall_now()), member->name, answer.error().what);
  }
  fmt::print(context.streams().err, "{} - WARNING - Failing over to DCS\n", stamp(context.wall_now()));
  fmt::print(context.out(), "{} Could not find any accessible member of cluster {}\n", stamp_with_fraction(context.wall_now()), cluster_name);
  const auto written = context.wait(context.store(cluster_name).write_failover({}, cluster->failover_revision, context.store_timeout()));
  if (!written && context.strict()) throw Failure{"the request could not be cleared in the store: " + written.error().what};
  return 0;
}

}  // namespace

int run_flush(Context& context, Words words) {
  std::optional<std::string> role;
  Selection selection{.action = "flush"};
  Arguments arguments(context.command("flush"), "CLUSTER_NAME [MEMBER_NAMES]... {restart|switchover}", "Discard scheduled events");
  arguments.option("-r,--role", role, "Flush only members with this role").flag("--force", selection.force, "Do not ask for confirmation at any point").rest(selection.names);
  arguments.parse(std::move(words));
  const auto cluster_name = require_cluster(arguments, selection.names);
  if (selection.names.empty()) arguments.fail("Missing argument '{restart|switchover}'. Choose from:\n\trestart,\n\tswitchover");
  const std::string target = selection.names.back();
  selection.names.pop_back();
  if (target != "restart" && target != "switchover") arguments.fail_choice("'{restart|switchover}'", target, "'restart', 'switchover'");
  selection.role = role_of(arguments, role);
  selection.role_name = role.value_or("any");
  return target == "restart" ? flush_restarts(context, cluster_name, std::move(selection)) : flush_switchover(context, cluster_name);
}

}  // namespace matriarch::ctl
