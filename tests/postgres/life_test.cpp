// Birth, life and death of an instance.
#include <gmock/gmock.h>
#include <signal.h>

#include "postgres/herd.hpp"

namespace matriarch::postgres::real {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Life : public ::testing::Test {
 protected:
  Directory directory;
  Loop loop;
};

TEST_F(Life, BootstrapMakesAPrimaryWithItsUsers) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  EXPECT_EQ(first.node().state, model::PostgresState::kRunning);
  EXPECT_EQ(first.node().role, model::PostgresRole::kPrimary);
  EXPECT_TRUE(first.node().is_primary);
  EXPECT_TRUE(first.node().system_id && first.node().system_id->valid());
  EXPECT_EQ(first.node().timeline.value, 1u);
  EXPECT_EQ(first.sql("SELECT rolreplication FROM pg_roles WHERE rolname = 'replicator'"), "t");
  EXPECT_EQ(first.sql("SELECT has_function_privilege('rewinder', 'pg_read_binary_file(text)', 'EXECUTE')"), "t");
  EXPECT_EQ(first.sql("SELECT current_setting('wal_retrieve_retry_interval')"), "100ms");
  EXPECT_EQ(first.sql("SELECT source FROM pg_settings WHERE name = 'max_connections'"), "command line");
  EXPECT_EQ(first.sql("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'replicator'"), "SCRAM-SHA-256");
}

TEST_F(Life, NoPasswordReachesALogOrACommandLine) {
  Member first(loop, directory.path(), "node-1", [](model::Settings& s) { s.postgresql.parameters["log_statement"] = "all"; });
  first.become_first();
  for (const auto& line : first.journal.lines) EXPECT_THAT(line, Not(HasSubstr("rep:pass")));
  EXPECT_THAT(read_text(directory.path() + "/node-1.log"), Not(HasSubstr("rep:pass")));
  EXPECT_THAT(read_text(directory.path() + "/node-1.log"), Not(HasSubstr("SCRAM-SHA-256$")));
}

TEST_F(Life, AStoppedServerTellsWhereItEnded) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  bool no_clients = false;
  ports::StopRequest request{.mode = ports::StopMode::kFast, .checkpoint_first = true, .limit = 20s, .on_no_clients = [&] { no_clients = true; }};
  const auto stopped = loop.run(first.instance().stop(std::move(request)));
  ASSERT_TRUE(stopped) << why(stopped);
  EXPECT_TRUE(stopped->checkpoint.known());
  EXPECT_EQ(stopped->last, stopped->checkpoint);
  EXPECT_EQ(first.node().control->checkpoint_lsn, stopped->checkpoint);
  EXPECT_EQ(first.node().state, model::PostgresState::kStopped);
  EXPECT_FALSE(first.node().is_running);
  EXPECT_TRUE(no_clients);
}

TEST_F(Life, AKilledPostmasterIsNoticedAtOnce) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  const auto before = std::chrono::steady_clock::now();
  ::kill(first.postmaster(), SIGKILL);
  loop.until([&] { return !first.node().is_running; });
  const auto noticed = std::chrono::steady_clock::now() - before;
  RecordProperty("noticed_us", std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(noticed).count()));
  std::printf("a killed postmaster was noticed after %.2f ms\n", std::chrono::duration<double, std::milli>(noticed).count());
  EXPECT_LT(noticed, 100ms);
  loop.until([&] { return !first.events.empty() && first.events.back().find("postmaster ended") == 0; });
  EXPECT_THAT(first.events.back(), HasSubstr("killed by signal 9"));
}

TEST_F(Life, ACrashedPrimaryStartsAgainInPlace) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  first.sql("CREATE TABLE t AS SELECT 1 AS a");
  ::kill(first.postmaster(), SIGKILL);
  loop.until([&] { return !first.node().is_running; });
  const auto started = loop.run(first.instance().start(model::PostgresRole::kPrimary, std::nullopt, 30s));
  ASSERT_TRUE(started) << why(started);
  EXPECT_EQ(first.sql("SELECT a FROM t"), "1");
}

TEST_F(Life, AnotherAgentAdoptsARunningServer) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  const pid_t pid = first.postmaster();
  first.restart_agent();
  const auto attached = loop.run(first.instance().attach());
  ASSERT_TRUE(attached) << why(attached);
  EXPECT_EQ(first.node().state, model::PostgresState::kRunning);
  EXPECT_EQ(first.node().role, model::PostgresRole::kPrimary);
  EXPECT_EQ(first.postmaster(), pid);
  ::kill(pid, SIGKILL);
  loop.until([&] { return !first.node().is_running; });
}

TEST_F(Life, RestartKeepsTheRoleAndComesBack) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  const pid_t pid = first.postmaster();
  const auto restarted = loop.run(first.instance().restart(std::nullopt));
  ASSERT_TRUE(restarted) << why(restarted);
  EXPECT_NE(first.postmaster(), pid);
  EXPECT_EQ(first.node().role, model::PostgresRole::kPrimary);
  EXPECT_TRUE(first.node().is_primary);
}

TEST_F(Life, AFenceLeavesNobody) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  const auto fenced = loop.run(first.instance().fence("the test asked for it", 2s));
  ASSERT_TRUE(fenced) << why(fenced);
  EXPECT_FALSE(first.node().is_running);
  EXPECT_FALSE(first.try_sql("SELECT 1"));
}

TEST_F(Life, MissingProgramsAreNamed) {
  Member first(loop, directory.path(), "node-1", [](model::Settings& s) { s.postgresql.bin_dir = "/no/such/place"; });
  const auto attached = loop.run(first.instance().attach());
  ASSERT_FALSE(attached);
  EXPECT_THAT(attached.error().what, HasSubstr("/no/such/place/postgres"));
  EXPECT_THAT(attached.error().what, HasSubstr("postgresql.bin_dir"));
}

TEST_F(Life, AProgramThatIsNotPostgresIsNamed) {
  Member first(loop, directory.path(), "node-1", [](model::Settings& s) {
    s.postgresql.bin_dir = "/bin";
    s.postgresql.bin_name["postgres"] = "echo";
  });
  const auto attached = loop.run(first.instance().attach());
  ASSERT_FALSE(attached);
  EXPECT_THAT(attached.error().what, HasSubstr("/bin/echo is not PostgreSQL"));
}

TEST_F(Life, ABadConfigurationTellsWhatIsWrong) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  first.stop();
  write_file(first.data() + "/postgresql.base.conf", "shared_buffers = 'a lot'\n");
  first.change_settings([](model::Settings& s) { s.postgresql.parameters.erase("shared_buffers"); });
  const auto started = loop.run(first.instance().start(model::PostgresRole::kPrimary, std::nullopt, 10s));
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().what, HasSubstr("shared_buffers"));
  EXPECT_EQ(first.node().state, model::PostgresState::kStartFailed);
}

}  // namespace
}  // namespace matriarch::postgres::real
