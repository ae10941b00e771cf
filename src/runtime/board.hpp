#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "ports/board.hpp"

namespace matriarch::runtime {

// The last snapshot and the last lease. The lease is written by the keeper without locks or allocations and read by
// anybody; a reader that meets a writer tries again.
class Board : public ports::Board {
 public:
  void publish(std::shared_ptr<const ports::Snapshot> snapshot) override;
  std::shared_ptr<const ports::Snapshot> latest() const override { return snapshot_.load(); }
  void publish_lease(model::LeaseState lease) override;
  model::LeaseState lease() const override;

  // Called on the publisher's thread after each new snapshot; for the API, which posts it to its own thread.
  void on_publish(std::function<void()> callback);

 private:
  static constexpr std::size_t kWords = (sizeof(model::LeaseState) + 7) / 8;

  std::atomic<std::shared_ptr<const ports::Snapshot>> snapshot_;
  std::atomic<std::uint64_t> sequence_{0};  // odd while a write is under way
  std::array<std::atomic<std::uint64_t>, kWords> lease_{};
  std::mutex callbacks_mutex_;
  std::vector<std::function<void()>> callbacks_;
};

}  // namespace matriarch::runtime
