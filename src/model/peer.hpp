// What another member answered when it was asked directly.
#pragma once

#include <optional>

#include "model/cluster.hpp"

namespace matriarch::model {

struct PeerStatus {
  bool reachable = false;
  std::optional<bool> in_recovery;  // nothing: unknown
  Lsn lsn;                          // max(received, replayed) in recovery, else 0
  Timeline timeline;
  Tags tags;
  bool watchdog_failed = false;
  std::optional<bool> wal_flows;    // a Matriarch peer: its WAL receiver got something within the last heartbeats
  std::optional<WallTime> dcs_last_seen;  // its own last exchange with the store; nothing: not said
  std::string error;                // when not reachable
  Instant asked_at{};
  bool operator==(const PeerStatus&) const = default;
};

// An accepted failsafe document, as its receiver remembers it.
struct FailsafeRecord {
  Instant last_update{};
  MemberName name;
  std::string conn_url, api_url;
  std::map<std::string, Lsn> slots;
  bool active(Instant now, Milliseconds ttl) const { return last_update != Instant{} && now < last_update + ttl; }
  bool operator==(const FailsafeRecord&) const = default;
};

// The outcome of one failsafe round of a primary that lost the store.
struct FailsafeRound {
  Instant sent_at{};
  bool accepted = false;
  std::map<MemberName, Lsn> positions;
  std::string refused_by;  // for the operator
  bool operator==(const FailsafeRound&) const = default;
};

}  // namespace matriarch::model
