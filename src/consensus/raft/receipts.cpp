#include "consensus/raft/receipts.hpp"

#include <algorithm>

namespace matriarch::consensus::raft {

void Receipts::note(const Ticket& ticket, Moment moment) {
  if (receipts_.size() == most_) receipts_.pop_front();
  receipts_.push_back({.ticket = ticket, .moment = moment});
}

std::optional<Receipts::Moment> Receipts::take(const Ticket& ticket) {
  const auto found = std::find_if(receipts_.begin(), receipts_.end(), [&](const auto& one) { return one.ticket == ticket; });
  if (found == receipts_.end()) return std::nullopt;
  const auto moment = found->moment;
  receipts_.erase(receipts_.begin(), found + 1);
  return moment;
}

}  // namespace matriarch::consensus::raft
