#include "consensus/raft/pace.hpp"

#include <algorithm>

namespace matriarch::consensus::raft {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest{600};

}  // namespace

Pace stretched(Pace fastest, std::optional<milliseconds> shortest_ttl) {
  if (!shortest_ttl) return fastest;
  const auto timeout = std::max(fastest.election_timeout, std::min(*shortest_ttl * 3 / 20, kLongest));
  if (timeout == fastest.election_timeout) return fastest;
  const auto heartbeat = std::clamp(timeout - 2 * fastest.heartbeat, timeout / 3, timeout * 2 / 3);
  return {.election_timeout = timeout, .heartbeat = std::max(heartbeat, fastest.heartbeat)};
}

}  // namespace matriarch::consensus::raft
