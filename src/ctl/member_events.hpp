// What members remember of what happened (Matriarch members only).
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ctl/context.hpp"

namespace matriarch::ctl {

struct MemberEvent {
  std::string at, member, kind;  // the time as ISO 8601
  std::uint64_t id = 0;          // counts per member
  boost::json::object details;
};

// Of all members, merged by time. `after` holds the last id seen of each member and moves on.
std::vector<MemberEvent> fetch_events(Context& context, const model::Cluster& cluster, std::map<std::string, std::uint64_t>& after);

// "to=pg-b term=5".
std::string details_text(const boost::json::object& details);

}  // namespace matriarch::ctl
