// Virtual time, chance and the scheduler of a simulated cluster: everything that happens is drawn from one seed.
//
// Each simulated process has one Context for every thread that it would have. The driver picks a context with work by
// the seed and runs one handler; when none has work it advances the time to the next entry of the heap. A process that
// hangs is not polled; a process that crashes loses its heap entries and its contexts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "model/time.hpp"
#include "simulation/context.hpp"

namespace matriarch::simulation {

using model::Instant;
using model::Milliseconds;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // Uniform in [low, high]. Not std::uniform_int_distribution: its numbers differ between libraries.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + engine_() % (high - low + 1); }
  Milliseconds between(Milliseconds low, Milliseconds high) {
    return Milliseconds(between(static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count())));
  }
  bool chance(double probability) { return static_cast<double>(engine_() >> 11) * 0x1.0p-53 < probability; }

 private:
  std::mt19937_64 engine_;
};

// Whose heap entry it is: cleared when that process crashes. 0: the world's own (network, stores, faults).
using Owner = std::uint64_t;
constexpr Owner kNobody = 0;

// A coroutine that waits for the world: destroyed with its owner.
class Suspended {
 public:
  virtual ~Suspended() = default;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  Random& random() { return random_; }
  // True time: what no simulated process can read.
  Instant now() const { return now_; }

  using Entry = std::pair<Instant, std::uint64_t>;
  // Runs `action` at that time (not before now). The entry can be cancelled until it ran.
  Entry at(Instant when, Owner owner, std::function<void()> action);
  void cancel(Entry entry) { heap_.erase(entry); }
  // The end of a process: its heap entries and everything it waits for. To be followed by remove() of its contexts.
  void forget(Owner owner);
  std::uint64_t keep(Owner owner, std::shared_ptr<Suspended> suspended);
  void drop(Owner owner, std::uint64_t id) { suspended_[owner].erase(id); }

  // One thread of a simulated process.
  void add(Context* context);
  void remove(Context* context);
  // A hanging context keeps its work but is not polled.
  void freeze(Context* context, bool frozen);

  // One handler or one heap entry. False: nothing is left to do before `end`.
  bool step(Instant end);
  std::uint64_t steps() const { return steps_; }
  Owner last_owner = 0;
  std::uint64_t random_connections = 0;  // counts replication connections, so that a late message of an old one is known

 private:
  struct Scheduled {
    Owner owner;
    std::function<void()> action;
  };
  struct Thread {
    Context* context;
    bool frozen = false;
  };
  bool run_one_handler();

  Random random_;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t sequence_ = 0;
  std::uint64_t steps_ = 0;
  std::map<Entry, Scheduled> heap_;
  std::vector<Thread> threads_;
  std::map<Owner, std::map<std::uint64_t, std::shared_ptr<Suspended>>> suspended_;
  std::uint64_t next_suspended_ = 0;
};

}  // namespace matriarch::simulation
