// switchover and failover.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/interrupt.hpp"
#include "ctl/local_zone.hpp"
#include "ctl/member_listing.hpp"
#include "ctl/schedule_time.hpp"
#include "model/json_text.hpp"
#include "model/letter_case.hpp"
#include "model/member_view.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using model::Cluster;

struct Handover {
  std::string action;  // "switchover", "failover"
  std::optional<std::string> leader, candidate, scheduled;
  bool force = false, dry_run = false;
  bool is_switchover() const { return action == "switchover"; }
  std::string title() const { return is_switchover() ? "Switchover" : "Failover"; }
};

std::string leader_of(const Cluster& cluster) { return cluster.leader ? cluster.leader->name.text : std::string(); }

std::vector<std::string> candidates_of(const Cluster& cluster) {
  std::vector<std::string> names;
  for (const auto& [name, member] : cluster.members) {
    if (!cluster.is_led_by(name) && !member.tags.nofailover()) names.push_back(name.text);
  }
  return names;
}

// As Python prints a list.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name);
  return "[" + text + "]";
}

void choose_leader(Context& context, const Cluster& cluster, const std::string& cluster_name, Handover& order) {
  const std::string current = leader_of(cluster);
  if (!order.is_switchover()) {
    order.leader.reset();
    return;
  }
  if (current.empty()) throw Failure{"This cluster has no leader"};
  if (!order.leader) {
    const char* role = model::modes_of(cluster).standby_cluster ? "Standby Leader" : "Primary";
    order.leader = order.force ? current : context.prompt().text(role, current);
  }
  if (*order.leader != current) throw Failure{fmt::format("Member {} is not the leader of cluster {}", *order.leader, cluster_name)};
}

void choose_candidate(Context& context, const Cluster& cluster, const std::string& cluster_name, Handover& order) {
  const auto names = candidates_of(cluster);
  if (names.empty()) throw Failure{fmt::format("No candidates found to {} to", order.action)};
  if (!order.candidate && !order.force) order.candidate = context.prompt().text("Candidate " + listed(names), "");
  if (order.candidate && order.candidate->empty()) order.candidate.reset();
  if (!order.candidate && !order.is_switchover()) throw Failure{"Failover could be performed only to a specific candidate"};
  if (!order.candidate || std::find(names.begin(), names.end(), *order.candidate) != names.end()) return;
  if (*order.candidate == leader_of(cluster)) throw Failure{fmt::format("Member {} is already the leader of cluster {}", *order.candidate, cluster_name)};
  throw Failure{fmt::format("Member {} does not exist in cluster {} or is tagged as nofailover", *order.candidate, cluster_name)};
}

void confirm_asynchronous(Context& context, const Cluster& cluster, const Handover& order) {
  if (order.is_switchover() || order.force || !order.candidate) return;
  const bool guarded = model::modes_of(cluster).synchronous != model::SynchronousMode::kOff && cluster.sync.active();
  if (!guarded || cluster.sync.is_leader_or_voter(model::MemberName(*order.candidate))) return;
  if (!context.prompt().confirm(fmt::format("Are you sure you want to failover to the asynchronous node {}?", *order.candidate))) throw Failure{"Aborting failover"};
}

std::optional<model::WrittenTime> choose_time(Context& context, const Cluster& cluster, const Handover& order) {
  if (!order.is_switchover()) return std::nullopt;
  std::string text = order.scheduled.value_or("");
  if (!order.scheduled && !order.force) {
    text = context.prompt().text(fmt::format("When should the switchover take place (e.g. {} ) ", example_time(context.wall_now())), "now");
  }
  const auto time = parse_schedule(text, context.wall_now());
  if (!time) {
    throw Failure{fmt::format("Unable to parse scheduled timestamp ({}). It should be in an unambiguous format (e.g. ISO 8601)", text) +
                  (context.strict() ? "; " + time.error() : "")};
  }
  if (*time && model::modes_of(cluster).paused) throw Failure{"Can't schedule switchover in the paused state"};
  return *time;
}

void confirm_handover(Context& context, const Cluster& cluster, const std::string& cluster_name, const Handover& order, const std::optional<model::WrittenTime>& time) {
  if (order.force) return;
  const std::string leader = leader_of(cluster);
  const std::string demoting = leader.empty() ? "" : fmt::format(", demoting current leader {}", leader);
  if (!time) {
    if (!context.prompt().confirm(fmt::format("Are you sure you want to {} cluster {}{}?", order.action, cluster_name, demoting))) throw Failure{"Aborting " + order.action};
    return;
  }
  if (context.strict()) fmt::print(context.out(), "Understood as {}\n", explain_schedule(*time, context.wall_now()));
  const auto at = model::format_timestamp(time->at, *time->offset);
  if (!context.prompt().confirm(fmt::format("Are you sure you want to schedule {} of cluster {} at {}{}?", order.action, cluster_name, at, demoting))) {
    throw Failure{fmt::format("Aborting scheduled {}", order.action)};
  }
}

std::string body_of(const Handover& order, const std::optional<model::WrittenTime>& time) {
  json::object body;
  body["candidate"] = order.candidate ? json::value(*order.candidate) : json::value(nullptr);
  if (order.is_switchover()) body["leader"] = *order.leader;
  if (time) body["scheduled_at"] = model::format_timestamp(time->at, *time->offset);
  return model::write_json(body, model::JsonSpacing::kSpaced);
}

