// Durations on the command line.
#pragma once

#include <optional>
#include <string>

#include "ctl/arguments.hpp"
#include "model/time.hpp"

namespace matriarch::ctl {

// "1.5", "90s", "1m", "10min", "2h", "1h30m"; a usage error that names the option for anything else.
model::Milliseconds duration_of(const Arguments& arguments, const char* option, const std::optional<std::string>& text, model::Milliseconds preset);

}  // namespace matriarch::ctl
