// Judges when a lease has run out. The machine has no clock; whoever applies its commands keeps one of these beside it.
//
// The holder of a lease counts its ttl from the moment it sent the last keep-alive. The judge must therefore never
// count from earlier than that, whatever node it runs on:
// - every node counts from its own moment of receiving the keep-alive (the grant, the snapshot that held the lease), which
//   comes after the sending, or from a later one; not from the moment of applying it, which on a follower is the leader's
//   next word away: a new leader would add that, and its own election, to the life of a dead holder's lease;
// - only the Raft leader proposes, and only after an entry of its own term (the barrier) is applied: by then every
//   keep-alive that an earlier leader committed is applied here, and counted;
// - what it proposes names the keep-alive it judged by, and the machine refuses it if a newer one stands before it.
// Time is any clock that never runs backwards and may stop (CLOCK_MONOTONIC): a stopped judge only judges later.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "consensus/machine/machine.hpp"

namespace matriarch::consensus::machine {

class LeaseClock {
 public:
  using Time = std::chrono::nanoseconds;  // since any fixed moment of the judge's clock

  // After each command, with the machine as it is then and the moment when this node received it.
  void observe(const Machine& machine, const Applied& applied, Time received);
  // After the machine was replaced as a whole (start, snapshot): every lease counts from now.
  void observe_all(const Machine& machine, Time now);

  // This node leads since `term`: it may judge once the barrier of that very term is applied.
  void lead(std::uint64_t term);
  void barrier_applied(std::uint64_t term);
  void follow();
  bool may_judge() const { return judges_; }

  // What to propose at `now`. A proposal is repeated when it has had no effect for `patience`, since it may be lost.
  std::vector<ExpireLease> due(Time now, Time patience);
  // When to look again, if nothing is observed before; nothing while this node may not judge or no lease exists.
  std::optional<Time> next_look() const;
  // Time left of a lease by this node's count; zero when it has run out, nothing when it is unknown.
  std::optional<Time> remaining(LeaseId id, Time now) const;

 private:
  struct Watched {
    Step kept_alive_at = 0;
    Time ends = {};
    Time look_at = {};  // `ends`, or later when an expiry has been proposed
  };
  void watch(const Lease& lease, Time since);

  std::map<LeaseId, Watched> leases_;
  std::uint64_t term_ = 0;  // 0 = not leading
  bool judges_ = false;
};

// A keep-alive that waited longer than its lease lasts (in a queue, on the way to the leader) speaks for a holder that
// has given up since: it is dropped, not applied. An unknown lease is for the machine to answer.
bool waited_too_long(const Machine& machine, const KeepAlive& alive, LeaseClock::Time waited);

}  // namespace matriarch::consensus::machine
