// Two and three instances: clone, follow, promote, rewind, slots.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "postgres/data_directory.hpp"
#include "postgres/herd.hpp"

namespace matriarch::postgres::real {
namespace {

using ::testing::HasSubstr;

class Replication : public ::testing::Test {
 protected:
  Directory directory;
  Loop loop;

  model::PostgresNode refreshed(Member& member) {
    const auto outcome = loop.run(member.instance().refresh(2s));
    EXPECT_TRUE(outcome) << why(outcome);
    return member.node();
  }
  void wait_for_rows(Member& member, const std::string& query, const std::string& expected) {
    loop.until([&] { return member.try_sql(query) == expected; });
  }
};

TEST_F(Replication, AStandbyIsClonedAndStreams) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  EXPECT_EQ(second.node().role, model::PostgresRole::kReplica);
  EXPECT_FALSE(second.node().is_primary);
  EXPECT_EQ(second.node().system_id, first.node().system_id);
  first.sql("CREATE TABLE t AS SELECT 1 AS a");
  wait_for_rows(second, "SELECT a FROM t", "1");
  EXPECT_EQ(refreshed(second).timeline.value, 0u);
  EXPECT_EQ(second.node().replica_timeline.value, 1u);
  const auto primary = refreshed(first);
  ASSERT_EQ(primary.wal_senders.size(), 1u);
  EXPECT_EQ(primary.wal_senders.front().application_name.text, "node-2");
  ASSERT_EQ(primary.slots.size(), 1u);
  EXPECT_TRUE(primary.slots.front().active);
  EXPECT_EQ(second.instance().follow_change(first.as_upstream(second)), ports::FollowChange::kNothing);
}

TEST_F(Replication, AStandbyChangesItsUpstreamByReload) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2"), third(loop, directory.path(), "node-3");
  first.become_first();
  second.clone_from(first);
  third.clone_from(first);
  second.sql("SELECT pg_create_physical_replication_slot('node_3', true)");
  const pid_t pid = third.postmaster();
  const auto to_second = second.as_upstream(third);
  EXPECT_EQ(third.instance().follow_change(to_second), ports::FollowChange::kReload);
  const auto followed = loop.run(third.instance().follow_by_reload(to_second));
  ASSERT_TRUE(followed) << why(followed);
  loop.until([&] {
    const auto node = refreshed(second);
    return node.wal_senders.size() == 1 && node.wal_senders.front().application_name.text == "node-3";
  });
  refreshed(third);
  EXPECT_EQ(third.postmaster(), pid);
  EXPECT_EQ(third.instance().follow_change(to_second), ports::FollowChange::kNothing);
  EXPECT_EQ(third.node().upstream, to_second);
}

TEST_F(Replication, AWalSenderThatEndsIsNoticedAtOnce) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  loop.until([&] { return refreshed(first).wal_senders.size() == 1; });
  const auto before = std::chrono::steady_clock::now();
  ::kill(first.node().wal_senders.front().pid, SIGTERM);
  loop.until([&] { return first.node().wal_senders.empty(); });
  const auto noticed = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
  std::printf("a WAL sender's end was noticed after %.2f ms\n", noticed);
  EXPECT_LT(noticed, 500);
  loop.until([&] { return std::find(first.events.begin(), first.events.end(), "a WAL sender ended") != first.events.end(); });
}

TEST_F(Replication, ReplicationResumesAfterTheReceiverEnded) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  first.stop();
  loop.until([&] { return second.node().replication_state != model::ReplicationState::kStreaming; });
  const auto started = loop.run(first.instance().start(model::PostgresRole::kPrimary, std::nullopt, std::nullopt));
  ASSERT_TRUE(started) << why(started);
  loop.until([&] { return second.node().replication_state == model::ReplicationState::kStreaming; });
}

TEST_F(Replication, SynchronousNamesAreInEffectWhenTheCallReturns) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.change_settings([](model::Settings& s) { s.dynamic.synchronous_mode = model::SynchronousMode::kOn; });
  first.become_first();
  second.clone_from(first);
  bool was_pending = false;
  std::optional<ports::PostgresResult<void>> set;
  boost::asio::co_spawn(loop.io, first.instance().set_sync_names("\"node-2\""), [&](std::exception_ptr, ports::PostgresResult<void> outcome) { set = outcome; });
  loop.until([&] {
    was_pending = was_pending || first.node().sync_names_pending;
    return set.has_value();
  });
  ASSERT_TRUE(*set) << why(*set);
  // The setting shows before the checkpointer is known to have taken it over.
  EXPECT_TRUE(was_pending);
  EXPECT_FALSE(first.node().sync_names_pending);
  EXPECT_EQ(first.sql("SHOW synchronous_standby_names"), "\"node-2\"");
  EXPECT_EQ(first.node().sync_names.members, std::set<model::MemberName>{model::MemberName("node-2")});
  loop.until([&] {
    const auto senders = first.node().wal_senders;
    return senders.size() == 1 && senders.front().sync_state == model::SyncState::kSync;
  });
  // The one who comes after must not take it away.
  first.restart_agent();
  ASSERT_TRUE(loop.run(first.instance().attach()));
  ASSERT_TRUE(loop.run(first.instance().reload()));
  EXPECT_EQ(first.sql("SHOW synchronous_standby_names"), "\"node-2\"");
}

