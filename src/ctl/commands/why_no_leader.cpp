// why-no-leader: for each candidate the reason why it does not lead.
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


}  // namespace

int run_why_no_leader(Context& context, Words words) {
  Words names;
  bool as_json = false;
  Arguments arguments(context.command("why-no-leader"), "[CLUSTER_NAME]", "For each candidate the reason why it does not lead, and what would make it lead");
  arguments.flag("--json", as_json, "As JSON (schema matriarch.status/1)").rest(names).parse(std::move(words));
  const auto cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  const auto facts = gather(context, cluster_name, kProbe);
  const auto judgement = judge(facts, context.program());
  if (as_json) {
    fmt::print(context.out(), "{}\n", model::write_json(status_json(facts, judgement), model::JsonSpacing::kSpaced));
    return exit_code(judgement.verdict);
  }
  if (!facts.store_answered()) throw Failure{fmt::format("{} does not answer: {}; without it nobody may lead", facts.store_kind, facts.store_error), 3};
  if (facts.cluster.leader) fmt::print(context.out(), "{} leads {}.\n", facts.cluster.leader->name, cluster_name);
  else fmt::print(context.out(), "Nobody leads {}.\n", cluster_name);
  for (const auto& candidate : judgement.candidates) {
    fmt::print(context.out(), "{}  {}\n", candidate.name, candidate.eligible() ? "could lead" : "cannot lead");
    for (const auto& gate : candidate.gates) fmt::print(context.out(), "  {}  {:<11} {}\n", gate.ok ? "ok" : "no", gate.name, gate.says);
    const auto* member = facts.find(candidate.name);
    const auto* verdict = member ? member->live.own.if_contains("verdict") : nullptr;
    if (verdict && verdict->is_object()) fmt::print(context.out(), "  says {:<11} {}\n", cell_at(verdict->get_object(), "rule"), cell_at(verdict->get_object(), "says"));
    fmt::print(context.out(), "  to make it lead: {} failover {} --candidate {}{}\n", context.program(), cluster_name, candidate.name,
               candidate.loss_bytes ? fmt::format("   (may lose up to {})", bytes_text(*candidate.loss_bytes)) : "   (what it may lose is not known)");
  }
  return facts.cluster.leader ? 0 : 2;
}

}  // namespace matriarch::ctl
