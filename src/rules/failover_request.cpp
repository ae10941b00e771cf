// An operator asked the leader to give way: can it, and when not, why the request is dropped.
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/race.hpp"
#include "rules/schedule.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

const model::FailoverKey& request(const Situation& s) { return *cluster(s).failover; }
std::string_view verb(const Situation& s) { return request(s).is_switchover() ? "switchover" : "failover"; }
std::string_view capitalised(const Situation& s) { return request(s).is_switchover() ? "Switchover" : "Manual Failover"; }

Plan drop(const Situation& s, std::vector<std::string> notes) {
  notes.emplace_back("Cleaning up failover key");
  return {.actions = {model::ClearFailover{request(s).revision}}, .notes = std::move(notes)};
}

bool schedule_is_unreadable(const Situation& s) { return request(s).schedule_unreadable; }
Plan drop_unreadable(const Situation& s) { return drop(s, {"Incorrect value of scheduled_at"}); }

bool is_for_later(const Situation& s) { return request(s).scheduled_at && judge_schedule(s, *request(s).scheduled_at) == Schedule::kLater; }
Plan await_schedule(const Situation& s) { return {.wake_at = instant_of(s, *request(s).scheduled_at)}; }

bool is_stale(const Situation& s) { return request(s).scheduled_at && judge_schedule(s, *request(s).scheduled_at) == Schedule::kStale; }
Plan drop_stale(const Situation& s) {
  const std::string at = iso8601(*request(s).scheduled_at);
  Plan plan = drop(s, {fmt::format("Found a stale {} value, cleaning up: {}", verb(s), at)});
  plan.actions.emplace_back(model::RecordEvent{"schedule_missed", {{"action", std::string(verb(s))}, {"at", at}}});
  return plan;
}

bool names_another_leader(const Situation& s) { return !request(s).leader.empty() && request(s).leader != me(s); }
Plan drop_for_another(const Situation& s) {
  return drop(s, {fmt::format("{}: leader name does not match: {} != {}", action_name(s), request(s).leader, me(s))});
}

bool asks_for_me(const Situation& s) { return request(s).candidate == me(s); }
Plan drop_needless(const Situation& s) {
  return drop(s, {fmt::format("{}: I am already the leader, no need to {}", action_name(s), verb(s))});
}

bool names_nobody_in_pause(const Situation& s) { return paused(s) && request(s).candidate.empty(); }
Plan drop_in_pause(const Situation& s) {
  return drop(s, {fmt::format("{} is possible only to a specific candidate in a paused state", capitalised(s))});
}

bool answer_is(const Situation& s, Successors::Answer answer) { return successors(s, false).answer == answer; }
bool must_be_asked(const Situation& s) { return answer_is(s, Successors::Answer::kAsk); }
Plan ask(const Situation& s) {
  return {.needs = {.poll_peers = successors(s, false).ask}, .wake_at = s.seen.now + kPatienceWithReplicas};
}
bool are_being_asked(const Situation& s) { return answer_is(s, Successors::Answer::kWait); }
Plan await_answers(const Situation&) { return {}; }

bool nobody_can(const Situation& s) { return answer_is(s, Successors::Answer::kNo); }
Plan drop_impossible(const Situation& s) {
  std::vector<std::string> notes = successors(s, false).notes;
  notes.push_back(fmt::format("{}: no healthy members found, {} is not possible", action_name(s), verb(s)));
  Plan plan = drop(s, notes);
  boost::json::array reasons;
  for (const std::string& note : notes) reasons.emplace_back(note);
  plan.actions.emplace_back(model::RecordEvent{"request_refused", {{"action", std::string(verb(s))}, {"reasons", reasons}}});
  return plan;
}

Plan nothing(const Situation&) { return {}; }

}  // namespace

bool request_can_be_met(const Situation& s) {
  if (!request_is_in_force(s) || names_another_leader(s) || asks_for_me(s) || names_nobody_in_pause(s)) return false;
  return answer_is(s, Successors::Answer::kYes);
}

Table failover_request_table() {
  return {
      .name = "failover-request",
      .about = "An operator asked this leader to give way: what stands against it.",
      .verdicts =
          {
              {"request-unreadable", schedule_is_unreadable, drop_unreadable, "The schedule cannot be read: drop the request."},
              {"request-for-later", is_for_later, await_schedule, "The request is scheduled for later, or the cluster is paused: keep it."},
              {"request-stale", is_stale, drop_stale, "The scheduled time was missed: drop the request and record that."},
              {"request-for-another-leader", names_another_leader, drop_for_another, "The request names another leader: drop it."},
              {"request-for-the-leader", asks_for_me, drop_needless, "The requested candidate leads already: drop the request."},
              {"request-for-nobody-in-pause", names_nobody_in_pause, drop_in_pause, "In pause a candidate must be named: drop the request."},
              {"request-asks-members", must_be_asked, ask, "Ask the candidates whether they can lead."},
              {"request-awaits-members", are_being_asked, await_answers, "Wait for the candidates' answers."},
              {"request-impossible", nobody_can, drop_impossible, "Nobody can take over: drop the request and record why."},
              {"request-accepted", always, nothing, "Somebody can take over."},
          },
  };
}

}  // namespace matriarch::rules
