#include "rest/handover.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace matriarch::rest {
namespace {

using tl::unexpected;

// With quorum commit any member may have every commit; with synchronous_mode only those in /sync are sure to.
bool only_sync_standbys(const model::DynamicSettings& dynamic) {
  return dynamic.synchronous() && dynamic.synchronous_mode == model::SynchronousMode::kOn;
}

std::string_view title(const HandoverOrder& order) { return order.is_switchover ? "Switchover" : "Failover"; }

std::optional<Answer> refuse_by_store(const HandoverOrder& order, const model::Cluster& cluster, const model::DynamicSettings& dynamic) {
  if (order.is_switchover && !cluster.is_led_by(order.leader)) return text(412, "leader name does not match");
  if (order.candidate.empty()) return std::nullopt;
  if (order.is_switchover && only_sync_standbys(dynamic) && !cluster.sync.is_voter(order.candidate)) {
    return text(412, "candidate name does not match with sync_standby");
  }
  if (!cluster.find(order.candidate)) return text(412, "candidate does not exists");
  return std::nullopt;
}

}  // namespace

tl::expected<std::vector<ports::PeerAddress>, Answer> candidates_to_ask(const HandoverOrder& order, const model::Cluster& cluster,
                                                                        const model::DynamicSettings& dynamic) {
  if (auto refused = refuse_by_store(order, cluster, dynamic)) return unexpected(*refused);
  std::vector<ports::PeerAddress> members;
  for (const auto& [name, member] : cluster.members) {
    const bool fits = order.candidate.empty() ? !cluster.is_led_by(name) && (!only_sync_standbys(dynamic) || cluster.sync.is_voter(name))
                                              : name == order.candidate;
    if (fits && !member.api_url.empty()) members.push_back({name, member.api_url});
  }
  if (!members.empty() || !order.candidate.empty()) return members;
  return unexpected(text(412, fmt::format("{} is not possible: {}", order.action(),
                                          only_sync_standbys(dynamic) ? "can not find sync_standby"
                                                                      : "cluster does not have members except leader")));
}

std::optional<Answer> refuse_without_candidate(const HandoverOrder& order, const std::map<model::MemberName, model::PeerStatus>& answers) {
  const bool somebody = std::any_of(answers.begin(), answers.end(), [](const auto& answer) {
    return answer.second.reachable && !answer.second.tags.nofailover() && !answer.second.watchdog_failed;
  });
  if (somebody) return std::nullopt;
  return text(412, fmt::format("{} is not possible: no good candidates have been found", order.action()));
}

model::Milliseconds patience(const model::DynamicSettings& dynamic) {
  return 2 * std::max(model::Milliseconds{10'000}, dynamic.timing.loop_wait);
}

std::optional<Answer> outcome(const HandoverOrder& order, const model::Cluster& before, const model::Cluster& now) {
  const auto leader_of = [](const model::Cluster& cluster) { return cluster.leader ? cluster.leader->name : model::MemberName{}; };
  const auto leader = leader_of(now);
  const bool changed = !leader.empty() && leader != leader_of(before);
  if (!changed) {
    if (now.failover || leader.empty()) return std::nullopt;
    return text(503, fmt::format("{} failed", title(order)));
  }
  if (order.candidate.empty() || order.candidate == leader) {
    return text(200, fmt::format("Successfully {} over to \"{}\"", order.is_switchover ? "switched" : "failed", leader));
  }
  return text(200, fmt::format("{} over to \"{}\" instead of \"{}\"", order.is_switchover ? "Switched" : "Failed", leader, order.candidate));
}

Answer outcome_unknown(const HandoverOrder& order, model::Milliseconds waited) {
  return text(503, fmt::format("{} status unknown after {} seconds; operation may still be in progress", title(order),
                               std::chrono::duration_cast<std::chrono::seconds>(waited).count()));
}

}  // namespace matriarch::rest
