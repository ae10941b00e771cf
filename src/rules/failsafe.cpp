#include "rules/failsafe.hpp"

#include <memory>

namespace matriarch::rules {

std::optional<model::Observation> view_with_failsafe_leader(const model::Observation& seen) {
  if (!seen.store.cluster || !seen.cluster().is_unlocked() || !seen.dynamic().failsafe_mode || !seen.failsafe) return std::nullopt;
  const model::FailsafeRecord& record = *seen.failsafe;
  if (!record.active(seen.now, seen.dynamic().timing.ttl) || record.name.empty() || record.name == seen.me()) return std::nullopt;
  auto led = std::make_shared<model::Cluster>(seen.cluster());
  led->leader = model::LeaderKey{.name = record.name};
  led->status.slots = record.slots;
  model::Member& leader = led->members[record.name];
  leader.name = record.name;
  leader.conn_url = record.conn_url;
  leader.api_url = record.api_url;
  for (auto& [name, member] : led->members) {
    if (!member.tags.replicatefrom()) continue;
    const auto position = record.slots.find(model::slot_name_of(name));
    if (position != record.slots.end()) member.lsn = position->second;
  }
  model::Observation with_leader = seen;
  with_leader.store.cluster = std::move(led);
  return with_leader;
}

}  // namespace matriarch::rules
