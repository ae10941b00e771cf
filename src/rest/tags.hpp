// A node's tags as it publishes them.
#pragma once

#include <boost/json.hpp>

#include "model/cluster.hpp"

namespace matriarch::rest {

// The configured tags without the built-in ones that say nothing because they are off.
boost::json::object effective_tags(const model::Tags& tags);

}  // namespace matriarch::rest
