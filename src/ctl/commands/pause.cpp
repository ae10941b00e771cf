// pause and resume: a PATCH of the dynamic configuration that every member acknowledges.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/local_zone.hpp"
#include "ctl/roles.hpp"
#include "model/member_view.hpp"

namespace matriarch::ctl {
namespace {

using namespace std::chrono_literals;

// Members that had not taken the wish over when the time was up although they are alive.
std::vector<std::string> wait_for_members(Context& context, const std::string& cluster_name, const model::Cluster& before, bool paused) {
  const auto waits = std::chrono::duration_cast<std::chrono::seconds>(model::modes_of(before).loop_wait) + 1s;
  std::vector<std::string> lagging;
  for (auto waited = 0s; waited <= waits; waited += 1s) {
    if (waited > 0s) context.sleep_for(1s);
    const auto now = context.read(cluster_name);
    bool all = true;
    lagging.clear();
    for (const auto& [name, old] : before.members) {
      const auto* member = now->find(name);
      if (old.api_url.empty() || !member || member->paused == paused) continue;
      all = false;
      if (member->revision != old.revision) lagging.push_back(name.text);
    }
    if (all) return {};
  }
  return lagging;
}

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

int set_pause(Context& context, Words words, bool paused) {
  bool wait = false;
  Words names;
  const char* action = paused ? "pause" : "resume";
  Arguments arguments(context.command(action), "[CLUSTER_NAME]",
                      paused ? "Disable auto failover: nobody is promoted, demoted or started automatically until `resume`" : "Resume auto failover");
  arguments.flag("--wait", wait, fmt::format("Wait until {} is applied on all nodes", action)).rest(names).parse(std::move(words));
  const std::string cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  const auto cluster = context.read(cluster_name);
  if (model::modes_of(*cluster).paused == paused) throw Failure{fmt::format("Cluster is {} paused", paused ? "already" : "not")};
  const std::string body = paused ? R"({"pause": true})" : R"({"pause": null})";
  for (const auto* member : leader_first(*cluster)) {
    const auto answer = context.call({.api_url = member->api_url, .method = "PATCH", .endpoint = "config", .body = body, .timeout = 15s});
    if (!answer) {
      fmt::print(context.streams().err, "{} - WARNING - Member {} is not accessible: {}\n", stamp(context.wall_now()), member->name, answer.error().what);
      continue;
    }
    if (answer->status != 200) {
      fmt::print(context.out(), "Failed: {} cluster management status code={}, ({})\n", action, answer->status, answer->body);
      return context.strict() ? 1 : 0;
    }
    if (wait) {
      fmt::print(context.out(), "'{}' request sent, waiting until it is recognized by all nodes\n", action);
      context.out().flush();
      const auto lagging = wait_for_members(context, cluster_name, *cluster, paused);
      if (!lagging.empty()) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(model::modes_of(*cluster).loop_wait).count();
        fmt::print(context.out(), "{} members didn't recognized {} state after {} seconds\n", joined(lagging), action, seconds);
        return context.strict() ? 4 : 0;
      }
    }
    fmt::print(context.out(), "Success: cluster management is {}\n", paused ? "paused" : "resumed");
    return 0;
  }
  throw Failure{"Can not find accessible cluster member"};
}

}  // namespace

int run_pause(Context& context, Words words) { return set_pause(context, std::move(words), true); }
int run_resume(Context& context, Words words) { return set_pause(context, std::move(words), false); }

}  // namespace matriarch::ctl
