// What the store says of the whole cluster: GET /cluster and GET /history.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "model/cluster.hpp"

namespace matriarch::rest {

boost::json::object cluster_document(const model::Cluster& cluster, const std::string& scope);

// Lines as stored: fields that were not known are left out at the end.
boost::json::array history_document(const model::Cluster& cluster);

}  // namespace matriarch::rest
