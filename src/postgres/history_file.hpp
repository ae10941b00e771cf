// A timeline history file, "0000000B.history": how a timeline came to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/cluster.hpp"

namespace matriarch::postgres {

// Lines of exactly three tab-separated fields: parent timeline, switch point, reason. Others are passed over.
std::vector<model::HistoryLine> parse_history_file(std::string_view content);
// "0000000B.history"
std::string history_file_name(model::Timeline timeline);

}  // namespace matriarch::postgres
