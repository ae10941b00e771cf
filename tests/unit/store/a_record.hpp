// A record of the store as these tests find it.
#pragma once

#include "store/layout/read.hpp"

namespace matriarch::store::layout {

inline Record a_record(std::string value) { return {.value = std::move(value), .mod_revision = 7, .session = 42}; }

}  // namespace matriarch::store::layout
