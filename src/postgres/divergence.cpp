#include "postgres/divergence.hpp"

namespace matriarch::postgres {

std::optional<LocalPosition> position_from(const model::ControlData& control) {
  const std::string& state = control.cluster_state;
  const bool was_standby = state == "shut down in recovery" || state == "in archive recovery";
  if (!was_standby && state != "shut down") return std::nullopt;
  // A primary that crashed and never finished recovery shows "in archive recovery" without an end of recovery.
  const bool knows_recovery_end = control.min_recovery_lsn.known() && control.min_recovery_timeline.known();
  if (was_standby && knows_recovery_end) return LocalPosition{.in_recovery = true, .timeline = control.min_recovery_timeline, .lsn = control.min_recovery_lsn};
  return LocalPosition{.in_recovery = false, .timeline = control.checkpoint_timeline, .lsn = control.checkpoint_lsn};
}

Divergence compare_with_leader(const LocalPosition& local, model::Timeline leader_timeline, const std::vector<model::HistoryLine>* history) {
  if (local.timeline > leader_timeline) return Divergence::kDiverged;
  if (local.timeline == leader_timeline) return Divergence::kNone;
  if (leader_timeline.value < 2) return Divergence::kNone;
  if (history == nullptr) return Divergence::kNeedsHistory;

  for (const auto& line : *history) {
    if (line.timeline > local.timeline) return Divergence::kDiverged;
    if (line.timeline < local.timeline) continue;
    const model::Lsn switch_point = line.lsn;
    if (local.in_recovery) return local.lsn > switch_point ? Divergence::kDiverged : Divergence::kNone;
    if (local.lsn >= switch_point) return Divergence::kDiverged;
    // The shutdown checkpoint is the last record: the leader must have branched off exactly behind it.
    if (!local.end_of_checkpoint) return Divergence::kNeedsEndOfRecord;
    return *local.end_of_checkpoint == switch_point ? Divergence::kNone : Divergence::kDiverged;
  }
  return Divergence::kDiverged;
}

}  // namespace matriarch::postgres
