// Any bytes on the page: the policy takes a step, and a primary whose lease cannot be read or believed is not left alone for
// longer than the ceiling.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "guardian/policy.hpp"

namespace {

using namespace matriarch::guardian;

struct Cells {
  Cell<Lease> lease;
  Cell<Posture> posture;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr Instant kNow{Duration(std::chrono::hours(1))};
  constexpr Duration kCeiling = std::chrono::minutes(1);
  const auto cells = std::make_unique<Cells>();
  // The first byte chooses: raw bytes as cells, or values that were written as they should be.
  Lease lease;
  Posture posture;
  if (size > 0 && (data[0] & 1) != 0 && size > sizeof lease + sizeof posture) {
    std::memcpy(static_cast<void*>(&lease), data + 1, sizeof lease);
    std::memcpy(static_cast<void*>(&posture), data + 1 + sizeof lease, sizeof posture);
    cells->lease.write(lease);
    cells->posture.write(posture);
  } else {
    std::memcpy(static_cast<void*>(cells.get()), data, std::min(size, sizeof(Cells)));
  }
  Input input;
  input.fence = {.now = kNow, .max_ttl = kCeiling, .lease = cells->lease.read(), .posture = cells->posture.read(),
                 .postgres = {.postmaster_alive = true}};
  input.agent.running = true;
  input.store.running = true;
  const Step taken = step({}, input);
  const Posture& seen = input.fence.posture.value;
  const bool must_be_watched = input.fence.posture.status != ReadStatus::kGood || seen.needs_lease();
  if (must_be_watched && taken.state.fence.phase == FencePhase::kWatching) {
    if (!taken.orders.fence.look_at || *taken.orders.fence.look_at > kNow + kCeiling + kReadingSlack) std::abort();
  }
  return 0;
}
