#include "rest/health.hpp"

#include <gtest/gtest.h>

#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

using model::PostgresRole;
using model::PostgresState;
using model::SynchronousMode;

unsigned check(const Situation& situation, std::string_view target) {
  const auto reading = situation.reading();
  return health_code(status_of(reading), reading.settings->tags, parse_target(target));
}
unsigned readiness(const Situation& situation, std::string_view target = "/readiness") {
  const auto reading = situation.reading();
  return readiness_code(reading, status_of(reading), parse_target(target));
}

// The truth table of docs/rest.md, row by row; '2' is 200, '5' is 503. Columns:
// / /leader /standby-leader /replica /read-only /sync /quorum /async /read-only-sync /read-only-quorum /health /readiness
struct Row {
  const char* situation;
  std::function<void(Situation&)> make;
  const char* codes;
};

const Row kTruth[] = {
    {"1 leader with lock", [](Situation& s) { s.as_primary().with_lease(); }, "225525552222"},
    {"1 the same, paused", [](Situation& s) { s.as_primary().with_lease().paused(); }, "225525552222"},
    {"2 lock just won, promotion not finished", [](Situation& s) { s.as_replica().with_lease(); }, "225225522222"},
    {"3 leader, PostgreSQL starting", [](Situation& s) { s.as_primary().with_lease().node().state = PostgresState::kStarting; }, "225525552252"},
    {"3 leader, PostgreSQL crashed", [](Situation& s) { s.as_primary().with_lease().node().state = PostgresState::kCrashed; }, "225525552252"},
    {"3 leader, query failing", [](Situation& s) { s.as_primary().with_lease().node().query_failed = true; }, "225525552252"},
    {"4 leader, store unreachable, lease runs", [](Situation& s) { s.as_primary().with_lease().without_store(); }, "225525555522"},
    {"6 former leader, lease expired", [](Situation& s) { s.as_primary().with_lease().lease.valid_until = s.now - 1ms; }, "555555555525"},
    {"7 replica, streaming", [](Situation& s) { s.as_replica(); }, "555225525522"},
    {"8 synchronous standby", [](Situation& s) { s.as_replica().with_sync(SynchronousMode::kOn); }, "555222552522"},
    {"9 quorum standby", [](Situation& s) { s.as_replica().with_sync(SynchronousMode::kQuorum); }, "555225255222"},
    {"10 noloadbalance", [](Situation& s) { s.as_replica().settings.tags.custom["noloadbalance"] = true; }, "555555555522"},
    {"10 noloadbalance, sync", [](Situation& s) { s.as_replica().with_sync(SynchronousMode::kOn).settings.tags.custom["noloadbalance"] = true; }, "555555555522"},
    {"12 in archive recovery", [](Situation& s) { s.as_replica().node().replication_state = model::ReplicationState::kInArchiveRecovery; }, "555225525525"},
    {"12 no source of WAL", [](Situation& s) { s.as_replica().node().replication_state = model::ReplicationState::kNone; }, "555225525525"},
    {"13 replica starting", [](Situation& s) { s.as_replica().node().state = PostgresState::kStarting; }, "555555555555"},
    {"13 replica stopped", [](Situation& s) { s.as_replica().node().state = PostgresState::kStopped; }, "555555555555"},
    {"13 creating replica", [](Situation& s) { s.as_replica().node().state = PostgresState::kCreatingReplica; }, "555555555555"},
    {"13 replica, query failing", [](Situation& s) { s.as_replica().node().query_failed = true; }, "555555555555"},
    {"14 replica, no leader", [](Situation& s) { s.as_replica().cluster.leader.reset(); }, "555225525522"},
    {"14 sync standby, no leader", [](Situation& s) { s.as_replica().with_sync(SynchronousMode::kOn).cluster.leader.reset(); }, "555222552522"},
    {"15 replica, store unreachable", [](Situation& s) { s.as_replica().without_store(); }, "555225555525"},
    {"16 standby leader with lock", [](Situation& s) { s.as_replica().as_standby_cluster().with_lease().node().role = PostgresRole::kStandbyLeader; }, "522525552222"},
    {"17 replica in a standby cluster", [](Situation& s) { s.as_replica().as_standby_cluster().with_sync(SynchronousMode::kOn); }, "555225525522"},
    {"18 standby cluster, lock held, not in recovery", [](Situation& s) { s.as_primary().as_standby_cluster().with_lease(); }, "525555555522"},
    {"19 standby leader without lock", [](Situation& s) { s.as_replica().as_standby_cluster().node().role = PostgresRole::kStandbyLeader; }, "555555555522"},
    {"20 paused, store unreachable, primary", [](Situation& s) { s.as_primary().paused().without_store(); }, "225525555525"},
    {"20 the same with the lease", [](Situation& s) { s.as_primary().with_lease().paused().without_store(); }, "225525555522"},
    {"21 paused, store unreachable, standby leader",
     [](Situation& s) { s.as_replica().as_standby_cluster().paused().without_store().node().role = PostgresRole::kStandbyLeader; }, "522525555525"},
    {"22 paused, store unreachable, replica", [](Situation& s) { s.as_replica().paused().without_store(); }, "555225555525"},
    {"23 paused, store ok, primary without the lock", [](Situation& s) { s.as_primary().paused(); }, "555555555525"},
    {"shutting down", [](Situation& s) { s.as_primary().with_lease().snapshot.seen.shutting_down = true; }, "555555555555"},
};

