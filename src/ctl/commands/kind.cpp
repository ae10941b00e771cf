// demote-cluster and promote-cluster: from a cluster of its own to a standby cluster, and back.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/durations.hpp"
#include "ctl/failure.hpp"
#include "ctl/local_zone.hpp"
#include "ctl/member_listing.hpp"
#include "model/json_text.hpp"
#include "model/quantity.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

struct Change {
  std::string action, target_role, done;  // "demote", "standby_leader", "demoted"
  bool force = false;
  model::Milliseconds timeout{0};
};

std::string text_or_none(const model::Member* member, std::string model::Member::* field) { return member && !(member->*field).empty() ? member->*field : "None"; }

bool is_finished(const model::Cluster& now, const Change& change, const std::string& old_leader) {
  const auto* leader = now.leader_member();
  if (!leader || leader->role != change.target_role || !leader->is_running()) return false;
  const auto* old = now.find(model::MemberName(old_leader));
  return change.action != "demote" || (old && old->is_running());
}

int follow_change(Context& context, const std::string& cluster_name, const Change& change, const std::string& old_leader) {
  std::string last;
  for (auto waited = 0ms; change.timeout == 0ms || waited < change.timeout; waited += 1s) {
    const auto now = context.read(cluster_name);
    const auto* leader = now->leader_member();
    std::string line = fmt::format("cluster is unlocked: {}, leader role: {}, leader state: {}", now->is_unlocked() ? "True" : "False",
                                   text_or_none(leader, &model::Member::role), text_or_none(leader, &model::Member::state));
    if (change.action == "demote" && leader && leader->name.text != old_leader) {
      line += fmt::format(", previous leader state: '{}'", text_or_none(now->find(model::MemberName(old_leader)), &model::Member::state));
    }
    if (line != last) fmt::print(context.out(), "{} {}\n", stamp(context.wall_now()), line);
    context.out().flush();
    last = line;
    if (is_finished(*now, change, old_leader)) {
      fmt::print(context.out(), "{} cluster is successfully {}\n{}", stamp(context.wall_now()), change.done, list_members(*now, cluster_name, {}));
      return 0;
    }
    context.sleep_for(1s);
  }
  throw Failure{fmt::format("the cluster is not {} after {} s; it goes on, watch it with `list`", change.done,
                            std::chrono::duration_cast<std::chrono::seconds>(change.timeout).count()), 4};
}

int change_kind(Context& context, const std::string& cluster_name, const Change& change, const json::value& section) {
  const auto cluster = context.read(cluster_name);
  const std::string noun = change.action == "demote" ? "demotion" : "promotion";
  if (!cluster->leader || !cluster->leader_member()) throw Failure{fmt::format("Cluster has no leader, {} is not possible", noun)};
  const auto& leader = *cluster->leader_member();
  if (leader.role == change.target_role) throw Failure{"Cluster is already in the required state"};
  context.out() << "Current cluster topology\n" << list_members(*cluster, cluster_name, {});
  if (!change.force && !context.prompt().confirm(fmt::format("Are you sure you want to {} {} cluster?", change.action, cluster_name))) {
    throw Failure{"Aborted cluster " + noun};
  }
  const std::string body = model::write_json(json::object{{"standby_cluster", section}}, model::JsonSpacing::kSpaced);
  const auto answer = context.call({.api_url = leader.api_url, .method = "PATCH", .endpoint = "config", .body = body, .timeout = 15s});
  const std::string failed = fmt::format("Failed to {} {} cluster: ", change.action, cluster_name);
  if (!answer) throw Failure{failed + answer.error().what};
  if (answer->status != 200) throw Failure{fmt::format("{}{}/config PATCH status code={}, ({})", failed, failed, answer->status, answer->body)};
  return follow_change(context, cluster_name, change, leader.name.text);
}

}  // namespace

int run_demote_cluster(Context& context, Words words) {
  Change change{.action = "demote", .target_role = "standby_leader", .done = "demoted"};
  std::optional<std::string> host, port, restore_command, slot, timeout;
  Words names;
  Arguments arguments(context.command("demote-cluster"), "[CLUSTER_NAME]", "Demote cluster to a standby cluster");
  arguments.option("--host", host, "Address of the remote node").option("--port", port, "Port of the remote node", "INTEGER")
      .option("--restore-command", restore_command, "Command to restore WAL records from the remote primary")
      .option("--primary-slot-name", slot, "Name of the slot on the remote node to use for replication")
      .option("--timeout", timeout, "Give up waiting after that time").flag("--force", change.force, "Do not ask for confirmation at any point").rest(names);
  arguments.parse(std::move(words));
  change.timeout = duration_of(arguments, "--timeout", timeout, 0ms);
  json::object section;
  if (host && !host->empty()) section["host"] = *host;
  if (port) {
    const auto number = model::parse_integer(*port);
    if (!number) arguments.fail(fmt::format("Invalid value for '--port': '{}' is not a valid integer.", *port));
    section["port"] = *number;
  }
  if (restore_command && !restore_command->empty()) section["restore_command"] = *restore_command;
  if (section.empty()) throw Failure{"At least --host, --port or --restore-command should be specified"};
  if (slot && !slot->empty()) section["primary_slot_name"] = *slot;
  return change_kind(context, context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])), change, section);
}

int run_promote_cluster(Context& context, Words words) {
  Change change{.action = "promote", .target_role = "primary", .done = "promoted"};
  std::optional<std::string> timeout;
  Words names;
  Arguments arguments(context.command("promote-cluster"), "[CLUSTER_NAME]", "Promote cluster, make it run standalone");
  arguments.option("--timeout", timeout, "Give up waiting after that time").flag("--force", change.force, "Do not ask for confirmation at any point").rest(names);
  arguments.parse(std::move(words));
  change.timeout = duration_of(arguments, "--timeout", timeout, 0ms);
  return change_kind(context, context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])), change, nullptr);
}

}  // namespace matriarch::ctl
