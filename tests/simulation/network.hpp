// The network between nodes: delays, one-way cuts, lost requests and lost answers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "simulation/sim_clock.hpp"
#include "simulation/world.hpp"

namespace matriarch::simulation {

using NodeId = int;

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  void cut(NodeId from, NodeId to) { cut_.insert({from, to}); }
  void isolate(NodeId node, int nodes);
  void heal() { cut_.clear(); }
  bool is_cut(NodeId from, NodeId to) const { return from != to && cut_.contains({from, to}); }
  bool both_ways(NodeId a, NodeId b) const { return !is_cut(a, b) && !is_cut(b, a); }
  // Probability that a message between two nodes is lost though the way is open.
  void set_loss(double probability) { loss_ = probability; }
  // Extra delay of every message.
  void set_slowness(Milliseconds slowness) { slowness_ = slowness; }
  // What a node hears comes later than it was said, as when its machine is busy or its way back is slow.
  void set_lateness(NodeId node, Milliseconds lateness) { lateness_[node] = lateness; }
  Milliseconds lateness(NodeId node) const {
    const auto found = lateness_.find(node);
    return found == lateness_.end() ? Milliseconds(0) : found->second;
  }
  Instant::duration delay(NodeId from, NodeId to);
  // Nothing: the message is lost.
  std::optional<Instant::duration> carries(NodeId from, NodeId to);

 private:
  World& world_;
  std::set<std::pair<NodeId, NodeId>> cut_;
  double loss_ = 0;
  Milliseconds slowness_{0};
  std::map<NodeId, Milliseconds> lateness_;  // of answers
};

// What became of a call.
template <typename R>
struct Called {
  std::optional<R> answer;       // nothing: none came in time
  bool was_processed = false;    // only meaningful to the simulation itself
};

// A request from one node to another and its answer. `serve` runs at the server at the moment the request arrives; it gets
// a function to answer with, which it may call later, or never.
template <typename R>
boost::asio::awaitable<std::optional<R>> call(Network& network, SimClock& clock, NodeId from, NodeId to, Milliseconds timeout,
                                              std::function<void(std::function<void(R)> answer)> serve) {
  World& world = clock.world();
  const Instant deadline = clock.true_time_of(clock.now() + timeout);
  // Named: GCC 12 destroys a temporary with state in an awaited call twice.
  auto start = [&network, &world, from, to, deadline, owner = clock.owner(), serve = std::move(serve)](std::function<void(std::optional<R>)> complete) {
        world.at(deadline, owner, [complete] { complete(std::nullopt); });
        const auto there = network.carries(from, to);
        if (!there) return;
        world.at(world.now() + *there, kNobody, [&network, &world, from, to, complete, serve] {
          serve([&network, &world, from, to, complete](R result) {
            const auto back = network.carries(to, from);
            if (!back) return;
            world.at(world.now() + *back + network.lateness(from), kNobody, [complete, result = std::move(result)] { complete(result); });
          });
        });
      };
  const std::optional<R> none;
  co_return co_await suspend<std::optional<R>>(world, clock.owner(), clock.executor(), none, std::move(start));
}

}  // namespace matriarch::simulation
