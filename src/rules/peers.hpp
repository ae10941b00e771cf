// What the other members answered, and whether it is enough to decide on.
//
// A question is never waited for inside a rule: a row that misses an answer names whom to ask, and every answer that
// arrives makes the rules look again. Positions count only if they were asked for after the leader was gone.
#pragma once

#include <set>

#include "rules/rule.hpp"

namespace matriarch::rules {

using Names = std::set<model::MemberName>;

// How long an answer may be used.
inline constexpr model::Milliseconds kAnswerLife{3'000};
// How often a member is asked again while nothing is decided.
inline constexpr model::Milliseconds kAskAgainAfter{300};
// How long a silent member is waited for: the leader that just vanished is probably dead, and when votes or a
// synchronous set prove completeness a silent member can only be a nicer choice, not a safer one.
inline constexpr model::Milliseconds kPatienceWithTheSilent{300};
inline constexpr model::Milliseconds kPatienceWithReplicas{1'000};

// The answer of `name` to a question asked at `since` or later; null: none yet.
const model::PeerStatus* answer_of(const Situation& s, const model::MemberName& name, model::Instant since);
Names without_answer(const Situation& s, const Names& asked, model::Instant since);
bool poll_is_under_way(const Situation& s, model::Instant since);
bool must_ask(const Situation& s, const Names& whom, model::Instant since);

// "not reachable", "not allowed to promote", "not watchdog capable"; empty: eligible.
std::string_view limitation_of(const model::PeerStatus* answer);

// Answers that count while the cluster has no leader, and while it has one.
model::Instant since_leaderless(const Situation& s);
model::Instant since_lately(const Situation& s);

}  // namespace matriarch::rules
