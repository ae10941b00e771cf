// What goes wrong on real machines.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "postgres/herd.hpp"
#include "postgres/small_disk.hpp"
#include "system/proc.hpp"

namespace matriarch::postgres::real {
namespace {

using ::testing::HasSubstr;

class Trouble : public ::testing::Test {
 protected:
  Directory directory;
  Loop loop;
};

TEST_F(Trouble, AFullDiskIsNamedAndLeavesNothing) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  Member second(loop, small_disk(), "node-2");
  ASSERT_TRUE(loop.run(second.instance().attach()));
  const auto cloned = loop.run(second.instance().clone({first.as_source()}, {}));
  ASSERT_FALSE(cloned);
  EXPECT_THAT(cloned.error().what, HasSubstr("No space left on device"));
  EXPECT_EQ(second.node().data_directory, model::DataDirectory::kEmpty);
}

TEST_F(Trouble, AServerWithoutRoomDoesNotStart) {
  Member first(loop, directory.path(), "node-1", [](model::Settings& s) { s.postgresql.data_dir = small_disk() + "/pg"; });
  ASSERT_TRUE(loop.run(first.instance().attach()));
  const auto outcome = loop.run(first.instance().bootstrap(*first.settings().bootstrap));
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().what, HasSubstr("No space left on device"));
  EXPECT_EQ(first.node().state, model::PostgresState::kInitdbFailed);
}

TEST_F(Trouble, ACrashedBackendMakesTheServerStartAnew) {
  Member first(loop, directory.path(), "node-1", [](model::Settings& s) { s.postgresql.parameters["restart_after_crash"] = "on"; });
  first.become_first();
  const pid_t postmaster = first.postmaster();
  ::kill(std::stoi(first.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")), SIGKILL);
  loop.until([&] { return !loop.run(first.instance().refresh(1s)) || first.node().is_starting(); });
  loop.until([&] { return first.node().state == model::PostgresState::kRunning && loop.run(first.instance().refresh(1s)).has_value(); });
  EXPECT_EQ(first.postmaster(), postmaster);
  EXPECT_TRUE(first.node().is_primary);
}

TEST_F(Trouble, BackendsDieWithAKilledPostmaster) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  // Busy, so that it does not notice by itself that its postmaster is gone.
  bool ended = false;
  boost::asio::co_spawn(loop.io, [](Conninfo conninfo, bool& done) -> boost::asio::awaitable<void> {
    auto connection = co_await Connection::open(std::move(conninfo), deadline_in(10s));
    std::string sql = "SELECT count(*) FROM generate_series(1, 1000000000000)";
    if (connection) (void)co_await (*connection)->query(std::move(sql), deadline_in(100s));
    done = true;
  }(first.conninfo(), ended), [](std::exception_ptr) {});
  std::string busy;
  loop.until([&] {
    busy = first.sql("SELECT COALESCE(string_agg(pid::text, ''), '') FROM pg_stat_activity WHERE query LIKE '%1000000000000%' AND pid <> pg_backend_pid()");
    return !busy.empty();
  });
  ::kill(first.postmaster(), SIGKILL);
  loop.until([&] { return !first.node().is_running; });
  loop.until([&] {
    const auto stat = system::process_stat(std::stoi(busy));
    return ended && (!stat || stat->has_ended());
  }, 2s);
}

TEST_F(Trouble, AStoppedPostmasterIsFencedToo) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  ::kill(first.postmaster(), SIGSTOP);
  const auto began = std::chrono::steady_clock::now();
  const auto fenced = loop.run(first.instance().fence("test", 2s));
  ASSERT_TRUE(fenced) << why(fenced);
  std::printf("a stopped postmaster was fenced in %.1f ms\n", std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
  EXPECT_FALSE(first.node().is_running);
}

TEST_F(Trouble, AStopThatHangsIsEnforced) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  ::kill(first.postmaster(), SIGSTOP);
  ports::StopRequest request{.mode = ports::StopMode::kFast, .limit = 200ms};
  const auto stopped = loop.run(first.instance().stop(std::move(request)));
  ASSERT_TRUE(stopped) << why(stopped);
  EXPECT_FALSE(first.node().is_running);
}

TEST_F(Trouble, AHungServerDoesNotHangTheAgent) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  const auto file = first.postmaster();
  ASSERT_TRUE(loop.run(first.instance().refresh(1s)));
  first.sql("SELECT pg_sleep(0)");
  ::kill(std::stoi(first.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'Matriarch heartbeat'")), SIGSTOP);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(loop.run(first.instance().refresh(300ms)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
  EXPECT_TRUE(first.node().query_failed);
  EXPECT_TRUE(first.node().is_primary);  // it still runs and is our primary
  ASSERT_TRUE(loop.run(first.instance().refresh(2s)));
  EXPECT_FALSE(first.node().query_failed);
  EXPECT_EQ(first.postmaster(), file);
}

TEST_F(Trouble, AStaleLockFileOfALivingStrangerDoesNotHinderTheStart) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  ::kill(first.postmaster(), SIGKILL);
  loop.until([&] { return !first.node().is_running; });
  // Our own process has the number now, as after a restart of the machine.
  std::string content = read_text(first.data() + "/postmaster.pid");
  content.replace(0, content.find('\n'), std::to_string(::getpid()));
  write_file(first.data() + "/postmaster.pid", content);
  const auto started = loop.run(first.instance().start(model::PostgresRole::kPrimary, std::nullopt, std::nullopt));
  ASSERT_TRUE(started) << why(started);
}

