#include "rules/invariants.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <set>

#include "model/letter_case.hpp"

namespace matriarch::rules {

using namespace model;

std::string Violation::text() const { return fmt::format("{}: {}", invariant, what); }

namespace {

// ---- facts, derived here once more ---------------------------------------------------------------------------------

bool runs_as_primary(const Observation& seen) {
  return seen.postgres.is_running && (seen.postgres.is_primary || seen.postgres.role == PostgresRole::kPromoted);
}

// Somebody else's name is in the leader key, on a view that is not older than our own acquisition.
bool another_leads(const Observation& seen) {
  const Cluster& cluster = seen.cluster();
  const bool view_is_old = seen.lease.holds(seen.now) && cluster.revision.value < static_cast<std::int64_t>(seen.lease.term);
  return cluster.leader && cluster.leader->name != seen.me() && !view_is_old;
}

bool lease_is_definitely_gone(const Observation& seen) {
  const bool had_one = seen.lease.term != 0 || seen.lease.outcome == LeaseOutcome::kLost || seen.lease.outcome == LeaseOutcome::kReleased;
  return another_leads(seen) || (had_one && !seen.lease.holds(seen.now));
}

std::set<std::string> lower(const std::set<MemberName>& names) {
  std::set<std::string> result;
  for (const MemberName& name : names) result.insert(model::lower(name.text));
  return result;
}
bool same_name(const MemberName& a, const MemberName& b) { return model::equal_without_case(a.text, b.text); }

bool is_in_sync_set(const SyncKey& sync, const MemberName& name) {
  return same_name(sync.leader, name) || lower(sync.voters).contains(model::lower(name.text));
}

// An operator's request that names this node and is not for later.
bool asked_for_me(const Observation& seen) {
  const auto& request = seen.cluster().failover;
  return request && request->candidate == seen.me();
}
bool request_steers(const Observation& seen) {
  const auto& request = seen.cluster().failover;
  return request && !request->schedule_unreadable && (!request->scheduled_at || *request->scheduled_at <= seen.wall_now);
}

// An answer to a question that was asked after the leader had gone.
template <typename Test>
bool any_peer(const Observation& seen, const Decision& decision, Test test) {
  return std::any_of(seen.peers.begin(), seen.peers.end(), [&](const auto& peer) {
    const PeerStatus& answer = peer.second;
    return answer.reachable && answer.asked_at >= decision.memory.leaderless_since && test(answer);
  });
}

class Checker {
 public:
  Checker(const Observation& seen, const Decision& decision) : seen_(seen), decision_(decision) {}

  std::vector<Violation> run() {
    if (seen_.store.cluster) check_step();
    for (const Action& action : decision_.actions) std::visit(*this, action);
    return std::move(violations_);
  }

  // ---- one action each ---------------------------------------------------------------------------------------------

  void operator()(const AcquireLease&) {
    if (!seen_.store.cluster) return broken("S4", "the lease is asked for without a view of the store");
    if (seen_.cluster().is_led_by(seen_.me()) || is_new_cluster()) return;  // binding our own key; the creator of the cluster
    if (has_other_system()) broken("S12", "a node of another cluster asks for the lease");
    if (seen_.dynamic().pause) return;
    if (runs_as_primary(seen_)) check_primary_that_acquires();
    else check_standby_that_acquires();
  }

  void operator()(const ReleaseLease&) {
    if (!seen_.dynamic().pause && runs_as_primary(seen_)) broken("S8", "the lease is given back while a primary runs");
  }

  void operator()(const ExtendLease& extend) {
    const auto& round = seen_.failsafe_round;
    if (!round || !round->accepted || round->sent_at != extend.sent_at) broken("S14", "the lease is extended without everybody's consent");
    if (!seen_.dynamic().failsafe_mode) broken("S14", "the lease is extended though failsafe mode is off");
  }

  void operator()(const StartTask& start) {
    if (seen_.task || ++tasks_ > 1) broken("S17", fmt::format("task {} is started while another one owns the server", start.request.name));
    check_upstream(start.request.upstream);
    if (seen_.store.cluster) check_task(start.request);
  }

  void operator()(const FollowByReload& follow) { check_upstream(follow.upstream); }
  void operator()(const FencePostgres&) {
    if (seen_.dynamic().pause) broken("S16", "PostgreSQL is killed in pause");
  }

