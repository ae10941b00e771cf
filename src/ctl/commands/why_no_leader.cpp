// why-no-leader: for each candidate the reason why it does not lead.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/output.hpp"
#include "ctl/status_report.hpp"
#include "model/json_text.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

// What this node's store and agent know, when the cluster cannot be read.
int without_store(Context& context, const Facts& facts) {
  const bool store_is_there = facts.store_members && facts.store_members->answered;
  const bool anybody = std::any_of(facts.members.begin(), facts.members.end(), [](const MemberFacts& member) { return member.live.there; });
  const std::string why = fmt::format("{} does not answer: {}; without it nobody may lead", facts.store_kind, facts.store_error);
  if (!store_is_there && !anybody) throw Failure{why, 3};
  fmt::print(context.out(), "{}\n{}", why, store_advice(facts.store_members, context.invocation()));
  for (const auto& member : facts.members) {
    const auto* verdict = member.live.own.if_contains("verdict");
    if (!member.live.there) fmt::print(context.out(), "{}  does not answer: {}\n", member.name, member.live.error);
    else if (verdict && verdict->is_object()) fmt::print(context.out(), "{}  says {}  {}\n", member.name, cell_at(verdict->get_object(), "rule"), cell_at(verdict->get_object(), "says"));
    else fmt::print(context.out(), "{}  {}, role {}\n", member.name, member.live.state, member.live.role);
  }
  return 2;
}

}  // namespace

int run_why_no_leader(Context& context, Words words) {
  Words names;
  bool as_json = false;
  Arguments arguments(context.command("why-no-leader"), "[CLUSTER_NAME]", "For each candidate the reason why it does not lead, and what would make it lead");
  arguments.flag("--json", as_json, "As JSON (schema matriarch.status/1)").rest(names).parse(std::move(words));
  const auto cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  const auto facts = gather(context, cluster_name, kProbe);
  const auto judgement = judge(facts, context.invocation());
  if (as_json) {
    fmt::print(context.out(), "{}\n", model::write_json(status_json(facts, judgement), model::JsonSpacing::kSpaced));
    return exit_code(judgement.verdict);
  }
  if (!facts.store_answered()) return without_store(context, facts);
  if (facts.cluster.leader) fmt::print(context.out(), "{} leads {}.\n", facts.cluster.leader->name, cluster_name);
  else fmt::print(context.out(), "Nobody leads {}.\n", cluster_name);
  for (const auto& candidate : judgement.candidates) {
    fmt::print(context.out(), "{}  {}\n", candidate.name, candidate.eligible() ? "could lead" : "cannot lead");
    for (const auto& gate : candidate.gates) fmt::print(context.out(), "  {}  {:<11} {}\n", gate.ok ? "ok" : "no", gate.name, gate.says);
    const auto* member = facts.find(candidate.name);
    const auto* verdict = member ? member->live.own.if_contains("verdict") : nullptr;
    if (verdict && verdict->is_object()) fmt::print(context.out(), "  says {:<11} {}\n", cell_at(verdict->get_object(), "rule"), cell_at(verdict->get_object(), "says"));
    fmt::print(context.out(), "  to make it lead: {} failover {} --candidate {}{}\n", context.invocation(), cluster_name, candidate.name,
               candidate.loss_bytes ? fmt::format("   (may lose up to {})", bytes_text(*candidate.loss_bytes)) : "   (what it may lose is not known)");
  }
  return facts.cluster.leader ? 0 : 2;
}

}  // namespace matriarch::ctl
