// The member table: `list`, `topology`, and what other commands show before they act.
#pragma once

#include <string>

#include "ctl/output.hpp"
#include "model/cluster.hpp"

namespace matriarch::ctl {

struct ListingOptions {
  Format format = Format::kPretty;
  bool extended = false;  // the four optional columns even when they are empty
};

// The whole output for one cluster: table, and below it maintenance mode and a scheduled switchover.
std::string list_members(const model::Cluster& cluster, const std::string& name, const ListingOptions& options);

}  // namespace matriarch::ctl
