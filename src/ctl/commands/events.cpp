// events: the merged timeline of all members.
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <map>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/durations.hpp"
#include "ctl/failure.hpp"
#include "ctl/member_events.hpp"
#include "model/json_text.hpp"
#include "model/timestamp.hpp"

namespace matriarch::ctl {

namespace json = boost::json;
using namespace std::chrono_literals;

int run_events(Context& context, Words words) {
  Words names;
  bool as_json = false, follow = false;
  std::optional<std::string> since_text;
  Arguments arguments(context.command("events"), "[CLUSTER_NAME]", "What happened on every Matriarch member, merged by time");
  arguments.option("--since", since_text, "Only the last part, as in 2h").flag("--follow", follow, "Go on with new events").flag("--json", as_json, "One JSON object per line").rest(names);
  arguments.parse(std::move(words));
  const auto since = duration_of(arguments, "--since", since_text, model::Milliseconds{0});
  const auto cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  std::map<std::string, std::uint64_t> after;
  const auto begin = context.wall_now() - since;
  while (true) {
    const auto cluster = context.read(cluster_name);
    for (const auto& event : fetch_events(context, *cluster, after)) {
      const auto at = model::parse_timestamp(event.at);
      if (since_text && at && *at < begin) continue;
      if (as_json) {
        const json::object row{{"at", event.at}, {"member", event.member}, {"kind", event.kind}, {"details", event.details}};
        fmt::print(context.out(), "{}\n", model::write_json(row, model::JsonSpacing::kSpaced));
      } else {
        fmt::print(context.out(), "{}  {:<10} {:<20} {}\n", event.at, event.member, event.kind, details_text(event.details));
      }
    }
    context.out().flush();
    if (!follow) return 0;
    if (!context.out()) throw Aborted{};
    context.sleep_for(500ms);
  }
}

}  // namespace matriarch::ctl