// Whoever comes after may find a server that does not answer; a reload then must not make commits wait for nobody.
TEST_F(Replication, SynchronousNamesOutliveAnAgentWhoseServerIsSilent) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.change_settings([](model::Settings& s) { s.dynamic.synchronous_mode = model::SynchronousMode::kOn; });
  first.become_first();
  second.clone_from(first);
  ASSERT_TRUE(loop.run(first.instance().set_sync_names("\"node-2\"")));
  const pid_t postmaster = first.postmaster();
  ASSERT_EQ(::kill(postmaster, SIGSTOP), 0);  // it accepts no connection
  first.restart_agent();
  EXPECT_TRUE(loop.run(first.instance().attach()));
  EXPECT_TRUE(first.node().query_failed || first.node().is_starting());
  (void)loop.run(first.instance().reload());
  EXPECT_THAT(read_text(first.data() + "/postgresql.conf"), HasSubstr("synchronous_standby_names = '\"node-2\"'"));
  ASSERT_EQ(::kill(postmaster, SIGCONT), 0);
}

// From the request to the first accepted write, as a client sees it: one that tries all the time.
double promote_and_write(Loop& loop, Member& standby) {
  const auto began = std::chrono::steady_clock::now();
  std::optional<ports::PostgresResult<void>> promoted;
  boost::asio::co_spawn(loop.io, standby.instance().promote(10s), [&](std::exception_ptr, ports::PostgresResult<void> outcome) { promoted = outcome; });
  while (!standby.try_sql("CREATE TABLE written_by_" + standby.data().substr(standby.data().rfind('_') + 1) + "()")) {
  }
  const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  loop.until([&] { return promoted.has_value(); });
  EXPECT_TRUE(*promoted) << why(*promoted);
  return took;
}

TEST_F(Replication, PromotionTakesMillisecondsWhenThePrimaryIsDead) {
  constexpr int kRounds = 10;
  Member first(loop, directory.path(), "node_0");
  first.become_first();
  std::vector<double> times;
  for (int round = 1; round <= kRounds; ++round) {
    Member standby(loop, directory.path(), fmt::format("node_{}", round));
    standby.clone_from(first);
    ::kill(first.postmaster(), SIGKILL);
    loop.until([&] { return !first.node().is_running; });
    times.push_back(promote_and_write(loop, standby));
    EXPECT_EQ(standby.node().role, model::PostgresRole::kPrimary);
    EXPECT_TRUE(standby.node().is_primary);
    EXPECT_EQ(refreshed(standby).timeline.value, 2u);
    EXPECT_FALSE(standby.node().has_recovery_signal);
    standby.stop(ports::StopMode::kImmediate);
    const auto started = loop.run(first.instance().start(model::PostgresRole::kPrimary, std::nullopt, std::nullopt));
    ASSERT_TRUE(started) << why(started);
    first.sql(fmt::format("SELECT pg_drop_replication_slot('node_{}')", round));
  }
  std::sort(times.begin(), times.end());
  std::printf("promotion to first write: median %.0f ms, %.0f to %.0f ms, n=%d\n", times[kRounds / 2], times.front(), times.back(), kRounds);
  RecordProperty("median_ms", std::to_string(times[kRounds / 2]));
  EXPECT_LT(times[kRounds / 2], 1000);
}

TEST_F(Replication, AFormerPrimaryThatWentItsOwnWayIsRewound) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  first.sql("CREATE TABLE t(a int)");
  second.clone_from(first);
  // What the standby never gets: it is stopped while the primary goes on.
  second.stop();
  first.sql("INSERT INTO t VALUES (1)");
  ::kill(first.postmaster(), SIGKILL);
  loop.until([&] { return !first.node().is_running; });
  const auto started = loop.run(second.instance().start(model::PostgresRole::kReplica, std::nullopt, std::nullopt));
  ASSERT_TRUE(started) << why(started);
  const auto promoted = loop.run(second.instance().promote(10s));
  ASSERT_TRUE(promoted) << why(promoted);
  ASSERT_TRUE(loop.run(second.instance().checkpoint()));
  second.sql("INSERT INTO t VALUES (2)");

  // The crashed primary does not know where it ended: first its recovery, then the comparison.
  const auto recovered = loop.run(first.instance().crash_recovery());
  ASSERT_TRUE(recovered) << why(recovered);
  auto report = loop.run(first.instance().check_divergence(second.as_source(), 3s));
  EXPECT_EQ(report.verdict, model::DivergenceReport::Verdict::kNeedsRewind) << report.says;
  const auto rewound = loop.run(first.instance().rewind(second.as_source()));
  ASSERT_TRUE(rewound) << why(rewound);
  second.sql("SELECT pg_create_physical_replication_slot('node_1', true)");
  first.follow(second);
  wait_for_rows(first, "SELECT string_agg(a::text, ' ') FROM t", "2");
  report = loop.run(first.instance().check_divergence(second.as_source(), 3s));
  EXPECT_EQ(report.verdict, model::DivergenceReport::Verdict::kCompatible) << report.says;
}

