// A thread that does nothing but wait for the guardian's death and then act: it must not depend on any loop.
#pragma once

#include <memory>
#include <string>

#include "guardian/last_resort.hpp"

namespace matriarch::main {

// Never ends the watch: the process ends with the guardian.
void watch_guardian(std::shared_ptr<const guardian::LastResort> last_resort);

}  // namespace matriarch::main