  void operator()(const ClearFailover&) {
    const bool holds = seen_.cluster().is_led_by(seen_.me()) || seen_.lease.holds(seen_.now);
    if (!holds) broken("S20", "/failover is cleared by a node that does not lead");
  }

  void operator()(const WriteSync& write) {
    if (write.leader != seen_.me() || !seen_.lease.holds(seen_.now)) broken("S7", "/sync is written by a node that does not lead");
    const int voters = static_cast<int>(write.voters.size());
    if (write.quorum < 0 || (write.quorum > 0 && write.quorum >= voters)) broken("S26", "/sync gets a quorum that other members cannot read");
    if (std::any_of(write.voters.begin(), write.voters.end(), [](const MemberName& name) { return name.text.find(',') != std::string::npos; })) {
      broken("S26", "/sync gets a name with a comma");
    }
    if (runs_as_primary(seen_)) check_overlap(write.voters, write.quorum, seen_.postgres.sync_names, "/sync");
  }

  void operator()(const SetSyncNames& set) {
    const SyncKey& sync = seen_.cluster().sync;
    if (runs_as_primary(seen_) && seen_.dynamic().synchronous() && sync.active() && same_name(sync.leader, seen_.me())) {
      check_overlap(sync.voters, sync.quorum, parse_sync_names(set.text), "synchronous_standby_names");
    }
  }

  void operator()(const Exit& exit) {
    if (exit.set_data_aside && (seen_.lease.holds(seen_.now) || seen_.cluster().is_led_by(seen_.me()))) {
      broken("S18", "the lock holder's data is set aside");
    }
  }

  template <typename Other>
  void operator()(const Other&) {}

 private:
  void broken(std::string_view invariant, std::string what) { violations_.push_back({invariant, std::move(what)}); }

  template <typename Wanted>
  bool has() const {
    return std::any_of(decision_.actions.begin(), decision_.actions.end(), [](const Action& action) { return std::holds_alternative<Wanted>(action); });
  }

  bool has_other_system() const {
    const auto expected = seen_.cluster().system_id();
    return seen_.postgres.data_directory == DataDirectory::kPresent && expected && seen_.postgres.system_id && seen_.postgres.system_id->valid() && *expected != *seen_.postgres.system_id;
  }

  bool is_new_cluster() const { return decision_.memory.bootstrapping; }

  // ---- the whole step ----------------------------------------------------------------------------------------------

  // S15: a primary that has definitely lost the lease does not outlive the step that notices it.
  void check_step() {
    if (seen_.dynamic().pause || !runs_as_primary(seen_) || is_new_cluster() || !lease_is_definitely_gone(seen_)) return;
    const auto& task = seen_.task;
    const bool dies_already = task && task->request.kind == TaskKind::kDemote && task->request.demote == DemoteMode::kImmediateNoLock;
    const bool takes_it_again = seen_.cluster().is_unlocked() && (has<AcquireLease>() || seen_.lease.acquiring);
    if (!dies_already && !takes_it_again && !has<FencePostgres>()) broken("S15", "a primary without the lease goes on");
    if (has<GrantPermit>() && !takes_it_again) broken("S15", "the lease of another is to be renewed");
  }

  // ---- the race ----------------------------------------------------------------------------------------------------

  void check_primary_that_acquires() {
    const Cluster& cluster = seen_.cluster();
    if (seen_.postgres.timeline < cluster.timeline()) broken("S11", "a primary of an old timeline asks for the lease");
    const bool is_replaced = seen_.dynamic().synchronous() && cluster.sync.active() && !same_name(cluster.sync.leader, seen_.me());
    if (is_replaced) broken("S11", "a primary that does not lead the synchronous set asks for the lease");
    if (any_peer(seen_, decision_, [&](const PeerStatus& answer) { return answer.timeline > seen_.postgres.timeline; })) {
      broken("S11", "a primary asks for the lease though a member is on a higher timeline");
    }
  }

