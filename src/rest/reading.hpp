// Everything one answer may depend on, gathered at one moment. The pure parts of this room take it and nothing else.
#pragma once

#include <memory>
#include <string>

#include "model/lease.hpp"
#include "model/postgres.hpp"
#include "model/settings.hpp"
#include "ports/board.hpp"
#include "ports/journal.hpp"

namespace matriarch::rest {

struct Reading {
  std::shared_ptr<const ports::Snapshot> snapshot;      // null before the agent's first decision
  std::shared_ptr<const model::Settings> settings;      // of the snapshot, else as at start; never null
  std::shared_ptr<const model::PostgresNode> postgres;  // of a query made for this request, else of the snapshot; never null
  model::LeaseState lease;                              // as the keeper knows it now
  model::Instant now{};
  model::WallTime wall_now{};
  ports::LogQueue log_queue;

  // The cluster as last read from the store, or null when that read is not current: the store is unreachable, or empty.
  const model::Cluster* cluster() const;
  // The same, however old.
  const model::Cluster* last_known_cluster() const;
  const model::DynamicSettings& dynamic() const { return settings->dynamic; }
  model::WallTime to_wall(model::Instant when) const;
};

// The node of the snapshot (a default one without a snapshot), sharing its ownership.
std::shared_ptr<const model::PostgresNode> node_of(const std::shared_ptr<const ports::Snapshot>& snapshot);

// What the agent knows of the process, with positions and rows of a newer query.
model::PostgresNode with_live_positions(model::PostgresNode known, const model::PostgresNode& live);

}  // namespace matriarch::rest
