#include "rest/tags.hpp"

#include <string_view>

namespace matriarch::rest {
namespace {

bool is_off(const model::Tags& tags, std::string_view name) {
  if (name == "clonefrom") return !tags.clonefrom();
  if (name == "noloadbalance") return !tags.noloadbalance();
  if (name == "nostream") return !tags.nostream();
  // An explicit "false" overrides the priority, and is therefore worth saying.
  if (name == "nofailover") return !tags.nofailover() && !tags.custom.contains("failover_priority");
  if (name == "nosync") return !tags.nosync() && !tags.custom.contains("sync_priority");
  return false;
}

}  // namespace

boost::json::object effective_tags(const model::Tags& tags) {
  boost::json::object shown;
  for (const auto& tag : tags.custom) {
    if (!is_off(tags, tag.key())) shown[tag.key()] = tag.value();
  }
  return shown;
}

}  // namespace matriarch::rest
