// wait: for scripts, until conditions hold.
#include <algorithm>
#include <fmt/format.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/durations.hpp"
#include "ctl/failure.hpp"
#include "ctl/judgement.hpp"
#include "model/letter_case.hpp"
#include "model/quantity.hpp"

namespace matriarch::ctl {
namespace {

using namespace std::chrono_literals;


// A condition of `wait --for`.
bool holds(const Facts& facts, const Judgement& judgement, const std::string& condition, const Arguments& arguments) {
  const auto equals = condition.find('=');
  const std::string name = condition.substr(0, equals), value = equals == std::string::npos ? "" : condition.substr(equals + 1);
  const auto* leader = facts.leader();
  const bool writable = leader && leader->live.runs_as_primary();
  const auto streams = [](const MemberFacts& member) { return member.live.replication_state == "streaming"; };
  if (name == "primary" || name == "writable") return writable;
  if (name == "leader") return facts.cluster.leader && facts.cluster.leader->name.text == value;
  if (name == "streaming" && value == "all") {
    return leader && std::all_of(facts.members.begin(), facts.members.end(), [&](const MemberFacts& member) { return &member == leader || streams(member); });
  }
  if (name == "streaming") return facts.find(value) && streams(*facts.find(value));
  if (name == "sync") return facts.cluster.sync.active() && !facts.cluster.sync.voters.empty();
  if (name == "no-pending-restart") return std::none_of(facts.members.begin(), facts.members.end(), [](const MemberFacts& member) { return member.live.pending_restart; });
  if (name == "timeline>") {  // "timeline>=8"
    const auto wanted = model::parse_integer(value);
    if (wanted) return leader && leader->live.timeline && static_cast<std::int64_t>(*leader->live.timeline) >= *wanted;
  }
  if (name == "paused") return model::modes_of(facts.cluster).paused;
  if (name == "resumed") return facts.store_answered() && !model::modes_of(facts.cluster).paused;
  if (name == "verdict") {
    return model::lower(std::string(to_text(judgement.verdict))) == value;
  }
  arguments.fail_choice("'--for'", condition,
                        "'primary', 'writable', 'leader=NAME', 'streaming=NAME', 'streaming=all', 'sync', 'no-pending-restart', 'timeline>=N', 'paused', 'resumed', 'verdict=ok'");
}

}  // namespace

int run_wait(Context& context, Words words) {
  Words names, conditions;
  std::optional<std::string> timeout_text, stable_text;
  Arguments arguments(context.command("wait"), "[CLUSTER_NAME]", "Wait until every condition holds. Exit code: 0 met, 4 not in time");
  arguments.option("--for", conditions, "primary, writable, leader=NAME, streaming=NAME, streaming=all, sync, no-pending-restart, timeline>=N, paused, resumed, verdict=ok", "CONDITION")
      .option("--timeout", timeout_text, "How long to wait (default 60s)").option("--stable", stable_text, "It must hold that long").rest(names);
  arguments.parse(std::move(words));
  if (conditions.empty()) arguments.fail("Missing option '--for'.");
  const auto timeout = duration_of(arguments, "--timeout", timeout_text, 60s), stable = duration_of(arguments, "--stable", stable_text, 0s);
  const auto cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::optional<std::chrono::steady_clock::time_point> since;
  std::string missing;
  while (true) {
    const auto facts = gather(context, cluster_name, kProbe);
    const auto judgement = judge(facts, context.invocation());
    missing.clear();
    for (const auto& condition : conditions) {
      if (!holds(facts, judgement, condition, arguments)) missing = condition;
    }
    const auto now = std::chrono::steady_clock::now();
    if (!missing.empty()) since.reset();
    else if (!since) since = now;
    if (since && now - *since >= stable) return 0;
    if (now >= deadline) throw Failure{fmt::format("not within {} s: {}", timeout.count() / 1000, missing.empty() ? "it did not hold long enough" : missing), 4};
    context.sleep_for(250ms);
  }
}

}  // namespace matriarch::ctl
