// What can be known of a cluster right now: the store's view and every member's own answer.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ctl/context.hpp"
#include "model/member_view.hpp"

namespace matriarch::ctl {

// A member's answer to GET /patroni, and to /matriarch/status when it is a Matriarch.
struct Answered {
  bool there = false;
  std::string error;             // why not
  std::string state, role, version;
  bool is_matriarch = false, in_recovery = true, has_positions = false, watchdog_failed = false, pending_restart = false, failsafe = false;
  bool replay_paused = false;
  model::Lsn location, received, replayed;
  std::optional<std::uint32_t> timeline;
  std::string replication_state, system_id;
  std::int64_t server_version = 0;
  boost::json::object document, own;
  bool runs_as_primary() const { return there && has_positions && !in_recovery && state == "running"; }
};
Answered read_answer(const boost::json::object& patroni, const boost::json::object& own);

struct MemberFacts {
  std::string name;
  model::Member stored;
  model::MemberView view;  // its `member` is not to be used: `stored` is
  Answered live;
};

struct Facts {
  std::string cluster_name;
  model::WallTime at{};
  std::string store_kind, store_error;  // error empty: the store answered
  std::int64_t store_milliseconds = 0;
  std::optional<StoreMembers> store_members;    // of the embedded store
  model::Cluster cluster;
  std::vector<MemberFacts> members;     // sorted by name
  bool store_answered() const { return store_error.empty(); }
  const MemberFacts* find(const std::string& name) const;
  const MemberFacts* leader() const;    // holder of the leader key
};

// The node of the configuration, for when the store says nothing of anybody; empty when the configuration is of no node.
model::Cluster only_this_node(const model::Settings& settings);

// Reads the store, then asks all members at once. Never throws for what does not answer.
Facts gather(Context& context, const std::string& cluster_name, model::Milliseconds probe_timeout);

}  // namespace matriarch::ctl
