// The screen of `status`, for people and for machines.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "ctl/judgement.hpp"

namespace matriarch::ctl {

struct RecentEvent {
  std::string at, member, kind, text;
};

std::string status_text(const Facts& facts, const Judgement& judgement, const std::vector<RecentEvent>& events);

// Schema "matriarch.status/1": every field always present, null when unknown, units in the names.
boost::json::object status_json(const Facts& facts, const Judgement& judgement);

// "12 d", "3 h 20 min", "41 s".
std::string duration_text(std::chrono::seconds duration);

}  // namespace matriarch::ctl
