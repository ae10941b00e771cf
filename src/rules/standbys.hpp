// What the primary knows of its standbys: who may be synchronous, and who has everything that was confirmed.
//
// "Caught up" is earned anew after every change of synchronous_standby_names: everything confirmed before the change lies
// at or below the primary's own flush position F read after it, so a standby whose position reached F lacks nothing, and
// from then on it is waited for.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "rules/rule.hpp"

namespace matriarch::rules {

using Names = std::set<model::MemberName>;

struct Standby {
  model::MemberName name;
  model::SyncState state = model::SyncState::kAsync;
  model::Lsn position;      // the one that confirms commits under the server's synchronous_commit
  int priority = 1;         // sync_priority
  bool nofailover = false;
};

// Running members that stream from here and may be synchronous, the best first.
std::vector<Standby> sync_candidates(const Situation& s);
// Those that are to be waited for: in quorum mode all, else as many as are wanted.
Names picked_standbys(const Situation& s);
// Candidates that do not lag too far behind to be waited for.
Names live_standbys(const Situation& s);
// Waited for, and nothing confirmed is missing on them.
Names caught_up_standbys(const Situation& s);

// Names as the members write them: PostgreSQL compares application_name without case.
Names as_members_write(const Situation& s, const Names& names);
Names waited_for_now(const Situation& s);  // synchronous_standby_names in effect
Names voters_now(const Situation& s);      // of /sync

// Rows that keep SyncProgress up to date.
std::vector<Rule> standby_duties();

}  // namespace matriarch::rules
