#include "simulation/world.hpp"

#include <algorithm>

namespace matriarch::simulation {

World::Entry World::at(Instant when, Owner owner, std::function<void()> action) {
  const Entry entry{std::max(when, now_), ++sequence_};
  heap_.emplace(entry, Scheduled{owner, std::move(action)});
  return entry;
}

void World::forget(Owner owner) {
  // Destroying an action may destroy a coroutine whose locals cancel other entries: take them out first.
  std::vector<Scheduled> dropped;
  for (auto it = heap_.begin(); it != heap_.end();) {
    if (it->second.owner == owner) {
      dropped.push_back(std::move(it->second));
      it = heap_.erase(it);
    } else {
      ++it;
    }
  }
  const auto waiting = std::move(suspended_[owner]);
  suspended_.erase(owner);
}

std::uint64_t World::keep(Owner owner, std::shared_ptr<Suspended> suspended) {
  suspended_[owner].emplace(++next_suspended_, std::move(suspended));
  return next_suspended_;
}

void World::add(Context* context) { threads_.push_back({context}); }

void World::remove(Context* context) {
  std::erase_if(threads_, [&](const Thread& thread) { return thread.context == context; });
}

void World::freeze(Context* context, bool frozen) {
  for (Thread& thread : threads_) {
    if (thread.context == context) thread.frozen = frozen;
  }
}

// Of a context drawn from the seed, so that the order among ready processes is a part of what is explored.
bool World::run_one_handler() {
  const auto is_ready = [](const Thread& thread) { return !thread.frozen && thread.context->has_work(); };
  const auto ready = std::count_if(threads_.begin(), threads_.end(), is_ready);
  if (ready == 0) return false;
  auto waiting = ready == 1 ? 0 : random_.between(0, static_cast<std::uint64_t>(ready) - 1);
  const auto chosen = std::find_if(threads_.begin(), threads_.end(), [&](const Thread& thread) { return is_ready(thread) && waiting-- == 0; });
  chosen->context->run_one();
  return true;
}

bool World::step(Instant end) {
  ++steps_;
  if (run_one_handler()) return true;
  if (heap_.empty() || heap_.begin()->first.first > end) {
    now_ = std::max(now_, end);
    return false;
  }
  auto node = heap_.extract(heap_.begin());
  now_ = node.key().first;
  node.mapped().action();
  return true;
}

}  // namespace matriarch::simulation