CallResult send(Context& context, const Cluster& cluster, const Handover& order, const std::string& body) {
  const auto* target = cluster.leader ? cluster.leader_member() : cluster.find(model::MemberName(order.candidate.value_or("")));
  // The server holds the request open until it knows the result.
  const auto limit = 2 * std::max(model::Milliseconds{10'000}, model::modes_of(cluster).loop_wait) + model::Milliseconds{10'000};
  Call call{.api_url = target ? target->api_url : "", .method = "POST", .endpoint = order.action, .body = body, .timeout = limit};
  auto answer = context.call(call);
  // An API from before switchover had an endpoint of its own.
  if (answer && answer->status == 501 && order.is_switchover() && answer->body.find("Server does not support this operation") != std::string::npos) {
    call.endpoint = "failover";
    answer = context.call(call);
  }
  return answer;
}

json::object failover_key(const Handover& order, const std::optional<model::WrittenTime>& time) {
  json::object key;
  if (order.leader && order.is_switchover()) key["leader"] = *order.leader;
  if (order.candidate) key["member"] = *order.candidate;
  if (time) key["scheduled_at"] = model::format_timestamp(time->at, *time->offset);
  return key;
}

// Nobody answered: the store reaches the leader as well.
int fall_back_to_store(Context& context, const std::shared_ptr<const Cluster>& cluster, const std::string& cluster_name, const Handover& order,
                       const std::optional<model::WrittenTime>& time, const std::string& why) {
  fmt::print(context.streams().err, "{} - WARNING - Failing over to DCS: {}\n", stamp(context.wall_now()), why);
  fmt::print(context.out(), "{} Could not {} using Patroni api, falling back to DCS\n", stamp_with_fraction(context.wall_now()), order.action);
  const auto written = context.wait(context.store(cluster_name).write_failover(failover_key(order, time), std::nullopt, context.store_timeout()));
  context.out() << list_members(*cluster, cluster_name, {});
  if (!written) throw Failure{fmt::format("the request could not be written to {} ({})", context.store_kind(), written.error().what)};
  return 0;
}

bool contains_without_case(std::string text, std::string_view part) {
  return model::lower(std::move(text)).find(part) != std::string::npos;
}

int carry_out(Context& context, const std::string& cluster_name, Handover order) {
  const auto cluster = context.read(cluster_name);
  context.out() << "Current cluster topology\n" << list_members(*cluster, cluster_name, {});
  choose_leader(context, *cluster, cluster_name, order);
  choose_candidate(context, *cluster, cluster_name, order);
  confirm_asynchronous(context, *cluster, order);
  const auto time = choose_time(context, *cluster, order);
  const auto body = body_of(order, time);
  if (order.dry_run) {
    fmt::print(context.out(), "Would send POST /{} {}\n", order.action, body);
    return 0;
  }
  confirm_handover(context, *cluster, cluster_name, order, time);
  context.out().flush();
  say_on_interrupt("The request was sent and goes on; watch it with `list` or `topology`.\n");
  const auto answer = send(context, *cluster, order, body);
  say_on_interrupt(nullptr);
  const bool may_go_on = !answer && answer.error().failure == net::NetFailure::kTimedOut && answer.error().may_have_been_processed;
  if (may_go_on) throw Failure{fmt::format("{} result unknown: {}", order.title(), answer.error().what), 4};
  if (!answer) return fall_back_to_store(context, cluster, cluster_name, order, time, answer.error().what);
  if (answer->status == 200 || answer->status == 202) {
    fmt::print(context.out(), "{} {}\n", stamp_with_fraction(context.wall_now()), answer->body);
    context.out() << list_members(*context.read(cluster_name), cluster_name, {});
    return 0;
  }
  const bool unknown = contains_without_case(answer->body, "status unknown");
  fmt::print(context.out(), "{} {}, details: {}, {}\n", order.title(), unknown ? "result unknown" : "failed", answer->status, answer->body);
  return context.strict() ? (unknown ? 4 : 1) : 0;
}

}  // namespace

int run_switchover(Context& context, Words words) {
  Handover order{.action = "switchover"};
  Words names;
  Arguments arguments(context.command("switchover"), "[CLUSTER_NAME]", "Switchover to a replica");
  arguments.option("--leader,--primary", order.leader, "The name of the current leader")
      .option("--candidate", order.candidate, "The name of the candidate")
      .option("--scheduled", order.scheduled, "Timestamp of a scheduled switchover in unambiguous format (e.g. ISO 8601)")
      .flag("--force", order.force, "Do not ask for confirmation at any point")
      .flag("--dry-run", order.dry_run, "Show the request, change nothing")
      .rest(names)
      .parse(std::move(words));
  return carry_out(context, context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])), std::move(order));
}

int run_failover(Context& context, Words words) {
  Handover order{.action = "failover"};
  Words names;
  Arguments arguments(context.command("failover"), "[CLUSTER_NAME]", "Failover to a replica");
  arguments.option("--candidate", order.candidate, "The name of the candidate")
      .flag("--force", order.force, "Do not ask for confirmation at any point")
      .flag("--dry-run", order.dry_run, "Show the request, change nothing")
      .rest(names)
      .parse(std::move(words));
  return carry_out(context, context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])), std::move(order));
}

}  // namespace matriarch::ctl
