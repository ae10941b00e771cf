// The moment at which these tests begin.
#pragma once

#include "guardian/page.hpp"

namespace matriarch::guardian {

inline constexpr Instant kNow{Duration(std::chrono::seconds(1000))};

}  // namespace matriarch::guardian
