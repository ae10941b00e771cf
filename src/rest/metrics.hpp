// GET /metrics in Prometheus' text format: Patroni's names first, so that existing boards work, then our own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "rest/node_status.hpp"

namespace matriarch::rest {

// What the API counts of itself.
struct ApiCounters {
  std::map<unsigned, std::uint64_t> answers;  // by status
  double seconds = 0;                         // spent answering, in total
  std::optional<model::WallTime> certificate_end;
};

std::string metrics_text(const Reading& reading, const NodeStatus& status, const ApiCounters& counters);

}  // namespace matriarch::rest
