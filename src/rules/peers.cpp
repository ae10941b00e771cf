#include "rules/peers.hpp"

#include <algorithm>

#include "rules/facts.hpp"

namespace matriarch::rules {

using model::Instant;
using model::MemberName;
using model::PeerStatus;

const PeerStatus* answer_of(const Situation& s, const MemberName& name, Instant since) {
  const auto found = s.seen.peers.find(name);
  if (found == s.seen.peers.end() || found->second.asked_at < since) return nullptr;
  return &found->second;
}

Names without_answer(const Situation& s, const Names& asked, Instant since) {
  Names silent;
  for (const MemberName& name : asked) {
    if (!answer_of(s, name, since)) silent.insert(name);
  }
  return silent;
}

bool poll_is_under_way(const Situation& s, Instant since) {
  return s.seen.peers_asked_at != Instant{} && s.seen.peers_asked_at >= since && !s.seen.peers_complete;
}

bool must_ask(const Situation& s, const Names& whom, Instant since) {
  return !poll_is_under_way(s, since) && !without_answer(s, whom, since).empty();
}

std::string_view limitation_of(const PeerStatus* answer) {
  if (!answer || !answer->reachable) return "not reachable";
  if (answer->tags.nofailover()) return "not allowed to promote";
  if (answer->watchdog_failed) return "not watchdog capable";
  return {};
}

Instant since_leaderless(const Situation& s) { return std::max(s.memory.leaderless_since, since_lately(s)); }
Instant since_lately(const Situation& s) { return s.seen.now - kAnswerLife; }

}  // namespace matriarch::rules
