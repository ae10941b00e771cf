// When the API's certificate ends.
#pragma once

#include <optional>
#include <string>

#include "model/time.hpp"

namespace matriarch::rest {

// The end of validity of the first certificate of a PEM file; nothing when it cannot be read.
std::optional<model::WallTime> certificate_end(const std::string& path);

}  // namespace matriarch::rest
