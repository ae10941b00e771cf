// How often the Raft leader is heard of, and how long its silence is borne.
#pragma once

#include <chrono>
#include <optional>

namespace matriarch::consensus::raft {

struct Pace {
  std::chrono::milliseconds election_timeout;  // without a word from the leader; Raft draws from one to two of these
  std::chrono::milliseconds heartbeat;         // an entry in between puts one off, by no more than the fastest heartbeat
  bool operator==(const Pace&) const = default;
};

// A cluster of long leases need not hurry: an election has to be over, a split vote included, well before a lease that was
// renewed a quarter of its ttl ago is fenced. `fastest` is what the shortest leases get; heartbeats, which wake every member,
// are the bulk of what an idle node costs. `shortest_ttl` is that of all living leases; nothing when there is none.
Pace stretched(Pace fastest, std::optional<std::chrono::milliseconds> shortest_ttl);

}  // namespace matriarch::consensus::raft
