// why: what each member decided last.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/facts.hpp"
#include "ctl/failure.hpp"
#include "ctl/output.hpp"
#include "ctl/status_report.hpp"
#include "model/json_text.hpp"
#include "model/quantity.hpp"
#include "model/timestamp.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;


std::string age_text(const std::string& since, model::WallTime now) {
  const auto at = model::parse_timestamp(since);
  if (!at) return "?";
  return duration_text(std::max(std::chrono::duration_cast<std::chrono::seconds>(now - *at), 0s));
}

std::string inputs_text(const json::object& own) {
  std::vector<std::string> inputs;
  const auto part = [&](const char* key) -> json::object {
    const auto* value = own.if_contains(key);
    return value && value->is_object() ? value->get_object() : json::object{};
  };
  const auto lease = part("lease"), store = part("store"), postgres = part("postgres");
  inputs.push_back(cell_at(lease, "held") == "True" ? fmt::format("lease held (term {}), valid for {} s more", cell_at(lease, "term"), cell_at(lease, "margin_seconds"))
                                                    : fmt::format("no lease ({})", cell_at(lease, "outcome")));
  inputs.push_back(fmt::format("store {}, leader there: {}", cell_at(store, "ok") == "True" ? "ok" : "unreachable", cell_at(store, "leader").empty() ? "none" : cell_at(store, "leader")));
  inputs.push_back(fmt::format("PostgreSQL {} as {}{}", cell_at(postgres, "state"), cell_at(postgres, "role"),
                               cell_at(postgres, "timeline").empty() ? "" : ", timeline " + cell_at(postgres, "timeline")));
  if (const auto task = part("task"); !task.empty()) inputs.push_back(fmt::format("running: {} {}", cell_at(task, "kind"), cell_at(task, "progress")));
  if (cell_at(own, "paused") == "True") inputs.push_back("paused");
  return fmt::format("{}", fmt::join(inputs, "; "));
}

// One member's last decision, in a few lines.
std::string why_text(const std::string& name, const json::object& decisions, const json::object& own, model::WallTime now) {
  const auto* current = decisions.if_contains("current");
  if (!current || !current->is_object()) return fmt::format("{}  has not decided anything yet\n", name);
  const auto& verdict = current->get_object();
  std::string text = fmt::format("{}  {}  (table {}, for {})\n", name, cell_at(verdict, "rule"), cell_at(verdict, "table"), age_text(cell_at(verdict, "since"), now));
  text += fmt::format("  says     {}\n", cell_at(verdict, "says"));
  text += fmt::format("  because  {}\n", inputs_text(own));
  const auto* recent = decisions.if_contains("recent");
  if (!recent || !recent->is_array()) return text;
  bool first = true;
  for (const auto& row : recent->get_array()) {
    if (!row.is_object()) continue;
    text += fmt::format("  {:<8} {}  {:<28} {}\n", first ? "before" : "", cell_at(row.get_object(), "at").substr(0, 23), cell_at(row.get_object(), "rule"), cell_at(row.get_object(), "says"));
    first = false;
  }
  return text;
}

json::object object_in(const CallResult& answer) {
  const auto document = answer && answer->status == 200 ? model::read_json(answer->body) : std::nullopt;
  return document && document->is_object() ? document->get_object() : json::object{};
}

std::string patroni_text(const std::string& name, const CallResult& answer) {
  const auto document = answer ? model::read_json(answer->body) : std::nullopt;
  if (!document || !document->is_object()) return fmt::format("{}  does not answer: {}\n", name, answer ? "not a status document" : answer.error().what);
  return fmt::format("{}  is a Patroni node, which does not record its decisions: {}, role {}\n", name, cell_at(document->get_object(), "state"), cell_at(document->get_object(), "role"));
}

// Without the store this node can still be asked. Says so first: what follows is not everybody.
std::shared_ptr<const model::Cluster> cluster_or_this_node(Context& context, const std::string& cluster_name, bool& is_alone) {
  auto view = context.try_read(cluster_name);
  if (view) return *view;
  is_alone = true;
  auto alone = std::make_shared<const model::Cluster>(only_this_node(context.settings()));
  const std::string why = fmt::format("cannot read cluster \"{}\" from {} ({})", cluster_name, context.store_kind(), view.error().what);
  if (alone->members.empty()) throw Failure{why};
  fmt::print(context.streams().err, "{}\n{}", why, store_advice(context.store_members(), context.invocation()));
  fmt::print(context.streams().err, "Only this node can be asked:\n");
  return alone;
}

}  // namespace

int run_why(Context& context, Words words) {
  Words names;
  bool as_json = false;
  std::optional<std::string> cluster_option, count;
  Arguments arguments(context.command("why"), "[MEMBER]...", "Each member's last decision: rule, sentence, the inputs that made it fire, since when");
  arguments.option("-n", count, "How many earlier decisions to show (default 3, 20 for a single member)", "N").flag("--json", as_json, "As JSON")
      .option("--cluster", cluster_option, "The cluster, when it is not the configured one").rest(names);
  arguments.parse(std::move(words));
  const auto shown = count ? model::parse_integer(*count) : std::optional<std::int64_t>(names.size() == 1 ? 20 : 3);
  if (!shown || *shown < 0) arguments.fail(fmt::format("Invalid value for '-n': '{}' is not a valid integer.", *count));
  const std::string cluster_name = context.cluster_name(cluster_option);
  bool is_alone = false;
  const auto cluster = cluster_or_this_node(context, cluster_name, is_alone);
  for (const auto& name : names) {
    if (!cluster->find(model::MemberName(name))) throw Failure{fmt::format("{} is not a member of {}", name, cluster_name)};
  }
  std::vector<const model::Member*> members;
  std::vector<Call> calls;
  for (const auto& [name, member] : cluster->members) {
    if (!names.empty() && std::find(names.begin(), names.end(), name.text) == names.end()) continue;
    members.push_back(&member);
    for (const auto& endpoint : {fmt::format("matriarch/decisions?n={}", *shown), std::string("matriarch/status"), std::string("patroni")}) {
      calls.push_back({.api_url = member.api_url, .endpoint = endpoint, .timeout = kProbe});
    }
  }
  const auto answers = context.call_all(std::move(calls));
  json::array rows;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto decisions = object_in(answers[3 * i]), own = object_in(answers[3 * i + 1]);
    rows.push_back({{"member", members[i]->name.text}, {"decisions", decisions}, {"status", own}});
    if (as_json) continue;
    const bool is_ours = decisions.contains("current");
    context.out() << (is_ours ? why_text(members[i]->name.text, decisions, own, context.wall_now()) : patroni_text(members[i]->name.text, answers[3 * i + 2]));
  }
  if (as_json) fmt::print(context.out(), "{}\n", model::write_json(rows, model::JsonSpacing::kSpaced));
  const bool anybody = std::any_of(answers.begin(), answers.end(), [](const CallResult& answer) { return answer.has_value(); });
  return is_alone && !anybody ? 1 : 0;
}

}  // namespace matriarch::ctl
