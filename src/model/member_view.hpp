// What an operator is told about each member: the rows of `list` and of GET /cluster, derived from the store alone.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster.hpp"
#include "model/settings.hpp"

namespace matriarch::model {

// The modes of a cluster, read from its dynamic configuration as it stands in the store, unchecked.
struct ClusterModes {
  bool paused = false;
  SynchronousMode synchronous = SynchronousMode::kOff;  // off in a standby cluster
  bool standby_cluster = false;                         // a mapping with a host, port or restore_command
  Milliseconds loop_wait{10'000};
  bool operator==(const ClusterModes&) const = default;
};
ClusterModes modes_of(const boost::json::object& document);
ClusterModes modes_of(const Cluster& cluster);

// A JSON value as a yes or no: booleans, numbers and PostgreSQL's texts; anything else is nothing.
std::optional<bool> to_boolean(const boost::json::value& value);

enum class MemberRole { kLeader, kStandbyLeader, kSyncStandby, kQuorumStandby, kReplica };
std::string_view to_text(MemberRole role);  // "leader", "standby_leader", ...

// A published position and how far it trails the leader's, in bytes.
struct PublishedPosition {
  Lsn lsn;
  std::uint64_t lag = 0;
  bool operator==(const PublishedPosition&) const = default;
};

struct MemberView {
  const Member* member = nullptr;  // of the cluster it was made from
  MemberRole role = MemberRole::kReplica;
  bool holds_leader_key = false;
  std::string state;                // as `list` shows it: "running", "streaming", "in archive recovery", ...
  std::optional<HostPort> address;  // of PostgreSQL
  std::optional<std::int64_t> timeline;
  // Nothing: unknown, or the holder of the leader key.
  std::optional<PublishedPosition> received, replayed, location;
};

// Sorted by name. The cluster must outlive the result.
std::vector<MemberView> describe_members(const Cluster& cluster);

// Host and port of "postgres://user@host:port/db"; the port defaults to 5432, IPv6 comes without brackets.
std::optional<HostPort> address_of_conn_url(std::string_view url);

}  // namespace matriarch::model
