// remove: everything the store holds of a cluster.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/member_listing.hpp"
#include "ctl/tally.hpp"

namespace matriarch::ctl {


int run_remove(Context& context, Words words) {
  std::optional<std::string> format;
  Words names;
  Arguments arguments(context.command("remove"), "CLUSTER_NAME", "Remove cluster from DCS");
  arguments.option("-f,--format", format, "Output format: pretty, tsv, json, yaml, yml").rest(names);
  arguments.parse(std::move(words));
  const auto cluster_name = require_cluster(arguments, names);
  const auto wanted = parse_format(format.value_or("pretty"));
  if (!wanted) arguments.fail_choice("'--format' / '-f'", *format, kFormatChoices);
  const auto cluster = context.read(cluster_name);
  context.out() << list_members(*cluster, cluster_name, {.format = *wanted});
  if (context.prompt().text("Please confirm the cluster name to remove") != cluster_name) throw Failure{"Cluster names specified do not match"};
  const auto aware = context.prompt().text(fmt::format("You are about to remove all information in DCS for {}, please type: \"Yes I am aware\"", cluster_name));
  if (aware != "Yes I am aware") throw Failure{"You did not exactly type \"Yes I am aware\""};
  if (cluster->leader) {
    const auto leader = context.prompt().text("This cluster currently is healthy. Please specify the leader name to continue");
    if (leader != cluster->leader->name.text) throw Failure{"You did not specify the current leader of the cluster"};
  }
  const auto removed = context.wait(context.store(cluster_name).delete_cluster(context.store_timeout()));
  if (!removed) throw Failure{fmt::format("cannot remove {} from {}: {}", cluster_name, context.store_kind(), removed.error().what)};
  return 0;
}

}  // namespace matriarch::ctl