  void check_standby_that_acquires() {
    const DynamicSettings& dynamic = seen_.dynamic();
    if (seen_.settings->tags.nofailover() && !asked_for_me(seen_)) broken("S10", "a node tagged nofailover asks for the lease");
    const bool watchdog_is_missing = seen_.settings->watchdog.mode == WatchdogMode::kRequired && !seen_.watchdog_healthy;
    if (watchdog_is_missing && !request_steers(seen_)) broken("S10", "a node without its required watchdog asks for the lease");
    if (!request_steers(seen_)) check_automatic_race();
    if (!asked_for_me(seen_) && any_peer(seen_, decision_, [](const PeerStatus& answer) { return answer.in_recovery == false; })) {
      broken("S13", "a standby asks for the lease though a member runs as a primary");
    }
    if (dynamic.failsafe_mode && seen_.failsafe && seen_.failsafe->active(seen_.now, dynamic.timing.ttl) && seen_.failsafe->name != seen_.me() &&
        !seen_.failsafe->name.empty()) {
      broken("S14", "a standby asks for the lease though it agreed to a primary without store");
    }
  }

  void check_automatic_race() {
    const Cluster& cluster = seen_.cluster();
    const DynamicSettings& dynamic = seen_.dynamic();
    const auto allowed = static_cast<std::uint64_t>(std::max<std::int64_t>(dynamic.maximum_lag_on_failover, 0));
    if (bytes_behind(seen_.postgres.lsn, cluster.status.optime) > allowed) broken("S10", "a lagging standby asks for the lease");
    if (dynamic.check_timeline && !dynamic.standby_cluster && seen_.postgres.replica_timeline < cluster.timeline()) {
      broken("S11", "a standby of an old timeline asks for the lease");
    }
    if (dynamic.failsafe_mode && cluster.failsafe && !cluster.failsafe->empty() && !cluster.failsafe->contains(seen_.me())) {
      broken("S10", "a node outside the failsafe topology asks for the lease");
    }
    if (!dynamic.synchronous() || !cluster.sync.active()) return;
    const bool counts_votes = dynamic.synchronous_mode == SynchronousMode::kQuorum || cluster.sync.quorum > 0;
    if (!counts_votes && !is_in_sync_set(cluster.sync, seen_.me())) broken("S10", "a node outside the synchronous set asks for the lease");
    if (counts_votes && !has_votes()) broken("S6", "a node asks for the lease without the votes of the synchronous set");
  }

  // A vote is a member of the set that answered, is in recovery, and does not claim to be further than we are. Positions
  // on other timelines are left to the tables: only what is certainly no vote is refused here.
  bool has_votes() const {
    const SyncKey& sync = seen_.cluster().sync;
    if (same_name(sync.leader, seen_.me())) return true;
    int votes = is_in_sync_set(sync, seen_.me()) ? 0 : -1;
    for (const auto& [name, answer] : seen_.peers) {
      const bool counts = answer.reachable && answer.lsn.known() && answer.asked_at >= decision_.memory.leaderless_since;
      const bool is_certainly_ahead = answer.timeline == seen_.postgres.replica_timeline && answer.lsn > seen_.postgres.lsn;
      if (counts && !is_certainly_ahead && is_in_sync_set(sync, name)) ++votes;
    }
    return votes >= sync.quorum;
  }

  static bool starts_a_server(TaskKind kind) {
    return kind == TaskKind::kStart || kind == TaskKind::kFollow || kind == TaskKind::kPromote || kind == TaskKind::kRestart || kind == TaskKind::kPostBootstrap;
  }

  // ---- tasks -------------------------------------------------------------------------------------------------------

