// Properties of every decision, on observations that make sense and on garbage (docs/invariants.md S24).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "rules/invariants.hpp"
#include "unit/rules/random_observations.hpp"

namespace matriarch::rules::testing {
namespace {

std::string violations_of(const Observation& seen, const Decision& decision) {
  std::string texts;
  for (const auto& violation : check(seen, decision)) texts += violation.text() + "; ";
  return texts.empty() ? texts : texts + described(decision);
}

RC_GTEST_PROP(Decision, KeepsEveryInvariantWhateverIsSeen, (std::uint64_t seed)) {
  const Scene scene = a_random_scene(seed);
  const auto seen = scene.observation();
  RC_ASSERT(violations_of(seen, decide(scene.memory, seen)) == "");
}

RC_GTEST_PROP(Decision, IsAFunction, (std::uint64_t seed)) {
  const Scene scene = a_random_scene(seed);
  const auto seen = scene.observation();
  const auto first = decide(scene.memory, seen), second = decide(scene.memory, seen);
  RC_ASSERT(first.actions == second.actions);
  RC_ASSERT(first.rule == second.rule);
  RC_ASSERT(first.says == second.says);
  RC_ASSERT(first.memory == second.memory);
  RC_ASSERT(first.needs == second.needs);
}

RC_GTEST_PROP(Decision, AlwaysNamesARow, (std::uint64_t seed)) {
  const Scene scene = a_random_scene(seed);
  const auto decision = decide(scene.memory, scene.observation());
  RC_ASSERT(!decision.rule.empty());
  RC_ASSERT(!decision.table.empty());
  RC_ASSERT(!decision.path.empty());
}

// The same event twice: what was ordered once is not contradicted. Actions may be repeated (the agent drops those that
// are under way), but the second look never asks for something new that touches the server or the lease.
RC_GTEST_PROP(Decision, DecidingTwiceOrdersNothingNew, (std::uint64_t seed)) {
  Scene scene = a_random_scene(seed);
  const auto first = decided(scene);
  scene.memory = first.memory;
  scene.seen.finished.reset();  // shown once
  const auto second = decided(scene);
  if (first.memory.rewind != second.memory.rewind || first.memory.start_failed != second.memory.start_failed) return;
  for (const auto& action : second.actions) {
    const bool touches = std::holds_alternative<StartTask>(action) || std::holds_alternative<AcquireLease>(action) || std::holds_alternative<ReleaseLease>(action);
    if (touches && first.rule == second.rule) RC_ASSERT(std::count(first.actions.begin(), first.actions.end(), action) == 1);
  }
}

RC_GTEST_PROP(Decision, NeverWakesInThePast, (std::uint64_t seed)) {
  const Scene scene = a_random_scene(seed);
  const auto decision = decided(scene);
  if (decision.wake_at) RC_ASSERT(*decision.wake_at > scene.seen.now);
}

TEST(Decision, KeepsEveryInvariantOnManyScenes) {
  std::map<std::string, std::uint64_t> found;  // "S8: ... by rule x" -> the first seed
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const Scene scene = a_random_scene(seed);
    const auto seen = scene.observation();
    const auto decision = decide(scene.memory, seen);
    for (const auto& violation : check(seen, decision)) found.emplace(violation.text() + " by rule " + decision.rule, seed);
  }
  for (const auto& [text, seed] : found) ADD_FAILURE() << text << ", seed " << seed;
}

}  // namespace
}  // namespace matriarch::rules::testing
