// Published snapshots: what the API's thread may know of the agent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/decision.hpp"
#include "model/observation.hpp"

namespace matriarch::ports {

// A verdict that differed from the one before it.
struct PastDecision {
  model::Decision decision;
  model::Instant decided_at{};
  std::string cause;                       // the event that made the agent look
};

using PastDecisions = std::vector<std::shared_ptr<const PastDecision>>;

// Immutable once published.
struct Snapshot {
  model::Observation seen;                 // of the last decision
  model::Decision decision;                // the last one
  model::Instant decided_at{};
  model::Instant verdict_since{};          // since when the same rule has been firing
  bool failsafe_active = false;
  std::shared_ptr<const PastDecisions> recent;  // the last changes of verdict, newest first, bounded; null: none yet
};

class Board {
 public:
  virtual ~Board() = default;
  virtual void publish(std::shared_ptr<const Snapshot> snapshot) = 0;
  // Any thread. Null before the first decision.
  virtual std::shared_ptr<const Snapshot> latest() const = 0;
  // The lease, published by the keeper without waiting for a decision; any thread, wait-free.
  virtual void publish_lease(model::LeaseState lease) = 0;
  virtual model::LeaseState lease() const = 0;
};

}  // namespace matriarch::ports