  void check_task(const TaskRequest& request) {
    const Cluster& cluster = seen_.cluster();
    const bool leads = cluster.is_led_by(seen_.me()) || seen_.lease.holds(seen_.now);
    const bool paused = seen_.dynamic().pause;
    if (has_other_system() && !paused && starts_a_server(request.kind)) broken("S12", fmt::format("a node of another cluster runs {}", request.name));
    switch (request.kind) {
      case TaskKind::kPromote: check_promotion(); break;
      case TaskKind::kStart:
        if (!seen_.lease.holds(seen_.now)) broken("S4", "a primary is started without the lease");
        if (paused) broken("S16", "PostgreSQL is started in pause");
        break;
      case TaskKind::kDemote:
        if (paused && !cluster.failover) broken("S16", "a primary is demoted in pause without a request");
        break;
      case TaskKind::kBootstrap:
      case TaskKind::kBootstrapStandbyLeader:
        if (paused) broken("S16", "a cluster is created in pause");
        if (seen_.postgres.data_directory != DataDirectory::kEmpty) broken("S18", "a cluster is created over existing data");
        if (cluster.leader) broken("S18", "a cluster is created though one is led already");
        break;
      case TaskKind::kClone:
        if (paused) broken("S16", "a copy is made in pause");
        if (seen_.postgres.data_directory != DataDirectory::kEmpty) broken("S18", "existing data is replaced by a copy unasked");
        if (leads) broken("S18", "the lock holder's data is replaced");
        break;
      case TaskKind::kReinitialize:
        if (leads) broken("S18", "the lock holder's data is replaced");
        if (!cluster.leader) broken("S18", "data is replaced though there is no leader to copy");
        break;
      case TaskKind::kRewind:
        if (seen_.lease.holds(seen_.now) && !seen_.dynamic().standby_cluster) broken("S18", "the lock holder's data is rewound");
        break;
      case TaskKind::kPostBootstrap:
      case TaskKind::kFollow:
      case TaskKind::kRestart:
      case TaskKind::kCrashRecovery:
      case TaskKind::kCopySlots: break;
    }
  }

  void check_promotion() {
    const Cluster& cluster = seen_.cluster();
    if (seen_.lease.outcome != LeaseOutcome::kHeld || !seen_.lease.holds(seen_.now)) broken("S4", "a promotion without the lease");
    if (!seen_.lease.armed) broken("S4", "a promotion that the guardian does not watch");
    if (!seen_.store.fresh) broken("S4", "a promotion on a view from before the lease");
    if (!cluster.is_led_by(seen_.me())) broken("S4", "a promotion though the view shows another leader or none");
    if (seen_.lease.valid_until - seen_.now < seen_.fence_budget) broken("S4", "a promotion with too little of the lease left");
    if (seen_.dynamic().synchronous() && !same_name(cluster.sync.leader, seen_.me())) broken("S7", "a promotion before /sync names the new leader");
    const bool was_asked_for = cluster.failover && cluster.failover->candidate == seen_.me();
    if (seen_.dynamic().pause && !was_asked_for) broken("S16", "a promotion in pause that nobody asked for");
    if (seen_.dynamic().standby_cluster) broken("S16", "a promotion in a standby cluster");
  }

  void check_upstream(const std::optional<Upstream>& upstream) {
    if (!upstream) return;
    if (!upstream->name.empty() && upstream->name == seen_.me()) broken("S22", "a node is to follow itself");
    const auto& remote = seen_.dynamic().standby_cluster;
    const std::string restore = remote ? remote->restore_command : std::string();
    const std::string cleanup = remote ? remote->archive_cleanup_command : std::string();
    if (upstream->restore_command != restore || upstream->archive_cleanup_command != cleanup) {
      broken("S22", "a command that the configuration does not have is to be run");
    }
  }

  // S6, S9: with `names` in effect, at most `quorum` of the voters may lack a commit that is confirmed from now on.
  void check_overlap(const std::set<MemberName>& voters, int quorum, const SyncNames& names, std::string_view what) {
    const auto universe = lower(voters);
    auto waited = lower(names.members);
    const bool blocks_everything = waited == std::set<std::string>{"__patroni_strict_sync_replica_placeholder__"} && names.num > 0;
    if (universe.empty() || blocks_everything) return;
    const int outside = static_cast<int>(std::count_if(waited.begin(), waited.end(), [&](const std::string& name) { return !universe.contains(name); }));
    const int needed = names.kind == SyncNames::Kind::kPriority ? std::min(names.num, static_cast<int>(waited.size())) : names.num;
    const int confirmed = std::max(0, needed - outside);
    if (quorum < static_cast<int>(universe.size()) - confirmed) {
      broken("S9", fmt::format("{} would let a voter that lacks confirmed commits be promoted", what));
    }
  }

  const Observation& seen_;
  const Decision& decision_;
  std::vector<Violation> violations_;
  int tasks_ = 0;
};

}  // namespace

std::vector<Violation> check(const Observation& seen, const Decision& decision) {
  if (!seen.settings) return {};
  return Checker(seen, decision).run();
}

}  // namespace matriarch::rules
