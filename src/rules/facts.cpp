#include "rules/facts.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace matriarch::rules {

using model::Instant;
using model::Milliseconds;
using model::SynchronousMode;

// ---- configuration -------------------------------------------------------------------------------------------------

bool paused(const Situation& s) { return s.seen.dynamic().pause; }
bool in_standby_cluster(const Situation& s) { return s.seen.dynamic().standby_cluster.has_value(); }
bool sync_requested(const Situation& s) { return s.seen.dynamic().synchronous(); }
bool quorum_requested(const Situation& s) {
  return sync_requested(s) && s.seen.dynamic().synchronous_mode == SynchronousMode::kQuorum;
}

Milliseconds ttl(const Situation& s) {
  const Milliseconds granted = s.seen.lease.ttl_granted;
  return granted.count() > 0 ? granted : s.seen.dynamic().timing.ttl;
}
Milliseconds loop_wait(const Situation& s) { return s.seen.dynamic().timing.loop_wait; }

Milliseconds permit_for(const Situation& s) {
  return std::max<Milliseconds>(loop_wait(s) + 2 * s.seen.dynamic().timing.retry_timeout, 3 * ttl(s));
}

const model::Tags& my_tags(const Situation& s) { return s.seen.settings->tags; }

// ---- the store's view ----------------------------------------------------------------------------------------------

const model::Cluster& cluster(const Situation& s) { return *s.seen.store.cluster; }
const model::MemberName& me(const Situation& s) { return s.seen.me(); }
bool unlocked(const Situation& s) { return cluster(s).is_unlocked(); }
bool has_lock(const Situation& s) { return s.seen.has_lock(); }
std::string leader_name(const Situation& s) { return cluster(s).leader ? cluster(s).leader->name.text : std::string(); }
bool under_way(const Situation& s, model::WriteKind kind) { return s.seen.store.under_way.contains(kind); }
bool sync_active(const Situation& s) { return sync_requested(s) && cluster(s).sync.active(); }
bool votes_are_counted(const Situation& s) { return sync_active(s) && (quorum_requested(s) || cluster(s).sync.quorum > 0); }

// ---- the lease -----------------------------------------------------------------------------------------------------

bool view_predates_lease(const Situation& s) {
  const auto revision = cluster(s).revision.value;
  return s.seen.is_leader() && (revision < 0 || static_cast<std::uint64_t>(revision) < s.seen.lease.term);
}

bool another_holds_the_lock(const Situation& s) { return !unlocked(s) && !has_lock(s) && !view_predates_lease(s); }
bool holds_lease(const Situation& s) { return s.seen.is_leader() && !another_holds_the_lock(s); }

bool had_a_lease(const Situation& s) {
  const auto outcome = s.seen.lease.outcome;
  return s.seen.lease.term != 0 || outcome == model::LeaseOutcome::kLost || outcome == model::LeaseOutcome::kReleased;
}

Milliseconds lease_left(const Situation& s) {
  return std::chrono::floor<Milliseconds>(s.seen.lease.valid_until - s.seen.now);
}

// ---- the local server ----------------------------------------------------------------------------------------------

bool may_write(const Situation& s) {
  const auto& node = s.seen.postgres;
  return node.is_running && (node.is_primary || node.role == model::PostgresRole::kPromoted);
}
bool is_standby(const Situation& s) { return s.seen.postgres.is_running && !may_write(s); }
bool runs_task(const Situation& s, model::TaskKind kind) { return s.seen.task && s.seen.task->request.kind == kind; }
bool system_id_is_known(const Situation& s) { return s.seen.postgres.system_id && s.seen.postgres.system_id->valid(); }

bool new_copy_is_asked(const Situation& s) {
  return !unlocked(s) && !has_lock(s) && std::any_of(s.seen.wishes.begin(), s.seen.wishes.end(), [](const model::OperatorWish& wish) {
    return wish.kind == model::OperatorWish::Kind::kReinitialize;
  });
}

// ---- small parts ---------------------------------------------------------------------------------------------------

std::optional<Instant> earliest(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

std::string seconds_text(Milliseconds duration) {
  if (duration >= Milliseconds(1000) && duration.count() % 1000 == 0) return fmt::format("{}", duration.count() / 1000);
  return fmt::format("{:.1f}", static_cast<double>(duration.count()) / 1000.0);
}

}  // namespace matriarch::rules
