// What pg_controldata prints, as a value.
#pragma once

#include <optional>
#include <string_view>

#include "model/postgres.hpp"

namespace matriarch::postgres {

// Reads the output made under LC_ALL=C. Lines that are not "Key: value" and unknown keys are passed over; nothing when
// there is no valid system identifier or no cluster state, because then it was not pg_controldata that spoke.
// `settings` gets every "<name> setting" line, under the name in that line ("max_prepared_xacts").
std::optional<model::ControlData> parse_control_data(std::string_view output);

}  // namespace matriarch::postgres
