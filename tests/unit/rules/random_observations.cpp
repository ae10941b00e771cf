#include "unit/rules/random_observations.hpp"

#include <array>
#include <functional>
#include <random>

namespace matriarch::rules::testing {
namespace {

class Chaos {
 public:
  Chaos(std::uint64_t seed, Scene& scene) : random_(seed), scene_(scene) {}

  void change_something() {
    const std::array<std::function<void()>, 34> changes{
        [&] { scene_.seen.postgres.is_running = flip(); },
        [&] { scene_.seen.postgres.is_primary = scene_.seen.postgres.is_running && flip(); },
        [&] { scene_.seen.postgres.state = static_cast<PostgresState>(below(15)); },
        [&] { scene_.seen.postgres.role = static_cast<PostgresRole>(below(6)); },
        [&] { scene_.seen.postgres.lsn = lsn(); },
        [&] { scene_.seen.postgres.timeline = timeline(); },
        [&] { scene_.seen.postgres.replica_timeline = scene_.seen.postgres.received_timeline = timeline(); },
        [&] { scene_.seen.postgres.query_failed = flip(); },
        [&] { scene_.seen.postgres.observed_at = instant(); },
        [&] { scene_.seen.postgres.data_directory = static_cast<DataDirectory>(below(3)); },
        [&] { if (flip()) scene_.seen.postgres.system_id.reset(); else scene_.seen.postgres.system_id = SystemId{text()}; },
        [&] { if (flip()) scene_.seen.postgres.control.reset(); else scene_.seen.postgres.control = control(); },
        [&] { scene_.seen.postgres.sync_names = parse_sync_names(sync_text()); },
        [&] { scene_.seen.postgres.wal_senders.push_back({.application_name = name(), .sync_state = static_cast<SyncState>(below(4)), .write = lsn(), .flush = lsn(), .replay = lsn()}); },
        [&] { scene_.seen.lease.outcome = static_cast<LeaseOutcome>(below(5)); },
        [&] { scene_.seen.lease.valid_until = instant(); },
        [&] { scene_.seen.lease.term = below(200); },
        [&] { scene_.seen.lease.acquiring = flip(); },
        [&] { scene_.seen.lease.armed = flip(); },
        [&] { scene_.seen.store.reachable = flip(); },
        [&] { scene_.seen.store.fresh = flip(); },
        [&] { scene_.seen.store.under_way.insert(static_cast<WriteKind>(below(9))); },
        [&] { if (flip()) scene_.cluster.leader.reset(); else scene_.cluster.leader = LeaderKey{.name = name(), .revision = {static_cast<std::int64_t>(below(200))}}; },
        [&] { if (flip()) scene_.cluster.initialize.reset(); else scene_.cluster.initialize = flip() ? kSystemId : text(); },
        [&] { scene_.cluster.sync = {.leader = flip() ? name() : MemberName(), .voters = names(), .quorum = static_cast<int>(below(5)) - 1, .revision = {static_cast<std::int64_t>(below(100))}}; },
        [&] { if (flip()) scene_.cluster.failover.reset(); else scene_.cluster.failover = request(); },
        [&] { scene_.cluster.history = HistoryKey{.lines = {{.timeline = timeline(), .lsn = lsn(), .reason = text()}}}; },
        [&] { scene_.cluster.failsafe = std::map<MemberName, std::string>{{name(), text()}}; },
        [&] { change_member(); },
        [&] { change_settings(); },
        [&] { scene_.answers(name().text, answer()); },
        [&] { change_task(); },
        [&] { change_memory(); },
        [&] { scene_.seen.wishes.push_back({.kind = static_cast<OperatorWish::Kind>(below(5)), .id = below(9), .body = {{"role", "replica"}, {"timeout", -1}, {"schedule_us", static_cast<std::int64_t>(below(1u << 30))}, {"postgres_version", text()}}, .force = flip()}); },
    };
    changes[below(changes.size())]();
  }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