TEST_F(Trouble, WithAnArchiveTheLastPositionIsTheSwitch) {
  Member first(loop, directory.path(), "node-1", [](model::Settings& s) {
    s.postgresql.parameters["archive_mode"] = "on";
    s.postgresql.parameters["archive_command"] = "/bin/true";
  });
  first.become_first();
  first.sql("CREATE TABLE t()");
  std::optional<ports::ShutdownPositions> early;
  ports::StopRequest request{.mode = ports::StopMode::kFast, .limit = 20s, .on_shutdown_checkpoint = [&](ports::ShutdownPositions positions) { early = positions; }};
  const auto stopped = loop.run(first.instance().stop(std::move(request)));
  ASSERT_TRUE(stopped) << why(stopped);
  EXPECT_LT(stopped->last, stopped->checkpoint);
  EXPECT_EQ(early.value_or(*stopped).last, stopped->last);
}

TEST_F(Trouble, AShutdownThatWaitsForTheArchiveIsKnownBeforeItsEnd) {
  const std::string gate = directory.path() + "/gate";
  Member first(loop, directory.path(), "node-1", [&](model::Settings& s) {
    s.postgresql.parameters["archive_mode"] = "on";
    s.postgresql.parameters["archive_command"] = fmt::format("while ! test -e {}; do sleep 0.05; done", gate);
  });
  first.become_first();
  first.sql("CREATE TABLE t()");
  bool running_when_told = false;
  std::optional<ports::ShutdownPositions> early;
  ports::StopRequest request{.mode = ports::StopMode::kFast, .limit = 30s, .on_shutdown_checkpoint = [&](ports::ShutdownPositions positions) {
    early = positions;
    running_when_told = first.node().is_running;
    write_file(gate, "");
  }};
  const auto stopped = loop.run(first.instance().stop(std::move(request)));
  ASSERT_TRUE(stopped) << why(stopped);
  ASSERT_TRUE(early);
  EXPECT_TRUE(running_when_told);
  EXPECT_EQ(early->checkpoint, stopped->checkpoint);
}

TEST_F(Trouble, TablespacesAreReplacedWithTheData) {
  const std::string place = directory.path() + "/space";
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  Member second(loop, directory.path(), "node-2", [&](model::Settings& s) { s.postgresql.basebackup = {fmt::format("--tablespace-mapping={0}={0}-2", place)}; });
  ASSERT_EQ(::mkdir(place.c_str(), 0700), 0);
  first.sql(fmt::format("CREATE TABLESPACE space LOCATION '{}'", place));
  first.sql("CREATE TABLE t TABLESPACE space AS SELECT 1 AS a");
  second.clone_from(first);
  second.stop();
  const auto cloned = loop.run(second.instance().clone({first.as_source()}, {}));
  ASSERT_TRUE(cloned) << why(cloned);
  EXPECT_TRUE(second.journal.has("it has tablespaces or WAL elsewhere"));
  second.follow(first);
  EXPECT_EQ(second.sql("SELECT a FROM t"), "1");
  second.stop();
  ASSERT_TRUE(loop.run(second.instance().discard_data("test")));
  EXPECT_NE(::access((place + "-2").c_str(), F_OK), 0);
}

// What an agent that was killed in the middle of a copy in place leaves behind is no data.
TEST_F(Trouble, AnUnfinishedCopyInPlaceIsNoData) {
  Member first(loop, directory.path(), "node-1"), second(loop, directory.path(), "node-2");
  first.become_first();
  std::filesystem::create_directories(second.data() + "/.clone/base");
  write_file(second.data() + "/.clone/PG_VERSION", "15");
  ASSERT_TRUE(loop.run(second.instance().attach()));
  EXPECT_EQ(second.node().data_directory, model::DataDirectory::kEmpty);
  second.clone_from(first);
  EXPECT_FALSE(std::filesystem::exists(second.data() + "/.clone"));
}

TEST_F(Trouble, PostgresqlConfIsTakenOverOnce) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  EXPECT_THAT(read_text(first.data() + "/postgresql.base.conf"), HasSubstr("max_wal_size"));
  EXPECT_THAT(read_text(first.data() + "/postgresql.conf"), HasSubstr("include 'postgresql.base.conf'"));
  EXPECT_EQ(read_text(first.data() + "/postgresql.conf.backup"), read_text(first.data() + "/postgresql.conf"));
  struct stat info {};
  Member second(loop, directory.path(), "node-2");
  second.clone_from(first);
  ASSERT_EQ(::stat(second.settings().postgresql.pgpass.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(read_text(second.settings().postgresql.pgpass), fmt::format("127.0.0.1:{}:*:replicator:rep\\:pass\n", first.settings().postgresql.port));
}

}  // namespace
}  // namespace matriarch::postgres::real
