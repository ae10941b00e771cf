#include "simulation/network.hpp"

namespace matriarch::simulation {

void Network::isolate(NodeId node, int nodes) {
  for (NodeId other = 0; other < nodes; ++other) {
    if (other == node) continue;
    cut(node, other);
    cut(other, node);
  }
}

Instant::duration Network::delay(NodeId from, NodeId to) {
  const auto base = from == to ? std::chrono::microseconds(world_.random().between(20, 200)) : std::chrono::microseconds(world_.random().between(100, 2000));
  return base + (from == to ? Milliseconds(0) : slowness_);
}

std::optional<Instant::duration> Network::carries(NodeId from, NodeId to) {
  if (is_cut(from, to)) return std::nullopt;
  if (from != to && loss_ > 0 && world_.random().chance(loss_)) return std::nullopt;
  return delay(from, to);
}

}  // namespace matriarch::simulation
