// Observations that no sane cluster would show: every field may be anything a store, a peer or a server could send.
#pragma once

#include <cstdint>

#include "unit/rules/observations.hpp"

namespace matriarch::rules::testing {

// Deterministic in `seed`. Begins with one of the named scenes and changes a random number of its parts.
Scene a_random_scene(std::uint64_t seed);

}  // namespace matriarch::rules::testing
