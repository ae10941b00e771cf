#include "rules/history.hpp"

#include <algorithm>

#include "rules/facts.hpp"

namespace matriarch::rules {

using model::HistoryLine;
using model::Instant;
using model::Memory;
using model::RewindState;
using model::Timeline;
using model::WriteKind;

std::vector<HistoryLine> history_lines(const std::vector<HistoryLine>& file, Timeline timeline, const std::string& timestamp,
                                       const model::MemberName& leader, const std::vector<HistoryLine>& stored, int max_lines) {
  std::vector<HistoryLine> lines = file;
  for (HistoryLine& line : lines) {
    line.timestamp.clear();
    line.new_leader.clear();
    const auto known = std::find_if(stored.begin(), stored.end(), [&](const HistoryLine& old) {
      return old.timeline == line.timeline && old.lsn == line.lsn && !old.timestamp.empty();
    });
    if (known != stored.end()) {
      line.timestamp = known->timestamp;
      line.new_leader = known->new_leader;
    } else if (line.timeline.value + 1 == timeline.value) {
      line.timestamp = timestamp;
      line.new_leader = leader.text;
    }
  }
  if (max_lines > 0 && lines.size() > static_cast<std::size_t>(max_lines)) lines.erase(lines.begin(), lines.end() - max_lines);
  return lines;
}

namespace {

bool serving(const Situation& s) {
  return holds_lease(s) && s.seen.postgres.is_running && s.seen.postgres.is_primary && s.seen.postgres.timeline.known() && !in_standby_cluster(s);
}

// ---- /history ------------------------------------------------------------------------------------------------------

const std::vector<HistoryLine>& stored(const Situation& s) {
  static const std::vector<HistoryLine> kNone;
  return cluster(s).history ? cluster(s).history->lines : kNone;
}

bool is_on_first_timeline(const Situation& s) {
  return serving(s) && s.seen.postgres.timeline == Timeline{1} && !stored(s).empty() && !under_way(s, WriteKind::kHistory);
}
Plan clear_history(const Situation&) { return {.actions = {model::WriteHistory{}}}; }

bool history_is_outdated(const Situation& s) {
  if (!serving(s) || s.seen.postgres.timeline <= Timeline{1} || under_way(s, WriteKind::kHistory)) return false;
  if (stored(s).empty()) return true;
  const HistoryLine& last = stored(s).back();
  return last.timeline.value + 1 != s.seen.postgres.timeline.value || last.timestamp.empty() || last.new_leader.empty();
}
// The history file of the timeline we are on.
const model::HistoryFile* local_history(const Situation& s) {
  const auto& file = s.seen.postgres.history;
  return file && file->timeline == s.seen.postgres.timeline ? file.get() : nullptr;
}
std::vector<HistoryLine> wanted_history(const Situation& s) {
  const auto& file = *local_history(s);
  const int max_lines = cluster(s).config ? s.seen.dynamic().max_timelines_history : 0;
  return history_lines(file.lines, file.timeline, file.written_at, me(s), stored(s), max_lines);
}
bool history_file_is_missing(const Situation& s) { return history_is_outdated(s) && !local_history(s); }
Plan read_history_file(const Situation& s) { return {.needs = {.history = s.seen.postgres.timeline}}; }

bool history_differs(const Situation& s) {
  if (!history_is_outdated(s) || !local_history(s)) return false;
  const auto wanted = wanted_history(s);
  return !wanted.empty() && wanted != stored(s);
}
Plan write_history(const Situation& s) { return {.actions = {model::WriteHistory{wanted_history(s)}}}; }

// ---- the checkpoint after a promotion ------------------------------------------------------------------------------

bool checkpoint_is_pending(const Situation& s) { return serving(s) && s.memory.rewind != RewindState::kCheckpointDone; }
bool control_shows_timeline(const Situation& s) {
  const auto& control = s.seen.postgres.control;
  return control && control->checkpoint_timeline == s.seen.postgres.timeline;
}
bool asked_for_checkpoint(const Situation& s) { return s.memory.checkpoint_asked_at != Instant{}; }

bool checkpoint_is_done(const Situation& s) {
  const bool finished = asked_for_checkpoint(s) && s.seen.background_checkpoint.value_or(false) && !s.seen.background_checkpoint_running;
  return checkpoint_is_pending(s) && (finished || control_shows_timeline(s));
}
Plan note_checkpoint(const Situation& s) {
  return {.memory = remembering(s, [](Memory& memory) {
            memory.rewind = RewindState::kCheckpointDone;
            memory.checkpoint_asked_at = Instant{};
          })};
}

bool control_is_unknown(const Situation& s) { return checkpoint_is_pending(s) && !s.seen.postgres.control; }
Plan read_control(const Situation&) { return {.needs = {.control_data = true}}; }

// A checkpoint in haste keeps the server from making commits wait: for a moment a synchronous standby comes first.
constexpr model::Milliseconds kStandbyFirst{2000};
bool standby_comes_first(const Situation& s) {
  return checkpoint_is_pending(s) && sync_requested(s) && cluster(s).sync.voters.empty() && s.seen.now < s.memory.promoted_at + kStandbyFirst;
}
Plan await_standby(const Situation& s) { return {.wake_at = s.memory.promoted_at + kStandbyFirst}; }

bool checkpoint_is_missing(const Situation& s) {
  const bool may_ask = !asked_for_checkpoint(s) || s.seen.now >= s.memory.checkpoint_asked_at + loop_wait(s);
  return checkpoint_is_pending(s) && !standby_comes_first(s) && s.seen.postgres.control && may_ask && !s.seen.background_checkpoint_running;
}
Plan start_checkpoint(const Situation& s) {
  return {.actions = {model::StartCheckpoint{}}, .memory = remembering(s, [&](Memory& memory) { memory.checkpoint_asked_at = s.seen.now; })};
}

}  // namespace

std::vector<Rule> leader_history_duties() {
  return {
      {"history-of-first-timeline", is_on_first_timeline, clear_history, "A primary on timeline 1 has no history: the store's is emptied (S19)."},
      {"read-history-file", history_file_is_missing, read_history_file, "The store's history is not that of our timeline: read our history file."},
      {"write-history", history_differs, write_history, "Write the history of our timeline to the store (S19)."},
      {"checkpoint-done", checkpoint_is_done, note_checkpoint, "The control file shows the new timeline: pg_rewind may use this server as its source."},
      {"read-control-file", control_is_unknown, read_control, "Read the control file to know whether a checkpoint is needed."},
      {"checkpoint-awaits-standby", standby_comes_first, await_standby, "A checkpoint in haste would delay synchronous commits: for a moment a standby comes first (S5)."},
      {"checkpoint-after-promotion", checkpoint_is_missing, start_checkpoint, "After a promotion, make a checkpoint at once, so that pg_rewind finds the new timeline."},
  };
}

}  // namespace matriarch::rules
