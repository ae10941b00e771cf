// Which replication slots this node should have, and what to do about those it has. Pure (docs/postgres.md, "slots").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster.hpp"
#include "model/postgres.hpp"
#include "model/settings.hpp"
#include "postgres/slot_row.hpp"

namespace matriarch::postgres {

struct WantedSlot {
  bool logical = false;
  std::string database, plugin;
  model::Lsn lsn;                // where it may be advanced to; 0: never
  bool expected_active = false;  // somebody streams from it: not advanced by us
  bool operator==(const WantedSlot&) const = default;
};

struct SlotInputs {
  const model::Cluster& cluster;
  const model::Settings& settings;
  model::PostgresRole role;
  bool is_primary = false;
  int version = 150000;
};
struct WantedSlots {
  std::map<std::string, WantedSlot> slots;
  std::vector<std::string> complaints;
};
WantedSlots wanted_slots(const SlotInputs& inputs);

struct SlotPlan {
  std::vector<std::string> drop;             // in this order; only while inactive
  std::vector<std::string> create_physical;
  std::vector<std::pair<std::string, model::Lsn>> advance_physical;
  std::vector<std::string> create_logical;   // primary only; look them up in the wanted ones
  std::vector<std::pair<std::string, model::Lsn>> advance_logical;  // standby only
  std::vector<std::string> copy_logical;     // standby only: the leader has them, we do not
  bool operator==(const SlotPlan&) const = default;
};
SlotPlan plan_slots(const SlotInputs& inputs, const std::map<std::string, WantedSlot>& wanted, const std::vector<SlotRow>& existing, model::Lsn replayed);

// Whether a permanent logical slot is here, or on a node that streams from here: then the primary must be told to keep
// what its decoding needs.
bool needs_hot_standby_feedback(const SlotInputs& inputs);

// The slot on the primary through which this node's changes flow, directly or through others; nothing when there is none.
std::optional<std::string> slot_towards_primary(const model::Cluster& cluster, const model::Settings& settings);

}  // namespace matriarch::postgres
