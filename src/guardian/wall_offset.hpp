// CLOCK_REALTIME - CLOCK_BOOTTIME: stands still unless somebody sets the wall clock.
#pragma once

#include "guardian/page.hpp"
#include "system/clock.hpp"

namespace matriarch::guardian {

// The two clocks cannot be read at once; a reading during which this process was held up is thrown away.
inline Duration wall_offset() noexcept {
  constexpr int kAttempts = 8;
  constexpr Duration kUndisturbed = std::chrono::milliseconds(1);
  Duration offset{};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Duration before = system::boot_time();
    const Duration wall = system::realtime();
    const Duration after = system::boot_time();
    offset = wall - after;
    if (after - before < kUndisturbed) break;
  }
  return offset;
}

}  // namespace matriarch::guardian