TEST(Health, FollowsTheTruthTable) {
  const char* columns[] = {"/", "/leader", "/standby-leader", "/replica", "/read-only", "/sync", "/quorum", "/async", "/read-only-sync",
                           "/read-only-quorum", "/health"};
  for (const auto& row : kTruth) {
    Situation situation;
    row.make(situation);
    std::string codes;
    for (const char* column : columns) codes += check(situation, column) == 200 ? '2' : '5';
    codes += readiness(situation) == 200 ? '2' : '5';
    EXPECT_EQ(codes, row.codes) << row.situation;
  }
}

TEST(Health, SameChecksUnderOtherNames) {
  Situation primary;
  primary.as_primary().with_lease();
  for (const char* path : {"", "/primary", "/read-write", "/master", "/foo/leader", "//primary", "/primary/?x=1"}) EXPECT_EQ(check(primary, path), 200u) << path;
  Situation replica;
  replica.as_replica().with_sync(SynchronousMode::kOn);
  for (const char* path : {"/replica/", "/read-only/", "/healthz", "/synchronous", "/read-only-synchronous"}) EXPECT_EQ(check(replica, path), 200u) << path;
  for (const char* path : {"/sync/", "/asynchronous", "/unknown", "/Replica", "/standby_leader"}) EXPECT_EQ(check(replica, path), 503u) << path;
}

TEST(Health, LimitsLagByWhatIsReplayed) {
  Situation replica;
  replica.as_replica().node().replayed = model::Lsn{400};
  struct {
    const char* query;
    unsigned code;
  } const rows[] = {{"lag=600", 200}, {"lag=599", 503}, {"lag=1kB", 200}, {"lag=0", 503}, {"lag=-1", 503}, {"lag=1M", 200}, {"lag=", 200}, {"lag=10%20MB", 200}};
  for (const auto& row : rows) {
    for (const char* path : {"/replica?", "/read-only?", "/async?"}) EXPECT_EQ(check(replica, std::string(path) + row.query), row.code) << path << row.query;
  }
  replica.cluster.status.optime = model::Lsn{300};
  EXPECT_EQ(check(replica, "/replica?lag=-100"), 200u);
  EXPECT_EQ(check(replica, "/replica?lag=-101"), 503u);
  replica.cluster.status.optime = model::Lsn{};
  EXPECT_EQ(check(replica, "/replica?lag=0"), 200u) << "an unknown leader position limits nothing";
  replica.node().latest_end = model::Lsn{2000};
  EXPECT_EQ(check(replica, "/replica?lag=1599"), 503u) << "what the upstream reported counts";
}

TEST(Health, AsksForAReplicationState) {
  Situation replica;
  replica.as_replica();
  EXPECT_EQ(check(replica, "/replica?replication_state=streaming"), 200u);
  EXPECT_EQ(check(replica, "/replica?replication_state=in%20archive%20recovery"), 503u);
  EXPECT_EQ(check(replica, "/replica?replication_state="), 200u);
  replica.node().replication_state = model::ReplicationState::kInArchiveRecovery;
  EXPECT_EQ(check(replica, "/replica?replication_state=in+archive+recovery"), 200u);
}

