#include "runtime/board.hpp"

#include <cstring>
#include <type_traits>

namespace matriarch::runtime {

static_assert(std::is_trivially_copyable_v<model::LeaseState>);

void Board::publish(std::shared_ptr<const ports::Snapshot> snapshot) {
  snapshot_.store(std::move(snapshot));
  const std::lock_guard lock(callbacks_mutex_);
  for (const auto& callback : callbacks_) callback();
}

void Board::on_publish(std::function<void()> callback) {
  const std::lock_guard lock(callbacks_mutex_);
  callbacks_.push_back(std::move(callback));
}

// A sequence lock over relaxed atomic words (Boehm, "Can seqlocks get along with programming language memory models?").
void Board::publish_lease(model::LeaseState lease) {
  std::array<std::uint64_t, kWords> words{};
  std::memcpy(words.data(), &lease, sizeof lease);
  const auto sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  for (std::size_t i = 0; i < kWords; ++i) lease_[i].store(words[i], std::memory_order_relaxed);
  sequence_.store(sequence + 2, std::memory_order_release);
}

model::LeaseState Board::lease() const {
  std::array<std::uint64_t, kWords> words{};
  std::uint64_t before = 0;
  do {
    before = sequence_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < kWords; ++i) words[i] = lease_[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
  } while (before % 2 != 0 || sequence_.load(std::memory_order_relaxed) != before);
  model::LeaseState lease;
  std::memcpy(static_cast<void*>(&lease), words.data(), sizeof lease);
  return lease;
}

}  // namespace matriarch::runtime
