// status: one screen at 3 a.m.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <map>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/durations.hpp"
#include "ctl/member_events.hpp"
#include "ctl/output.hpp"
#include "ctl/status_report.hpp"
#include "ctl/watch.hpp"
#include "model/json_text.hpp"

namespace matriarch::ctl {
namespace {


constexpr std::size_t kEvents = 5;

std::vector<RecentEvent> last_events(Context& context, const Facts& facts, std::size_t count) {
  std::map<std::string, std::uint64_t> after;
  auto events = fetch_events(context, facts.cluster, after);
  std::vector<RecentEvent> recent;
  for (std::size_t i = events.size() > count ? events.size() - count : 0; i < events.size(); ++i) {
    recent.push_back({events[i].at.substr(11, 8), events[i].member, events[i].kind, details_text(events[i].details)});
  }
  return recent;
}

}  // namespace

int run_status(Context& context, Words words) {
  Words names;
  bool as_json = false, quiet = false;
  std::optional<std::string> format, probe;
  Watch watch;
  Arguments arguments(context.command("status"), "[CLUSTER_NAMES]...", "Who leads, what is wrong first, what can be lost. Exit code: 0 fine, 1 attention, 2 bad, 3 unknown");
  arguments.flag("--json", as_json, "As JSON (schema matriarch.status/1)").option("-f,--format", format, "Output format: pretty, json, yaml").flag("-q,--quiet", quiet, "Only the exit code")
      .option("--probe-timeout", probe, "How long to wait for members (default 1.5s)");
  watch.add_to(arguments);
  arguments.rest(names).parse(std::move(words));
  watch.check(arguments);
  const auto wanted = parse_format(format.value_or(as_json ? "json" : "pretty"));
  if (!wanted || *wanted == Format::kTsv) arguments.fail_choice("'--format' / '-f'", format.value_or(""), "'pretty', 'json', 'yaml', 'yml'");
  const auto timeout = duration_of(arguments, "--probe-timeout", probe, kProbe);
  if (names.empty()) names.push_back(context.cluster_name(std::nullopt));
  int worst = 0;
  watch.repeat(context, true, [&] {
    worst = 0;
    for (const auto& name : names) {
      const auto facts = gather(context, name, timeout);
      const auto judgement = judge(facts, context.invocation());
      worst = std::max(worst, exit_code(judgement.verdict));
      if (quiet) continue;
      if (*wanted == Format::kPretty) context.out() << status_text(facts, judgement, last_events(context, facts, kEvents));
      else if (*wanted == Format::kJson) fmt::print(context.out(), "{}\n", model::write_json(status_json(facts, judgement), model::JsonSpacing::kSpaced));
      else context.out() << block_yaml(status_json(facts, judgement)) << "\n\n";
    }
  });
  return worst;
}

}  // namespace matriarch::ctl
