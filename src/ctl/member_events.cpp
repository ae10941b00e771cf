#include "ctl/member_events.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "ctl/output.hpp"
#include "model/json_text.hpp"
#include "model/timestamp.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;


}  // namespace

std::vector<MemberEvent> fetch_events(Context& context, const model::Cluster& cluster, std::map<std::string, std::uint64_t>& after) {
  std::vector<std::string> names;
  std::vector<Call> calls;
  for (const auto& [name, member] : cluster.members) {
    if (member.api_url.empty()) continue;
    names.push_back(name.text);
    calls.push_back({.api_url = member.api_url, .endpoint = fmt::format("matriarch/events?after={}", after[name.text]), .timeout = kProbe});
  }
  const auto answers = context.call_all(std::move(calls));
  std::vector<MemberEvent> events;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto document = answers[i] && answers[i]->status == 200 ? model::read_json(answers[i]->body) : std::nullopt;
    if (!document || !document->is_array()) continue;  // not a Matriarch, or gone
    for (const auto& row : document->get_array()) {
      if (!row.is_object()) continue;
      const auto& object = row.get_object();
      MemberEvent event{cell_at(object, "at"), names[i], cell_at(object, "kind"), 0, {}};
      if (const auto* id = object.if_contains("id"); id && id->is_int64() && id->get_int64() > 0) event.id = static_cast<std::uint64_t>(id->get_int64());
      if (const auto* details = object.if_contains("details"); details && details->is_object()) event.details = details->get_object();
      after[names[i]] = std::max(after[names[i]], event.id);
      events.push_back(std::move(event));
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const MemberEvent& a, const MemberEvent& b) { return model::parse_timestamp(a.at) < model::parse_timestamp(b.at); });
  return events;
}

std::string details_text(const json::object& details) {
  std::string text;
  for (const auto& detail : details) text += fmt::format("{}{}={}", text.empty() ? "" : " ", std::string_view(detail.key()), cell_text(detail.value()));
  return text;
}

}  // namespace matriarch::ctl