TEST_F(Replication, ACleanSwitchoverNeedsNoRewind) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  ports::StopRequest request{.mode = ports::StopMode::kFast, .checkpoint_first = true, .limit = 20s};
  const auto stopped = loop.run(first.instance().stop(std::move(request)));
  ASSERT_TRUE(stopped) << why(stopped);
  loop.until([&] { return refreshed(second).lsn >= stopped->last; });
  ASSERT_TRUE(loop.run(second.instance().promote(10s)));
  ASSERT_TRUE(loop.run(second.instance().checkpoint()));
  const auto report = loop.run(first.instance().check_divergence(second.as_source(), 3s));
  EXPECT_EQ(report.verdict, model::DivergenceReport::Verdict::kCompatible) << report.says;
  second.sql("SELECT pg_create_physical_replication_slot('node_1', true)");
  first.follow(second);
  ASSERT_TRUE(loop.run(second.instance().read_history(model::Timeline{2})));
  const auto history = second.node().history;
  ASSERT_EQ(history->timeline, model::Timeline{2});
  ASSERT_EQ(history->lines.size(), 1u);
  EXPECT_EQ(history->lines.front().timeline.value, 1u);
}

TEST_F(Replication, ARewindThatCannotWorkSaysSo) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  second.stop();
  write_file(second.data() + "/global/pg_control", "nothing that PostgreSQL could read");
  const auto rewound = loop.run(second.instance().rewind(first.as_source()));
  ASSERT_FALSE(rewound);
  EXPECT_TRUE(rewound.error().impossible) << why(rewound);
}

// As after a rewind whose agent or source died in the middle.
TEST_F(Replication, HalfRewoundDataNeverStartsAndIsCopiedAnew) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  second.stop();
  ASSERT_TRUE(mark_rewinding(second.data()));

  const auto started = loop.run(second.instance().start(model::PostgresRole::kReplica, first.as_upstream(second), std::nullopt));
  ASSERT_FALSE(started);
  EXPECT_THAT(why(started), HasSubstr("between two histories"));
  const auto report = loop.run(second.instance().check_divergence(first.as_source(), 3s));
  EXPECT_EQ(report.verdict, model::DivergenceReport::Verdict::kNeedsRewind) << report.says;
  const auto rewound = loop.run(second.instance().rewind(first.as_source()));
  ASSERT_FALSE(rewound);
  EXPECT_TRUE(rewound.error().impossible) << why(rewound);
  EXPECT_EQ(second.node().data_directory, model::DataDirectory::kEmpty);

  const auto copied = loop.run(second.instance().clone({first.as_source()}, {}));
  ASSERT_TRUE(copied) << why(copied);
  second.follow(first);
  EXPECT_FALSE(is_half_rewound(second.data()));
}

// A data directory that is a mount point of its own usually has a parent that the database user cannot write to.
TEST_F(Replication, ARewindIsKnownWhereNothingCanBeWrittenBesideTheData) {
  const std::string data = directory.path() + "/closed/data";
  std::filesystem::create_directories(data);
  ::chmod((directory.path() + "/closed").c_str(), 0500);
  const bool has_attributes = ::setxattr(data.c_str(), "user.test", "1", 1, 0) == 0;
  EXPECT_FALSE(is_half_rewound(data));
  // Where there is no place for the mark, pg_rewind must not run.
  ASSERT_EQ(mark_rewinding(data).has_value(), has_attributes);
  EXPECT_EQ(is_half_rewound(data), has_attributes);
  ASSERT_TRUE(unmark_rewinding(data));
  EXPECT_FALSE(is_half_rewound(data));
  ::chmod((directory.path() + "/closed").c_str(), 0700);
}

