// The deliberate bugs: each takes away one thing that safety rests on, and must be found by what it does.
#include <memory>

#include "rules/house.hpp"
#include "simulation/hunt.hpp"

namespace matriarch::simulation {
namespace {

model::Lsn as_it_is(const model::Cluster&, model::Lsn lsn, model::Timeline) { return lsn; }

// Rules that do not know what a timeline is: the longest WAL wins.
Bugs without_timelines() {
  rules::House house = rules::the_house();
  for (const auto* row : {"timeline-unknown", "timeline-behind", "timeline-fell-behind"}) house = rules::without(std::move(house), row);
  house.ways.position_in_history = as_it_is;
  const auto kept = std::make_shared<const rules::House>(std::move(house));
  return {.decide = [kept](const model::Memory& memory, const model::Observation& seen) { return rules::decide(*kept, memory, seen); }};
}

}  // namespace

std::vector<NamedBug> deliberate_bugs() {
  return {
      {"promote-without-lease", "whoever may take the lock promotes before it has it", 1, {.promote_without_lease = true}},
      {"lease-from-reply", "the lease is counted from the answer, not from the request", 1, {.client = {.lease_from_reply = true}}},
      {"fence-off", "the guardian and the store process never stop PostgreSQL", 2, {.guardian = {.fence_off = true}}},
      {"timelines-ignored", "the race compares positions of different histories", 70, without_timelines()},
      {"guc-before-sync", "a standby leaves synchronous_standby_names before it leaves /sync", 1, {.guc_before_sync = true}},
      {"unconditional-expire", "an expiry is applied whatever keep-alive stands before it in the log", 33, {.store = {.unconditional_expire = true}}},
      {"fresh-leader-expires", "a new leader of the store expires leases at once", 1, {.store = {.fresh_leader_expires = true}}},
      {"permit-never-expires", "the keeper renews for an agent that hangs", 12, {.permit_never_expires = true}},
      {"page-follows-recovery", "the guardian is told that a standby cannot write although it was told to promote", 665, {.page_follows_recovery = true}},
      {"unknown-is-success", "a write whose answer was lost counts as done", 1, {.client = {.unknown_is_success = true}}},
      {"stale-view", "the view before the promotion is the watch's, not a linearizable read", 1, {.client = {.stale_reads = true}}},
  };
}

}  // namespace matriarch::simulation