 private:
  bool flip() { return below(2) == 0; }
  Lsn lsn() { return below(4) == 0 ? Lsn{random_()} : Lsn{0x5000000 + below(3) * 600000}; }
  Timeline timeline() { return {static_cast<std::uint32_t>(below(5))}; }
  Instant instant() { return below(6) == 0 ? Instant{} : scene_.seen.now + std::chrono::milliseconds(below(60000)) - 30s; }
  MemberName name() {
    static const std::array<const char*, 9> kNames{"n1", "n2", "n3", "N1", "", "a,b", "*", "n-9", "\xff\"(\n"};
    return MemberName(kNames[below(kNames.size())]);
  }
  std::set<MemberName> names() {
    std::set<MemberName> result;
    for (std::uint64_t i = below(4); i > 0; --i) result.insert(name());
    return result;
  }
  std::string text() {
    static const std::array<const char*, 8> kTexts{"", "junk", kSystemId, "7000000000000000001", "15.9", "\xc3\x28", "99999999999999999999999999", "[]"};
    return kTexts[below(kTexts.size())];
  }
  std::string sync_text() {
    static const std::array<const char*, 9> kTexts{"", "n2", "2 (n2,n3)", "ANY 1 (n2,n3)", "*", "FIRST 9 (n2)", "ANY x (", "__patroni_strict_sync_replica_placeholder__", "\"n-9\",n1"};
    return kTexts[below(kTexts.size())];
  }
  ControlData control() {
    static const std::array<const char*, 6> kStates{"in production", "shut down", "shut down in recovery", "in archive recovery", "in crash recovery", "??"};
    return {.cluster_state = kStates[below(kStates.size())], .checkpoint_timeline = timeline(), .wal_log_hints = flip()};
  }
  FailoverKey request() {
    FailoverKey key{.leader = flip() ? name() : MemberName(), .candidate = name(), .schedule_unreadable = below(5) == 0, .revision = {static_cast<std::int64_t>(below(100))}};
    if (key.leader.empty() && key.candidate.empty()) key.leader = MemberName("n2");
    if (below(3) == 0) key.scheduled_at = WallTime(std::chrono::microseconds(static_cast<std::int64_t>(random_() >> 2)));
    if (below(3) == 0) key.scheduled_at = scene_.seen.wall_now + std::chrono::seconds(below(60)) - 30s;
    return key;
  }
  PeerStatus answer() {
    PeerStatus status{.reachable = flip(), .lsn = lsn(), .timeline = timeline(), .watchdog_failed = below(4) == 0};
    if (below(3) != 0) status.in_recovery = flip();
    if (below(4) == 0) status.tags.custom["nofailover"] = true;
    if (below(4) == 0) status.tags.custom["failover_priority"] = static_cast<std::int64_t>(random_());
    if (below(4) == 0) status.dcs_last_seen = WallTime(std::chrono::microseconds(static_cast<std::int64_t>(below(1u << 30))));
    return status;
  }
  void change_member() {
    Member& member = scene_.cluster.members[name()];
    member.state = flip() ? "running" : text();
    member.role = flip() ? "primary" : text();
    member.conn_url = flip() ? "postgres://[::1]:5432/x" : text();
    member.api_url = flip() ? "http://x/patroni" : "";
    member.timeline = timeline();
    member.checkpoint_after_promote_done = flip();
    if (flip()) member.tags.custom["replicatefrom"] = name().text;
    if (below(3) == 0) member.tags.custom["nosync"] = true;
    if (below(3) == 0) member.tags.custom["clonefrom"] = true;
  }
  void change_settings() {
    auto& dynamic = scene_.settings.dynamic;
    switch (below(12)) {
      case 0: dynamic.pause = flip(); break;
      case 1: dynamic.synchronous_mode = static_cast<SynchronousMode>(below(3)); break;
      case 2: dynamic.synchronous_mode_strict = flip(); break;
      case 3: dynamic.synchronous_node_count = static_cast<int>(below(5)) - 1; break;
      case 4: dynamic.failsafe_mode = flip(); break;
      case 5: dynamic.check_timeline = flip(); break;
      case 6: dynamic.primary_start_timeout = std::chrono::seconds(below(3)); break;
      case 7: dynamic.timing = {.ttl = std::chrono::milliseconds(below(40000)), .loop_wait = std::chrono::milliseconds(below(10000)), .retry_timeout = std::chrono::milliseconds(below(10000))}; break;
      case 8: dynamic.standby_cluster = StandbyClusterSettings{.host = text(), .restore_command = "cp"}; break;
      case 9: scene_.settings.tags.custom["nofailover"] = flip(); break;
      case 10: scene_.settings.tags.custom["replicatefrom"] = name().text; break;
      case 11: scene_.settings.watchdog.mode = WatchdogMode::kRequired; scene_.seen.watchdog_healthy = flip(); break;
    }
  }
  void change_task() {
    TaskRequest request{.kind = static_cast<TaskKind>(below(13)), .name = "task"};
    if (request.kind == TaskKind::kDemote) request.demote = static_cast<DemoteMode>(below(5));
    if (flip()) scene_.seen.task = RunningTask{.request = request, .phase = static_cast<TaskPhase>(below(6)), .cancelled = flip()};
    else scene_.seen.finished = FinishedTask{.request = request, .result = static_cast<TaskResult>(below(4)), .pre_promote_failed = flip(), .rewind_impossible = flip()};
  }
  void change_memory() {
    auto& memory = scene_.memory;
    memory.rewind = static_cast<RewindState>(below(7));
    memory.bootstrapping = below(4) == 0;
    memory.recovering = flip();
    memory.start_failed = flip();
    memory.retry_at = memory.abstain_until = instant();
    memory.failed_promotions = static_cast<int>(below(5));
    if (below(3) == 0) memory.post_bootstrap_ok = flip();
    if (below(3) == 0) memory.last_locked_view.reset();
    memory.scheduled_restart = ScheduledRestart{.at = scene_.seen.wall_now + std::chrono::seconds(below(40)) - 20s};
  }

  std::mt19937_64 random_;
  Scene& scene_;
};

}  // namespace

Scene a_random_scene(std::uint64_t seed) {
  const std::array<Scene (*)(), 6> scenes{a_healthy_leader, a_streaming_replica, a_leaderless_cluster, an_empty_node, a_crashed_leader, a_winner_before_promotion};
  Scene scene = scenes[seed % scenes.size()]();
  Chaos chaos(seed, scene);
  for (std::uint64_t changes = chaos.below(12); changes > 0; --changes) chaos.change_something();
  return scene;
}

}  // namespace matriarch::rules::testing
