// What would make a service fail a moment after its start, found while a person is looking.
#pragma once

#include <optional>
#include <string>

#include "model/settings.hpp"

namespace matriarch::main {

// A guardian lives in this run directory: the node is running.
std::optional<std::string> already_running(const model::Settings& settings, const std::string& run_directory);
// A port of this node belongs to another program. Nothing is said while anything of an earlier run of this node lives: the
// guardian must come up to adopt or kill it, whatever ports it holds.
std::optional<std::string> ports_in_use(const model::Settings& settings, const std::string& run_directory);

}  // namespace matriarch::main
