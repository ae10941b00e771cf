#include "ctl/selection.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/failure.hpp"
#include "ctl/member_listing.hpp"

namespace matriarch::ctl {
namespace {

using Members = std::vector<const model::Member*>;

const model::Member* find(const Members& members, const std::string& name) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto* member) { return member->name.text == name; });
  return found == members.end() ? nullptr : *found;
}

// Unknown names are left out, as scripts expect; aloud, because a typo must not pass for a restart.
Members named(Context& context, const Members& candidates, const Selection& selection, const std::string& cluster_name) {
  Members chosen;
  for (const auto& name : selection.names) {
    if (const auto* member = find(candidates, name)) chosen.push_back(member);
    else if (context.strict()) fmt::print(context.streams().err, "Warning: {} is not {} of {}\n", name, selection.ask_for_name ? "a replica" : "a member", cluster_name);
  }
  if (!chosen.empty()) return chosen;
  if (context.strict() && selection.role_name == "any") throw Failure{fmt::format("no such member: {}", fmt::join(selection.names, ", "))};
  throw Failure{selection.ask_for_name ? "No replica among provided members" : fmt::format("No '{}' among provided members", selection.role_name)};
}

Members asked(Context& context, const Members& candidates, const Selection& selection) {
  if (selection.force) return {};
  const auto name = context.prompt().text(fmt::format("Which member do you want to {} [{}]?", selection.action, names_of(candidates)), "");
  if (name.empty()) return {};
  const auto* member = find(candidates, name);
  if (!member) throw Failure{fmt::format("{} is not a member of cluster", name)};
  return {member};
}

}  // namespace

std::string names_of(const Members& members) {
  std::string names;
  for (const auto* member : members) names += (names.empty() ? "" : ", ") + member->name.text;
  return names;
}

Members select_members(Context& context, const model::Cluster& cluster, const std::string& cluster_name, const Selection& selection) {
  const auto candidates = members_with(cluster, selection.role);
  if (selection.names.empty() && candidates.empty()) throw Failure{fmt::format("{} cluster doesn't have any members", cluster_name)};
  context.out() << list_members(cluster, cluster_name, {});
  if (!selection.names.empty()) return named(context, candidates, selection, cluster_name);
  return selection.ask_for_name ? asked(context, candidates, selection) : candidates;
}

void confirm_members(Context& context, const Members& members, const Selection& selection) {
  if (selection.force) return;
  if (!context.prompt().confirm(fmt::format("Are you sure you want to {} members {}?", selection.action, names_of(members)))) {
    throw Failure{"Aborted " + selection.action};
  }
}

}  // namespace matriarch::ctl
