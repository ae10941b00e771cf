// Who may lead next: the judgements behind the leader race.
#pragma once

#include <optional>

#include "rules/peers.hpp"
#include "rules/rule.hpp"

namespace matriarch::rules {

// The default of Ways::position_in_history.
model::Lsn position_in_history(const model::Cluster& cluster, model::Lsn lsn, model::Timeline timeline);

// ---- this node -----------------------------------------------------------------------------------------------------
bool watchdog_allows(const Situation& s);
bool is_lagging(const Situation& s, model::Lsn lsn);       // behind the last published position by more than allowed
bool is_outside_failsafe(const Situation& s);              // the mode is on, the map is not empty, and I am not in it
bool timeline_is_checked(const Situation& s);
bool my_timeline_is_behind(const Situation& s);            // as a standby, below the cluster's

// ---- a request for failover or switchover --------------------------------------------------------------------------
// It steers the race: present, readable, and not scheduled for later (or so long ago that it is stale).
bool request_is_in_force(const Situation& s);
// "switchover", "manual failover" or "failover".
std::string_view action_name(const Situation& s);

// ---- the contest ---------------------------------------------------------------------------------------------------
struct Contest {
  Names asked;                    // everybody whose answer counts
  bool check_lag = true;
  model::MemberName former;       // the leader before; its priority does not count against us
};
Contest contest(const Situation& s);

// One disqualifying answer among those that arrived, as a sentence; nothing: none so far.
std::optional<std::string> primary_still_alive(const Situation& s);
std::optional<std::string> somebody_is_ahead(const Situation& s, const Contest& contest);
std::optional<std::string> somebody_is_preferred(const Situation& s, const Contest& contest);
// Members whose silence is still worth waiting for, and until when.
std::optional<model::Instant> worth_waiting_until(const Situation& s, const Contest& contest);
bool votes_suffice(const Situation& s, const Contest& contest);

// ---- may the leader give way? --------------------------------------------------------------------------------------
struct Successors {
  enum class Answer { kYes, kNo, kAsk, kWait } answer = Answer::kNo;
  Names ask;                      // kAsk: whom
  std::vector<std::string> notes; // why members were refused
};
// Could somebody lead if I gave the lease up? `exclude_candidate`: the requested one is known to be unable.
Successors successors(const Situation& s, bool exclude_candidate);

// The request in /failover is due, addressed to this leader, and somebody can take over.
bool request_can_be_met(const Situation& s);

// ---- plans that many rows share ------------------------------------------------------------------------------------
bool asked_for_the_lock_already(const Situation& s);
Plan acquire(const Situation& s, std::string says);
// The key carries our name, but not from this run of the agent: it is bound to our session, unless it is gone meanwhile.
Plan take_over_own_key(const Situation& s);
// Not me: follow whoever leads, and ask again a little later while nobody does.
Plan stand_back(const Situation& s, std::string says, std::string note = {});

}  // namespace matriarch::rules
