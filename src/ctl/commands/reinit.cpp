// reinit: build replicas anew, and watch it if asked to.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <map>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/durations.hpp"
#include "ctl/failure.hpp"
#include "ctl/selection.hpp"
#include "ctl/tally.hpp"
#include "model/json_text.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using model::Member;

// What a member says of its copy: state, and for a Matriarch member the progress of its task.
struct Rebuild {
  bool answered = false, over = false, failed = false;
  std::string state, progress;
};

Rebuild look_at(Context& context, const Member& member) {
  Rebuild seen;
  const auto answer = context.call({.api_url = member.api_url, .endpoint = "patroni"});
  const auto document = answer ? model::read_json(answer->body) : std::nullopt;
  if (!document) return seen;
  const json::object said = document->is_object() ? document->get_object() : json::object();
  seen.answered = true;
  seen.state = model::text_at(said, "state");
  seen.over = seen.state != "creating replica";
  seen.failed = seen.state.ends_with("failed") || seen.state == "crashed";
  if (!said.contains("matriarch")) return seen;
  const auto own = context.call({.api_url = member.api_url, .endpoint = "matriarch/status"});
  const auto status = own ? model::read_json(own->body) : std::nullopt;
  const auto* task = status && status->is_object() ? status->get_object().if_contains("task") : nullptr;
  if (task && task->is_object()) {
    seen.progress = model::text_at(task->get_object(), "progress");
    const auto kind = model::text_at(task->get_object(), "kind");
    if (kind == "clone" || kind == "reinitialize") seen.over = false;
  }
  return seen;
}

int wait_for_reinit(Context& context, std::vector<const Member*> members, model::Milliseconds timeout) {
  std::string last_names;
  std::map<std::string, std::string> last_progress;
  bool failed = false;
  for (model::Milliseconds waited{0}; !members.empty(); waited += 2s) {
    if (waited >= timeout) throw Failure{"not complete in time on: " + names_of(members) + "; it goes on, watch it with `list`", 4};
    if (const auto names = names_of(members); names != last_names) {
      fmt::print(context.out(), "Waiting for reinitialize to complete on: {}\n", names);
      last_names = names;
    }
    context.out().flush();
    context.sleep_for(2s);
    std::erase_if(members, [&](const Member* member) {
      const auto seen = look_at(context, *member);
      if (!seen.progress.empty() && std::exchange(last_progress[member->name.text], seen.progress) != seen.progress) {
        fmt::print(context.out(), "  {}: {}\n", member->name, seen.progress);
      }
      if (!seen.answered || !seen.over) return false;
      if (seen.failed) fmt::print(context.out(), "Failed: reinitialize on {}: {}\n", member->name, seen.state);
      else fmt::print(context.out(), "Reinitialize is completed on: {}\n", member->name);
      failed |= seen.failed;
      return true;
    });
  }
  return failed && context.strict() ? 1 : 0;
}

}  // namespace

int run_reinit(Context& context, Words words) {
  Selection selection{.action = "reinitialize", .role = RoleFilter::kReplica, .role_name = "replica", .ask_for_name = true};
  bool from_leader = false, wait = false;
  std::optional<std::string> timeout_text;
  Arguments arguments(context.command("reinit"), "CLUSTER_NAME [MEMBER_NAMES]...", "Reinitialize cluster member");
  arguments.flag("--force", selection.force, "Do not ask for confirmation at any point").flag("--from-leader", from_leader, "Get basebackup from leader")
      .flag("--wait", wait, "Wait until reinitialization completes").option("--timeout", timeout_text, "With --wait: give up after that time").rest(selection.names);
  arguments.parse(std::move(words));
  const auto cluster_name = require_cluster(arguments, selection.names);
  const auto timeout = duration_of(arguments, "--timeout", timeout_text, model::Milliseconds::max());
  const auto cluster = context.read(cluster_name);
  const auto members = select_members(context, *cluster, cluster_name, selection);
  if (!members.empty()) confirm_members(context, members, selection);
  Tally tally;
  std::vector<const Member*> started;
  for (const auto* member : members) {
    bool force = selection.force;
    while (true) {
      json::object body{{"force", force}, {"from_leader", from_leader}};
      const auto answer = context.call({.api_url = member->api_url, .method = "POST", .endpoint = "reinitialize", .body = model::write_json(body, model::JsonSpacing::kSpaced), .timeout = 130s});
      if (answer && answer->status < 400) {
        fmt::print(context.out(), "Success: reinitialize for member {}\n", member->name);
        started.push_back(member);
        break;
      }
      report(context, tally, "reinitialize", *member, answer);
      const bool busy = answer && answer->body.ends_with(" already in progress");
      if (!busy || force || !context.prompt().confirm("Do you want to cancel it and reinitialize anyway?")) break;
      force = true;
      tally.failed = false;
    }
  }
  const int waited = wait ? wait_for_reinit(context, started, timeout) : 0;
  return waited != 0 ? waited : tally.exit_code(context);
}

}  // namespace matriarch::ctl