TEST(Health, FiltersByTags) {
  Situation replica;
  replica.as_replica().settings.tags.custom = object(R"({"zone":"A","ssd":true,"rank":1.5,"none":null,"noloadbalance":false})");
  struct {
    const char* target;
    unsigned code;
  } const rows[] = {
      {"/replica?tag_zone=A", 200},         {"/replica?tag_zone=a", 503},  {"/replica?tag_ssd=true&tag_rank=1.5", 200},
      {"/replica?tag_ssd=True", 503},       {"/replica?tag_none=null", 503}, {"/replica?tag_missing=1", 503},
      {"/replica?tag_missing=", 200},       {"/replica?tag_noloadbalance=false", 503},
      {"/health?tag_zone=B", 503},          {"/async?tag_zone=B", 503},
  };
  for (const auto& row : rows) EXPECT_EQ(check(replica, row.target), row.code) << row.target;
  Situation primary;
  primary.as_primary().with_lease().settings.tags.custom = object(R"({"zone":"A"})");
  EXPECT_EQ(check(primary, "/primary?tag_zone=B"), 200u);
  EXPECT_EQ(check(primary, "/leader?tag_zone=B"), 200u);
  EXPECT_EQ(check(primary, "/read-only?tag_zone=B"), 503u);
}

TEST(Health, APrimaryAnswerEndsWithItsLeaseNotWithItsSnapshot) {
  Situation primary;
  primary.as_primary().with_lease();
  primary.now = primary.lease.valid_until - 1ns;
  EXPECT_EQ(check(primary, "/primary"), 200u);
  primary.now = primary.lease.valid_until;
  EXPECT_EQ(check(primary, "/primary"), 503u);
  EXPECT_EQ(status_of(primary.reading()).role, "demoted");
}

TEST(Health, BeforeTheFirstDecisionNothingIsPromised) {
  Reading reading{.settings = std::make_shared<model::Settings>(), .postgres = node_of(nullptr)};
  for (const char* path : {"/", "/leader", "/replica", "/health", "/async"}) {
    EXPECT_EQ(health_code(status_of(reading), {}, parse_target(path)), 503u) << path;
  }
}

TEST(Liveness, EndsWhenTheLoopStands) {
  Situation situation;
  situation.as_primary().with_lease();
  const auto decided = situation.snapshot.decided_at;
  const auto liveness = [&] { return liveness_code(situation.reading(), model::Instant{}); };
  situation.now = decided + 40s - 1ms;
  EXPECT_EQ(liveness(), 200u);
  situation.now = decided + 40s;
  EXPECT_EQ(liveness(), 503u);
  situation.as_replica();
  EXPECT_EQ(liveness(), 200u) << "a replica has twice the ttl";
  situation.now = decided + 70s;
  EXPECT_EQ(liveness(), 503u);
  situation.paused();
  EXPECT_EQ(liveness(), 200u);
}

TEST(Readiness, MeasuresWhatItIsAskedTo) {
  Situation replica;
  replica.as_replica();
  replica.cluster.status.optime = model::Lsn{5'000'000};
  replica.node().received = model::Lsn{4'500'000};
  EXPECT_EQ(readiness(replica), 503u) << "more than maximum_lag_on_failover behind in replay";
  EXPECT_EQ(readiness(replica, "/readiness?mode=write"), 200u);
  EXPECT_EQ(readiness(replica, "/readiness?lag=10MB"), 200u);
  EXPECT_EQ(readiness(replica, "/readiness?lag=10&mode=write"), 503u);
  EXPECT_EQ(readiness(replica, "/readiness?lag=rubbish&mode=write"), 200u);
}

TEST(Readiness, WithoutStoreTrustsTheStreamOrFailsafe) {
  Situation replica;
  replica.as_replica().without_store();
  EXPECT_EQ(readiness(replica), 503u);
  replica.snapshot.failsafe_active = true;
  EXPECT_EQ(readiness(replica), 200u);
  replica.snapshot.failsafe_active = false;
  replica.node().latest_end = model::Lsn{1000};
  EXPECT_EQ(readiness(replica), 200u);
}

}  // namespace
}  // namespace matriarch::rest
