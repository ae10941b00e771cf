#include "ctl/tally.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

namespace matriarch::ctl {

using model::Member;

void report(Context& context, Tally& tally, const std::string& action, const Member& member, const CallResult& answer) {
  fmt::print(context.out(), "Failed: {} for member {}, {}\n", action, member.name, describe(answer));
  tally.failed = true;
}

RoleFilter role_of(const Arguments& arguments, const std::optional<std::string>& role) {
  const auto filter = parse_role(role.value_or("any"));
  if (!filter) arguments.fail_choice("'--role' / '-r'", *role, kRoleChoices);
  return *filter;
}

std::string require_cluster(const Arguments& arguments, std::vector<std::string>& names) {
  if (names.empty()) arguments.fail("Missing argument 'CLUSTER_NAME'.");
  std::string cluster = names.front();
  names.erase(names.begin());
  return cluster;
}

bool has_scheduled_restart(const Member& member) {
  const auto* value = member.data.if_contains("scheduled_restart");
  return value && value->is_object() && !value->get_object().empty();
}

}  // namespace matriarch::ctl
