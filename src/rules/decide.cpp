// The walk through the tables: prologue, the verdict of the situation, epilogue.
#include <algorithm>
#include <iterator>
#include <memory>

#include "rules/facts.hpp"
#include "rules/failsafe.hpp"
#include "rules/house.hpp"

namespace matriarch::rules {
namespace {

using model::Action;
using model::Decision;
using model::Memory;
using model::Observation;

// More tables in a row than any path through the house is long: a cycle of tables ends here.
constexpr int kLongestPath = 16;
// A row that asks for a look in the past must not make the agent spin.
constexpr model::Milliseconds kShortestSleep{5};

bool is_urgent(const Action& action) {
  return std::holds_alternative<model::FencePostgres>(action) || std::holds_alternative<model::CancelTask>(action) ||
         std::holds_alternative<model::GrantPermit>(action) || std::holds_alternative<model::ExtendLease>(action);
}

void add(model::Needs& all, const model::Needs& more) {
  all.poll_peers.insert(more.poll_peers.begin(), more.poll_peers.end());
  all.control_data |= more.control_data;
  if (more.divergence_check) all.divergence_check = more.divergence_check;
  all.fresh_positions |= more.fresh_positions;
  if (more.history) all.history = more.history;
  all.linearizable_view |= more.linearizable_view;
  all.failsafe_round |= more.failsafe_round;
}

// The same input is asked for at most once in this time. Its arrival makes the rules look again, and a row that still
// misses something would ask at once; without a pause that is a circle.
constexpr model::Milliseconds kPositionsPause{25}, kViewPause{50}, kControlPause{200}, kHistoryPause{500}, kDivergencePause{200};

// Whether the input is wanted now; else `wake_at` is the time when it may be.
bool may_ask(model::Instant now, model::Instant& last, model::Milliseconds pause, std::optional<model::Instant>& wake_at) {
  if (last == model::Instant{} || now >= last + pause || now < last) {
    last = now;
    return true;
  }
  wake_at = earliest(wake_at, last + pause);
  return false;
}

void pace(Decision& decision, model::Instant now) {
  model::Needs& needs = decision.needs;
  model::Asked& asked = decision.memory.asked;
  auto& wake_at = decision.wake_at;
  needs.fresh_positions = needs.fresh_positions && may_ask(now, asked.positions, kPositionsPause, wake_at);
  needs.linearizable_view = needs.linearizable_view && may_ask(now, asked.view, kViewPause, wake_at);
  needs.control_data = needs.control_data && may_ask(now, asked.control, kControlPause, wake_at);
  if (needs.history && !may_ask(now, asked.history, kHistoryPause, wake_at)) needs.history.reset();
  if (needs.divergence_check && !may_ask(now, asked.divergence, kDivergencePause, wake_at)) needs.divergence_check.reset();
}

class Walk {
 public:
  Walk(const House& house, const Memory& memory, const Observation& seen) : house_(house), seen_(seen) { decision_.memory = memory; }

  void carry_out_duties(const Table& table) {
    for (const Rule& rule : table.duties) {
      if (!rule.holds(situation({}))) continue;
      decision_.duties.push_back(rule.name);
      Plan plan = rule.plan(situation({}));
      take(plan);
      if (!plan.next.empty()) walk_within_duty(house_.table(plan.next));
    }
  }

  // The first row that holds decides, here or in the table it hands over to.
  void judge(const Table& root) {
    const Table* table = &root;
    for (int depth = 0; depth < kLongestPath; ++depth) {
      carry_out_duties(*table);
      const Rule* rule = first_that_holds(*table, decision_.says);
      if (!rule) return;
      Plan plan = rule->plan(situation(decision_.says));
      decision_.path.push_back(rule->name);
      if (!plan.says.empty() || decision_.says.empty()) {
        decision_.table = table->name;
        decision_.rule = rule->name;
        decision_.says = plan.says;
      }
      take(plan);
      if (plan.keep_lease) keeps_lease_ = true;
      if (plan.next.empty()) return;
      table = &house_.table(plan.next);
    }
  }

  Decision finish() {
    if (keeps_lease_) decision_.actions.insert(decision_.actions.begin(), model::GrantPermit{permit_for(situation({}))});
    std::stable_partition(decision_.actions.begin(), decision_.actions.end(), is_urgent);
    if (paused(situation({})) && !decision_.says.empty()) decision_.says = "PAUSE: " + decision_.says;
    pace(decision_, seen_.now);
    if (decision_.wake_at) decision_.wake_at = std::max(*decision_.wake_at, seen_.now + kShortestSleep);
    if (seen_.is_leader()) decision_.wake_at = earliest(decision_.wake_at, seen_.lease.valid_until);
    return std::move(decision_);
  }

 private:
  Situation situation(std::string_view because) const { return {seen_, decision_.memory, house_, because}; }

  const Rule* first_that_holds(const Table& table, std::string_view because) const {
    const auto found = std::find_if(table.verdicts.begin(), table.verdicts.end(),
                                    [&](const Rule& rule) { return rule.holds(situation(because)); });
    return found == table.verdicts.end() ? nullptr : &*found;
  }

  // A duty that is a table of its own: its rows are named among the duties and say nothing for the status line.
  void walk_within_duty(const Table& root) {
    const Table* table = &root;
    for (int depth = 0; depth < kLongestPath; ++depth) {
      const Rule* rule = first_that_holds(*table, {});
      if (!rule) return;
      decision_.duties.push_back(rule->name);
      Plan plan = rule->plan(situation({}));
      take(plan);
      if (plan.next.empty()) return;
      table = &house_.table(plan.next);
    }
  }

  // All but where the plan goes on and what it says.
  void take(Plan& plan) {
    std::move(plan.actions.begin(), plan.actions.end(), std::back_inserter(decision_.actions));
    std::move(plan.notes.begin(), plan.notes.end(), std::back_inserter(decision_.notes));
    add(decision_.needs, plan.needs);
    decision_.wake_at = earliest(decision_.wake_at, plan.wake_at);
    if (plan.memory) decision_.memory = std::move(*plan.memory);
  }

  const House& house_;
  const Observation& seen_;
  Decision decision_;
  bool keeps_lease_ = false;
};

Decision decide_on(const House& house, const Memory& memory, const Observation& seen) {
  Walk walk(house, memory, seen);
  if (!seen.store.cluster) {
    walk.judge(house.table("no-view"));
    return walk.finish();
  }
  walk.carry_out_duties(house.table("prologue"));
  walk.judge(house.table("situation"));
  walk.carry_out_duties(house.table("epilogue"));
  return walk.finish();
}

}  // namespace

Decision decide(const House& house, const Memory& memory, const Observation& seen) {
  if (!seen.settings) return {.table = "none", .rule = "no-settings", .memory = memory};
  if (const auto led = view_with_failsafe_leader(seen)) return decide_on(house, memory, *led);
  return decide_on(house, memory, seen);
}

}  // namespace matriarch::rules
