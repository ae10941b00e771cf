// Whether the local data went another way than the leader's: the comparison of docs/rules.md, "divergence".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/cluster.hpp"
#include "model/postgres.hpp"

namespace matriarch::postgres {

struct LocalPosition {
  bool in_recovery = false;
  model::Timeline timeline;
  model::Lsn lsn;                                 // replayed; stopped: end of recovery, or the shutdown checkpoint
  std::optional<model::Lsn> end_of_checkpoint;    // looked up only when the decision hangs on it
  bool operator==(const LocalPosition&) const = default;
};
// Of a server that does not answer queries, by its control data; nothing when they do not tell (a crashed primary).
std::optional<LocalPosition> position_from(const model::ControlData& control);

enum class Divergence {
  kNone,
  kDiverged,
  kNeedsHistory,        // of the leader's timeline
  kNeedsEndOfRecord,    // of the shutdown checkpoint
};
// `history` is of the leader's timeline, in file order; null when it was not fetched.
Divergence compare_with_leader(const LocalPosition& local, model::Timeline leader_timeline, const std::vector<model::HistoryLine>* history);

}  // namespace matriarch::postgres
