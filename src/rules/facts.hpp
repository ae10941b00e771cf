// What rows ask of a situation: the derived facts of the field, each said once.
#pragma once

#include <optional>
#include <string>

#include "rules/rule.hpp"

namespace matriarch::rules {

inline bool always(const Situation&) { return true; }

// ---- configuration -------------------------------------------------------------------------------------------------
bool paused(const Situation& s);
bool in_standby_cluster(const Situation& s);
bool sync_requested(const Situation& s);    // a synchronous mode, and this is not a standby cluster
bool quorum_requested(const Situation& s);
model::Milliseconds ttl(const Situation& s);  // granted by the store if known, else configured
model::Milliseconds loop_wait(const Situation& s);
model::Milliseconds permit_for(const Situation& s);  // max(loop_wait + 2 retry_timeout, 3 ttl)
const model::Tags& my_tags(const Situation& s);

// ---- the store's view ----------------------------------------------------------------------------------------------
const model::Cluster& cluster(const Situation& s);
const model::MemberName& me(const Situation& s);
bool unlocked(const Situation& s);
bool has_lock(const Situation& s);
std::string leader_name(const Situation& s);  // empty: none
bool under_way(const Situation& s, model::WriteKind kind);
bool sync_active(const Situation& s);         // requested, and /sync has a leader
// Votes decide the race: also while a quorum is still recorded although the configured mode no longer is quorum.
bool votes_are_counted(const Situation& s);

// ---- the lease -----------------------------------------------------------------------------------------------------
// The view is older than our own acquisition: it proves nothing against it.
bool view_predates_lease(const Situation& s);
bool another_holds_the_lock(const Situation& s);
// The lease is ours by the clock and nothing newer contradicts it.
bool holds_lease(const Situation& s);
// This node held a lease since the agent started: what it had may be lost, not merely never asked for.
bool had_a_lease(const Situation& s);
model::Milliseconds lease_left(const Situation& s);

// ---- the local server ----------------------------------------------------------------------------------------------
bool may_write(const Situation& s);  // a postmaster runs that is out of recovery, or may be any moment
bool is_standby(const Situation& s); // a postmaster runs and is in recovery
bool runs_task(const Situation& s, model::TaskKind kind);
bool system_id_is_known(const Situation& s);
bool new_copy_is_asked(const Situation& s);  // by an operator (reinitialize), and another node leads

// ---- changes of memory ---------------------------------------------------------------------------------------------
template <typename Change>
model::Memory remembering(const Situation& s, Change change) {
  model::Memory memory = s.memory;
  change(memory);
  return memory;
}

std::optional<model::Instant> earliest(std::optional<model::Instant> a, std::optional<model::Instant> b);
std::string seconds_text(model::Milliseconds duration);  // "12" or "0.3"

}  // namespace matriarch::rules
