// When an entry of the log reached this node. A follower may apply an entry long after that, for it learns only with the leader's
// next word that it is committed; a lease in it has been running all the while.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

#include "consensus/raft/entry.hpp"

namespace matriarch::consensus::raft {

class Receipts {
 public:
  using Moment = std::chrono::nanoseconds;  // of CLOCK_MONOTONIC

  // Whoever falls so far behind that more wait to be applied forgets the oldest.
  explicit Receipts(std::size_t most = 1024) : most_(most) {}

  void note(const Ticket& ticket, Moment moment);
  // Of an entry about to be applied. Forgets it and what came before, which has been applied or will never be. Nothing for an
  // entry that was on the disk when this process started, or forgotten.
  std::optional<Moment> take(const Ticket& ticket);

 private:
  struct Receipt {
    Ticket ticket;
    Moment moment;
  };
  std::deque<Receipt> receipts_;  // as they came
  std::size_t most_;
};

}  // namespace matriarch::consensus::raft
