#include "unit/rules/observations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace matriarch::rules::testing {

Scene::Scene() {
  settings.scope = "demo";
  settings.name = MemberName("n1");
  settings.bootstrap = BootstrapSettings{};
  settings.postgresql.connect_address = {.host = "10.0.0.1", .port = 5432};
  settings.restapi.connect_address = {.host = "10.0.0.1", .port = 8008};
  settings.postgresql.use_pg_rewind = true;
  settings.dynamic.document = {{"ttl", 30}};
  cluster.revision = {100};
  cluster.config = ConfigKey{.document = {{"ttl", 30}}, .valid = true, .revision = {2}};
  cluster.initialize = kSystemId;
  cluster.history = HistoryKey{.is_empty_list = true};
  cluster.status.optime = Lsn{0x5000000};
  seen.now = Instant{} + 1h;
  seen.wall_now = WallTime(std::chrono::seconds(1'790'000'000));
  seen.store.reachable = true;
  seen.lease.session.value = kMySession;
  seen.postgres.data_directory = DataDirectory::kPresent;
  seen.postgres.system_id = SystemId{kSystemId};
  seen.postgres.server_version = 150020;
  seen.postgres.observed_at = seen.now;
  seen.postgres.control = ControlData{.system_id = {kSystemId}, .cluster_state = "in production", .checkpoint_timeline = {1}, .data_checksums = true};
  memory.role_event_seen = true;
  memory.rhythm = {.member_written_at = seen.now, .status_written_at = seen.now, .slots_synced_at = seen.now, .position_noted_at = seen.now};
}

Observation Scene::observation() const {
  Observation result = seen;
  result.settings = std::make_shared<const Settings>(settings);
  result.store.cluster = std::make_shared<const Cluster>(cluster);
  return result;
}

Member& Scene::add_member(const std::string& name, const std::string& role, Lsn lsn) {
  const std::string host = "10.0.0." + name.substr(1);
  Member member{.name = MemberName(name), .conn_url = fmt::format("postgres://{}:5432/postgres", host),
                .api_url = fmt::format("http://{}:8008/patroni", host), .state = "running", .role = role, .version = "4.1.4", .lsn = lsn, .timeline = {1}};
  return cluster.members.insert_or_assign(member.name, member).first->second;
}

void Scene::led_by(const std::string& name) { cluster.leader = LeaderKey{.name = MemberName(name), .revision = {50}}; }

void Scene::answers(const std::string& name, PeerStatus status) {
  status.asked_at = seen.now - 10ms;
  seen.peers[MemberName(name)] = std::move(status);
  seen.peers_asked_at = seen.now - 10ms;
  seen.peers_complete = true;
}

namespace {

void runs_as_primary(Scene& scene) {
  auto& node = scene.seen.postgres;
  node.is_running = node.is_primary = true;
  node.state = PostgresState::kRunning;
  node.role = PostgresRole::kPrimary;
  node.lsn = Lsn{0x5000000};
  node.timeline = {1};
}

void runs_as_standby(Scene& scene) {
  auto& node = scene.seen.postgres;
  node.is_running = true;
  node.state = PostgresState::kRunning;
  node.role = PostgresRole::kReplica;
  node.lsn = node.received = node.replayed = Lsn{0x5000000};
  node.replica_timeline = node.received_timeline = {1};
  node.replication_state = ReplicationState::kStreaming;
  node.has_recovery_signal = true;
  node.upstream = Upstream{.name = MemberName("n2"), .host = "10.0.0.2", .port = "5432", .slot = "n1"};
  scene.memory.last_timeline = {1};
}

void holds_the_lease(Scene& scene) {
  scene.seen.lease = {.outcome = LeaseOutcome::kHeld, .session = {kMySession}, .term = 50, .valid_until = scene.seen.now + 25s, .armed = true, .ttl_granted = 30s};
  scene.seen.store.fresh = true;
  scene.led_by("n1");
}

void three_members(Scene& scene, const std::string& primary) {
  for (const char* name : {"n1", "n2", "n3"}) scene.add_member(name, name == primary ? "primary" : "replica", Lsn{0x5000000});
}

}  // namespace

Scene a_healthy_leader() {
  Scene scene;
  runs_as_primary(scene);
  holds_the_lease(scene);
  three_members(scene, "n1");
  scene.memory.rewind = RewindState::kCheckpointDone;
  scene.memory.request_term = 50;
  return scene;
}

Scene a_streaming_replica() {
  Scene scene;
  runs_as_standby(scene);
  three_members(scene, "n2");
  scene.led_by("n2");
  return scene;
}

Scene a_leaderless_cluster() {
  Scene scene = a_streaming_replica();
  scene.memory.last_locked_view = std::make_shared<const Cluster>(scene.cluster);
  scene.cluster.leader.reset();
  scene.memory.leaderless_since = scene.seen.now - 100ms;
  scene.answers("n2", {.error = "connection refused"});
  scene.answers("n3", a_standby_at(scene, Lsn{0x5000000}));
  return scene;
}

Scene an_empty_node() {
  Scene scene;
  scene.seen.postgres = {};
  scene.cluster = {};
  scene.cluster.revision = {1};
  scene.memory.role_event_seen = false;
  return scene;
}

Scene a_crashed_leader() {
  Scene scene = a_healthy_leader();
  scene.seen.postgres.is_running = scene.seen.postgres.is_primary = false;
  scene.seen.postgres.state = PostgresState::kCrashed;
  return scene;
}

Scene a_winner_before_promotion() {
  Scene scene = a_leaderless_cluster();
  holds_the_lease(scene);
  return scene;
}

PeerStatus a_standby_at(const Scene&, Lsn lsn) {
  return {.reachable = true, .in_recovery = true, .lsn = lsn, .timeline = {1}};
}

Decision decided(const Scene& scene) { return decide(scene.memory, scene.observation()); }
Decision decided(const House& house, const Scene& scene) { return decide(house, scene.memory, scene.observation()); }

std::optional<TaskRequest> task_in(const Decision& decision) {
  const auto tasks = actions_of<StartTask>(decision);
  if (tasks.empty()) return std::nullopt;
  return tasks.front().request;
}

std::string described(const Decision& decision) {
  return fmt::format("table {}, rule {}, path {}, duties {}, says \"{}\", {} actions, notes {}", decision.table, decision.rule, decision.path,
                     decision.duties, decision.says, decision.actions.size(), decision.notes);
}

}  // namespace matriarch::rules::testing
