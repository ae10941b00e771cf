// restart, now or later.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <random>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/interrupt.hpp"
#include "ctl/schedule_time.hpp"
#include "ctl/selection.hpp"
#include "ctl/tally.hpp"
#include "model/json_text.hpp"
#include "model/member_view.hpp"
#include "model/quantity.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using model::Member;

bool is_pending_restart(const Member& member) {
  const auto* value = member.data.if_contains("pending_restart");
  return value && model::to_boolean(*value).value_or(false);
}

// "15.4" or "9.6.24".
void check_version(const std::string& version) {
  int parts = 0, first = 0;
  for (std::string_view rest = version;; ++parts) {
    const auto dot = rest.find('.');
    const auto part = rest.substr(0, dot);
    const bool is_number = !part.empty() && part.size() < 9 && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number) throw Failure{"Invalid PostgreSQL version: " + version};
    if (parts == 0) first = std::stoi(std::string(part));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (!(parts == 1 && first >= 10) && parts != 2) throw Failure{"Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: " + version};
}

struct RestartOptions {
  std::optional<std::string> role, scheduled, version, timeout;
  bool any = false, pending = false, force = false;
};

std::optional<model::WrittenTime> restart_time(Context& context, const RestartOptions& options) {
  std::string text = options.scheduled.value_or("");
  if (!options.scheduled && !options.force) {
    text = context.prompt().text(fmt::format("When should the restart take place (e.g. {}) ", example_time(context.wall_now())), "now");
  }
  const auto time = parse_schedule(text, context.wall_now());
  if (!time) {
    throw Failure{fmt::format("Unable to parse scheduled timestamp ({}). It should be in an unambiguous format (e.g. ISO 8601)", text) +
                  (context.strict() ? "; " + time.error() : "")};
  }
  return *time;
}

void confirm_restart(Context& context, const std::vector<const Member*>& members, const RestartOptions& options, const std::optional<model::WrittenTime>& time) {
  if (options.force) return;
  if (!time) {
    if (!context.prompt().confirm(fmt::format("Are you sure you want to restart members {}?", names_of(members)))) throw Failure{"Aborted restart"};
    return;
  }
  if (context.strict()) fmt::print(context.out(), "Understood as {}\n", explain_schedule(*time, context.wall_now()));
  const std::string question =
      options.pending ? "The nodes needing a restart will be identified at the scheduled time, and might be different from the ones showing pending restart right now. Is this fine?"
                      : fmt::format("Are you sure you want to schedule restart of members {} at {}?", names_of(members), model::format_timestamp(time->at, *time->offset, ' '));
  if (!context.prompt().confirm(question)) throw Failure{"Aborted scheduled restart"};
}

// Its own bound plus the time a stop may take.
model::Milliseconds patience(const RestartOptions& options, const model::Cluster& cluster) {
  if (options.timeout) {
    const auto seconds = model::parse_integer(*options.timeout, "s");
    if (seconds && *seconds > 0 && *seconds < 1'000'000) return std::chrono::seconds{*seconds} + 150s;
  }
  const auto* configured = cluster.config ? cluster.config->document.if_contains("primary_start_timeout") : nullptr;
  const auto seconds = configured && configured->is_int64() ? std::clamp<std::int64_t>(configured->get_int64(), 0, 1'000'000) : 300;
  return std::chrono::seconds{seconds} + 150s;
}

void restart_one(Context& context, Tally& tally, const Member& member, const RestartOptions& options, const json::object& body, model::Milliseconds limit) {
  if (body.contains("schedule") && options.force && has_scheduled_restart(member)) {
    const auto flushed = context.call({.api_url = member.api_url, .method = "DELETE", .endpoint = "restart"});
    if (!flushed || flushed->status >= 400) report(context, tally, "flush scheduled restart", member, flushed);
  }
  context.out().flush();
  const auto answer = context.call({.api_url = member.api_url, .method = "POST", .endpoint = "restart", .body = model::write_json(body, model::JsonSpacing::kSpaced), .timeout = limit});
  if (answer && answer->status == 200) fmt::print(context.out(), "Success: restart on member {}\n", member.name);
  else if (answer && answer->status == 202) fmt::print(context.out(), "Success: restart scheduled on member {}\n", member.name);
  else if (answer && answer->status == 409) fmt::print(context.out(), "Failed: another restart is already scheduled on member {}\n", member.name);
  else return report(context, tally, "restart", member, answer);
  tally.failed |= answer->status == 409;
}

}  // namespace

int run_restart(Context& context, Words words) {
  RestartOptions options;
  Selection selection{.action = "restart"};
  Arguments arguments(context.command("restart"), "CLUSTER_NAME [MEMBER_NAMES]...", "Restart cluster member");
  arguments.option("-r,--role", options.role, "Restart only members with this role")
      .flag("--any", options.any, "Restart a single member only")
      .option("--scheduled", options.scheduled, "Timestamp of a scheduled restart in unambiguous format (e.g. ISO 8601)")
      .option("--pg-version", options.version, "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)")
      .flag("--pending", options.pending, "Restart if pending")
      .option("--timeout", options.timeout, "Return error and fail over if necessary when restarting takes longer than this.")
      .flag("--force", options.force, "Do not ask for confirmation at any point")
      .rest(selection.names)
      .parse(std::move(words));
  const auto cluster_name = require_cluster(arguments, selection.names);
  selection.role = role_of(arguments, options.role);
  selection.role_name = options.role.value_or("any");
  selection.force = options.force;
  const auto cluster = context.read(cluster_name);
  auto members = select_members(context, *cluster, cluster_name, selection);
  const auto time = restart_time(context, options);
  json::object body;
  if (options.pending) {
    body["restart_pending"] = true;
    if (!time) std::erase_if(members, [](const Member* member) { return !is_pending_restart(*member); });
  }
  if (options.any && members.size() > 1) {
    std::random_device device;
    members = {members[std::uniform_int_distribution<std::size_t>(0, members.size() - 1)(device)]};
  }
  confirm_restart(context, members, options, time);
  std::string version = options.version.value_or("");
  if (!options.version && !options.force) version = context.prompt().text("Restart if the PostgreSQL version is less than provided (e.g. 9.5.2) ", "");
  if (!version.empty()) {
    check_version(version);
    body["postgres_version"] = version;
  }
  if (time) {
    if (model::modes_of(*cluster).paused) throw Failure{"Can't schedule restart in the paused state"};
    body["schedule"] = model::format_timestamp(time->at, *time->offset);
  }
  if (options.timeout) body["timeout"] = *options.timeout;
  Tally tally;
  const auto limit = patience(options, *cluster);
  say_on_interrupt("A restart that was begun goes on; watch it with `list`.\n");
  for (const auto* member : members) restart_one(context, tally, *member, options, body, limit);
  say_on_interrupt(nullptr);
  return tally.exit_code(context);
}

}  // namespace matriarch::ctl
