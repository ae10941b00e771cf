// The leader lease as its holder knows it.
#pragma once

#include <cstdint>
#include <string>

#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::model {

// Identifies one session with the store (etcd: the lease id). 0 = none.
struct SessionToken {
  std::int64_t value = 0;
  bool valid() const { return value != 0; }
  auto operator<=>(const SessionToken&) const = default;
};

enum class LeaseOutcome {
  kNone,         // never asked since the start
  kHeld,         // the last word of the store: the leader key is ours
  kLost,         // a definite refusal: another holder, key or session gone
  kUnreachable,  // no valid answer; what was granted before still runs until valid_until
  kReleased,     // given back by ourselves
};

// docs/invariants.md S2: valid_until = send time of the last renewal whose success is known + ttl granted - margin.
struct LeaseState {
  LeaseOutcome outcome = LeaseOutcome::kNone;
  SessionToken session;
  std::uint64_t term = 0;      // counts this node's acquisitions: revision of the leader key when acquired
  Instant valid_until{};
  bool armed = false;          // the guardian acknowledged that it watches this term
  Milliseconds ttl_granted{0};
  bool acquiring = false;      // an acquisition is under way
  Instant last_contact{};      // send time of the last exchange with the store that succeeded, session renewals included
  bool holds(Instant now) const { return outcome != LeaseOutcome::kLost && outcome != LeaseOutcome::kReleased && now < valid_until; }
  bool operator==(const LeaseState&) const = default;
};

}  // namespace matriarch::model
