// What this node may say of itself, derived from one reading (docs/rest.md, "Node status"): the input of the health
// checks, of /patroni, /readiness and /metrics.
#pragma once

#include <string>
#include <string_view>

#include "rest/reading.hpp"

namespace matriarch::rest {

struct NodeStatus {
  std::string_view state;              // as published; "unknown" when a running server did not answer
  std::string_view role;               // never "primary" without a valid lease, pause aside
  bool has_positions = false;          // the status query answered: positions, version and rows may be shown
  bool is_primary = false;             // out of recovery, by that query
  std::string_view replication_state;  // "streaming", "in archive recovery", or empty
  model::Lsn location, received, replayed;
  model::Timeline timeline;

  bool store_available = false;        // the cluster view is current
  bool cluster_unlocked = true;        // no leader key is known
  bool holds_lease = false;            // by the clock, now
  bool paused = false;
  bool standby_cluster = false;
  bool is_sync_standby = false, is_quorum_standby = false;
  bool noloadbalance = false;
  bool failsafe_active = false;
  bool shutting_down = false;
  model::Lsn leader_lsn;               // the leader's position as far as it is known here
};

NodeStatus status_of(const Reading& reading);

}  // namespace matriarch::rest
