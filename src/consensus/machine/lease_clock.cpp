#include "consensus/machine/lease_clock.hpp"

#include <algorithm>

namespace matriarch::consensus::machine {
namespace {
LeaseClock::Time ttl_of(const Lease& lease) { return std::chrono::milliseconds(lease.ttl_ms); }
}  // namespace

void LeaseClock::watch(const Lease& lease, Time since) {
  auto& watched = leases_[lease.id];
  const Time ends = std::max(watched.ends, since + ttl_of(lease));  // being kept alive never shortens a life
  watched = {.kept_alive_at = lease.kept_alive_at, .ends = ends, .look_at = ends};
}

void LeaseClock::observe(const Machine& machine, const Applied& applied, Time received) {
  for (const auto id : applied.leases_gone) leases_.erase(id);
  for (const auto id : applied.leases_alive) {
    if (const auto* lease = machine.find_lease(id)) watch(*lease, received);
  }
}

void LeaseClock::observe_all(const Machine& machine, Time now) {
  leases_.clear();
  for (const auto& [id, lease] : machine.leases()) watch(lease, now);
}

void LeaseClock::lead(std::uint64_t term) {
  if (term_ == term) return;
  term_ = term;
  judges_ = false;
}

void LeaseClock::barrier_applied(std::uint64_t term) {
  if (term_ != 0 && term == term_) judges_ = true;
}

void LeaseClock::follow() {
  term_ = 0;
  judges_ = false;
}

std::vector<ExpireLease> LeaseClock::due(Time now, Time patience) {
  std::vector<ExpireLease> expired;
  if (!judges_) return expired;
  for (auto& [id, watched] : leases_) {
    if (now < watched.look_at) continue;
    expired.push_back({.id = id, .kept_alive_at = watched.kept_alive_at});
    watched.look_at = now + patience;
  }
  return expired;
}

std::optional<LeaseClock::Time> LeaseClock::next_look() const {
  if (!judges_ || leases_.empty()) return std::nullopt;
  return std::min_element(leases_.begin(), leases_.end(), [](const auto& a, const auto& b) {
           return a.second.look_at < b.second.look_at;
         })->second.look_at;
}

std::optional<LeaseClock::Time> LeaseClock::remaining(LeaseId id, Time now) const {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return std::nullopt;
  return std::max(Time::zero(), found->second.ends - now);
}

bool waited_too_long(const Machine& machine, const KeepAlive& alive, LeaseClock::Time waited) {
  const auto* lease = machine.find_lease(alive.id);
  return lease != nullptr && waited > ttl_of(*lease);
}

}  // namespace matriarch::consensus::machine