TEST_F(Replication, OldDataStaysUntilItsReplacementIsComplete) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  second.clone_from(first);
  second.stop();
  write_file(second.data() + "/mark", "old");
  auto nowhere = first.as_source();
  nowhere.conn_url = "postgres://127.0.0.1:1/postgres";
  const auto failed = loop.run(second.instance().clone({nowhere}, {}));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().what, HasSubstr("pg_basebackup"));
  EXPECT_EQ(read_text(second.data() + "/mark"), "old");
  std::vector<std::string> reports;
  const auto cloned = loop.run(second.instance().clone({first.as_source()}, [&](std::string text) { reports.push_back(std::move(text)); }));
  ASSERT_TRUE(cloned) << why(cloned);
  EXPECT_EQ(read_text(second.data() + "/mark"), "");
  ASSERT_FALSE(reports.empty());
  EXPECT_THAT(reports.front(), HasSubstr(" of "));
  second.follow(first);
}

TEST_F(Replication, MemberSlotsFollowTheCluster) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  first.sql("SELECT pg_create_physical_replication_slot('stranger', true)");
  ASSERT_TRUE(loop.run(first.instance().refresh(2s)));
  auto view = std::make_shared<model::Cluster>();
  view->leader = model::LeaderKey{.name = model::MemberName("node-1")};
  for (const char* name : {"node-1", "node-2", "node-3"}) view->members[model::MemberName(name)].name = model::MemberName(name);
  first.change_settings([](model::Settings& s) {
    s.dynamic.slots["reporting"] = boost::json::object{{"type", "physical"}};
    s.dynamic.slots["events"] = boost::json::object{{"type", "logical"}, {"database", "postgres"}, {"plugin", "test_decoding"}};
    s.postgresql.parameters["wal_level"] = "logical";
  });
  ASSERT_TRUE(loop.run(first.instance().restart(std::nullopt)));
  const auto synced = loop.run(first.instance().sync_slots(view));
  ASSERT_TRUE(synced) << why(synced);
  EXPECT_EQ(first.sql("SELECT string_agg(slot_name, ' ' ORDER BY slot_name) FROM pg_replication_slots"), "events node_2 node_3 reporting");
}

TEST_F(Replication, ALogicalSlotIsCopiedToAStandby) {
  const auto logical = [](model::Settings& s) {
    s.postgresql.parameters["wal_level"] = "logical";
    s.dynamic.slots["events"] = boost::json::object{{"type", "logical"}, {"database", "postgres"}, {"plugin", "test_decoding"}};
  };
  Member first(loop, directory.path(), "node-1", logical), second(loop, directory.path(), "node-2", logical);
  first.become_first();
  second.clone_from(first);
  first.sql("SELECT pg_create_logical_replication_slot('events', 'test_decoding')");
  const auto position = model::parse_lsn(first.sql("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'events'"));
  auto view = std::make_shared<model::Cluster>();
  view->leader = model::LeaderKey{.name = model::MemberName("node-1")};
  for (const char* name : {"node-1", "node-2"}) view->members[model::MemberName(name)].name = model::MemberName(name);
  view->status.slots["events"] = *position;
  ASSERT_TRUE(loop.run(second.instance().sync_slots(view)));
  ASSERT_EQ(second.node().slots_to_copy, std::vector<std::string>{"events"});
  const auto copied = loop.run(second.instance().copy_logical_slots(first.as_source(), {"events"}));
  ASSERT_TRUE(copied) << why(copied);
  EXPECT_EQ(second.sql("SELECT plugin FROM pg_replication_slots WHERE slot_name = 'events'"), "test_decoding");
}

TEST_F(Replication, LowerLimitsOnAStandbyAreRaisedAndReported) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2", [](model::Settings& s) {
    s.postgresql.parameters["max_connections"] = "30";
  });
  first.become_first();
  second.clone_from(first);
  EXPECT_EQ(second.sql("SHOW max_connections"), "50");
  ASSERT_TRUE(second.node().pending_restart.contains("max_connections"));
  EXPECT_EQ(second.node().pending_restart.at("max_connections").second, "30");
}

TEST_F(Replication, AChangeThatNeedsARestartIsReported) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  first.change_settings([](model::Settings& s) {
    s.postgresql.parameters["max_connections"] = "60";
    s.postgresql.parameters["shared_buffers"] = "32MB";
    s.postgresql.parameters["work_mem"] = "5MB";
  });
  loop.until([&] { return first.node().pending_restart.size() == 2; });
  EXPECT_EQ(first.node().pending_restart.at("shared_buffers"), std::pair(std::string("16MB"), std::string("32MB")));
  EXPECT_EQ(first.node().pending_restart.at("max_connections"), std::pair(std::string("50"), std::string("60")));
  EXPECT_EQ(first.sql("SHOW work_mem"), "5MB");
  ASSERT_TRUE(loop.run(first.instance().restart(std::nullopt)));
  EXPECT_TRUE(first.node().pending_restart.empty());
  EXPECT_EQ(first.sql("SHOW shared_buffers"), "32MB");
}

}  // namespace
}  // namespace matriarch::postgres::real
