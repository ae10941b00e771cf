// The user's own programs: callbacks, hooks, methods; and what happens when they are cut short.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <fmt/format.h>

#include "postgres/herd.hpp"
#include "system/proc.hpp"

namespace matriarch::postgres::real {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Scripts : public ::testing::Test {
 protected:
  Directory directory;
  Loop loop;

  // A program that appends its arguments to a file, and goes on with `more`.
  std::string script(const std::string& name, const std::string& more = "") {
    const std::string path = directory.path() + "/" + name;
    write_file(path, fmt::format("#!/bin/sh\necho \"$@\" >> {0}.called\n{1}\n", path, more), 0755);
    return path;
  }
  std::string calls(const std::string& name) { return read_text(directory.path() + "/" + name + ".called"); }
};

TEST_F(Scripts, CallbacksAndHooksRunInOrder) {
  const std::string hook = script("hook"), before_stop = script("before_stop"), pre_promote = script("pre_promote"), post = script("post");
  Member first(loop, directory.path(), "node-1", [&](model::Settings& s) {
    for (const char* event : {"on_start", "on_stop", "on_restart", "on_reload", "on_role_change"}) s.postgresql.callbacks[event] = hook + " x";
    s.postgresql.before_stop = before_stop;
    s.postgresql.pre_promote = pre_promote + " ";
    s.bootstrap->post_bootstrap = post;
  });
  first.become_first();
  EXPECT_EQ(calls("hook"), "");  // a bootstrap ends with one on_start, which the rules ask for
  EXPECT_THAT(calls("post"), StartsWith("dbname=postgres user=postgres host=localhost port="));
  ASSERT_TRUE(loop.run(first.instance().restart(std::nullopt)));
  ASSERT_TRUE(loop.run(first.instance().pre_promote()));
  first.stop();
  loop.until([&] { return calls("hook") == "x on_restart primary herd\nx on_stop primary herd\n"; });
  EXPECT_EQ(calls("before_stop"), "\n\n");
  EXPECT_EQ(calls("pre_promote"), "\n");
}

TEST_F(Scripts, AFailedPrePromoteIsAnError) {
  Member first(loop, directory.path(), "node-1", [&](model::Settings& s) { s.postgresql.pre_promote = script("pre_promote", "exit 3"); });
  const auto outcome = loop.run(first.instance().pre_promote());
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().what, HasSubstr("exited with code 3"));
}

TEST_F(Scripts, AFailedPostBootstrapIsAnError) {
  Member first(loop, directory.path(), "node-1", [&](model::Settings& s) { s.bootstrap->post_bootstrap = script("post", "exit 1"); });
  ASSERT_TRUE(loop.run(first.instance().attach()));
  ASSERT_TRUE(loop.run(first.instance().bootstrap(*first.settings().bootstrap)));
  const auto outcome = loop.run(first.instance().post_bootstrap());
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().what, HasSubstr("post_bootstrap"));
  first.stop(ports::StopMode::kImmediate);
  ASSERT_TRUE(loop.run(first.instance().set_data_aside(".failed")));
  EXPECT_EQ(first.node().data_directory, model::DataDirectory::kEmpty);
  EXPECT_EQ(read_text(first.data() + ".failed/PG_VERSION").empty(), false);
}

TEST_F(Scripts, AMissingCustomMethodDoesNotBecomeInitdb) {
  Member first(loop, directory.path(), "node-1");
  auto how = *first.settings().bootstrap;
  how.method = "restore";
  const auto outcome = loop.run(first.instance().bootstrap(how));
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().impossible);
  EXPECT_THAT(outcome.error().what, HasSubstr("bootstrap.restore.command"));
  EXPECT_EQ(first.node().state, model::PostgresState::kCustomBootstrapFailed);
}

TEST_F(Scripts, ACustomMethodRestoresAnotherCluster) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  first.sql("CREATE TABLE t AS SELECT 7 AS a");
  const std::string restore = script("restore", fmt::format("for a in \"$@\"; do case $a in --datadir=*) d=${{a#--datadir=}};; esac; done\n"
                                                            "PGPASSWORD='rep:pass' {}/pg_basebackup -D $d -X stream -c fast -h 127.0.0.1 -p {} -U replicator",
                                                            bin_dir(), first.settings().postgresql.port));
  Member second(loop, directory.path(), "node-2", [&](model::Settings& s) {
    s.scope = "restored";
    s.bootstrap->method = "restore";
    s.bootstrap->command = restore;
    s.bootstrap->parameters = {{"size", "1"}};
    s.bootstrap->recovery_conf = {{"restore_command", "/bin/false"}, {"recovery_target_action", "promote"}};
  });
  ASSERT_TRUE(loop.run(second.instance().attach()));
  const auto restored = loop.run(second.instance().bootstrap(*second.settings().bootstrap));
  ASSERT_TRUE(restored) << why(restored);
  EXPECT_THAT(calls("restore"), StartsWith(fmt::format("--scope=restored --datadir={} --size=1", second.data())));
  loop.until([&] { return second.node().state == model::PostgresState::kRunning && loop.run(second.instance().refresh(2s)) && second.node().is_primary; });
  const auto finished = loop.run(second.instance().post_bootstrap());
  ASSERT_TRUE(finished) << why(finished);
  EXPECT_EQ(second.sql("SELECT a FROM t"), "7");
  EXPECT_EQ(second.sql("SELECT timeline_id FROM pg_control_checkpoint()"), "2");
  EXPECT_THAT(read_text(second.data() + "/pg_hba.conf"), Not(HasSubstr("trust")));
}

TEST_F(Scripts, ACustomReplicaMethodGetsItsParameters) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  const std::string copy = script("copy", fmt::format("for a in \"$@\"; do case $a in --datadir=*) d=${{a#--datadir=}};; --connstring=*) c=${{a#--connstring=}};; esac; done\n"
                                                      "exec {}/pg_basebackup -D $d -X stream -c fast -d \"$c\"", bin_dir()));
  Member second(loop, directory.path(), "node-2", [&](model::Settings& s) {
    s.postgresql.create_replica_methods = {{.name = "broken", .command = "/bin/false"}, {.name = "copy", .command = copy, .parameters = {{"threads", "4"}}}};
  });
  second.clone_from(first);
  EXPECT_THAT(calls("copy"), StartsWith(fmt::format("--threads=4 --scope=herd --role=replica --datadir={} --connstring=dbname=postgres user=replicator", second.data())));
}

// It fills the same places as the old data: moving that aside and removing it afterwards would remove the new data's tablespaces.
TEST_F(Scripts, AReplicaMethodReplacesTablespacesWithTheData) {
  const std::string place = directory.path() + "/space";
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  ASSERT_EQ(::mkdir(place.c_str(), 0700), 0);
  first.sql(fmt::format("CREATE TABLESPACE space LOCATION '{}'", place));
  first.sql("CREATE TABLE t TABLESPACE space AS SELECT 1 AS a");
  const std::string copy = script("copy", fmt::format("for a in \"$@\"; do case $a in --datadir=*) d=${{a#--datadir=}};; --connstring=*) c=${{a#--connstring=}};; esac; done\n"
                                                      "exec {0}/pg_basebackup -D $d -X stream -c fast --tablespace-mapping={1}={1}-2 -d \"$c\"", bin_dir(), place));
  Member second(loop, directory.path(), "node-2", [&](model::Settings& s) { s.postgresql.create_replica_methods = {{.name = "copy", .command = copy}}; });
  second.clone_from(first);
  second.stop();
  const auto cloned = loop.run(second.instance().clone({first.as_source()}, {}));
  ASSERT_TRUE(cloned) << why(cloned);
  second.follow(first);
  EXPECT_EQ(second.sql("SELECT a FROM t"), "1");
}

// Runs until the condition holds, then cancels; true if the operation ended as cancelled.
template <typename T>
bool cancel_when(Loop& loop, boost::asio::awaitable<T> work, const std::function<bool()>& condition) {
  boost::asio::cancellation_signal signal;
  struct End {
    bool came = false;
    std::exception_ptr failure;
  };
  const auto end = std::make_shared<End>();
  boost::asio::co_spawn(loop.io, std::move(work), boost::asio::bind_cancellation_slot(signal.slot(), [end](std::exception_ptr error, T) {
    *end = {.came = true, .failure = error};
  }));
  loop.until(condition);
  signal.emit(boost::asio::cancellation_type::terminal);
  loop.until([&] { return end->came; }, 5s);
  return end->failure != nullptr;
}

TEST_F(Scripts, ACancelledHookDiesWithItsChildren) {
  const std::string pid_file = directory.path() + "/pid";
  Member first(loop, directory.path(), "node-1", [&](model::Settings& s) {
    s.postgresql.pre_promote = script("pre_promote", fmt::format("sleep 1000 & echo $! > {0}.tmp; mv {0}.tmp {0}; trap '' TERM; wait", pid_file));
  });
  EXPECT_TRUE(cancel_when(loop, first.instance().pre_promote(), [&] { return !read_text(pid_file).empty(); }));
  const int grandchild = std::stoi(read_text(pid_file));
  loop.until([&] {
    const auto stat = system::process_stat(grandchild);
    return !stat || stat->has_ended();
  });
}

TEST_F(Scripts, ACancelledCloneLeavesNothing) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  Member second(loop, directory.path(), "node-2", [](model::Settings& s) { s.postgresql.basebackup = {"--max-rate=1M"}; });
  ASSERT_TRUE(loop.run(second.instance().attach()));
  EXPECT_TRUE(cancel_when(loop, second.instance().clone({first.as_source()}, {}), [&] { return !read_text(second.data() + ".clone/PG_VERSION").empty(); }));
  struct stat info {};
  EXPECT_NE(::stat((second.data() + ".clone").c_str(), &info), 0);
  EXPECT_NE(::stat(second.data().c_str(), &info), 0);
  EXPECT_EQ(second.node().state, model::PostgresState::kStopped);
  loop.until([&] { return first.sql("SELECT count(*) FROM pg_stat_replication") == "0"; });
}

TEST_F(Scripts, ACancelledStartEndsTheYoungServer) {
  Member first(loop, directory.path(), "node-1");
  first.become_first();
  first.stop();
  // A standby whose archive never answers reaches no consistent state.
  write_file(first.data() + "/backup_label",
             fmt::format("START WAL LOCATION: 9/28000028 (file 000000010000000900000028)\nCHECKPOINT LOCATION: 9/28000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n"
                         "START TIME: 2026-01-01 00:00:00 UTC\nLABEL: x\nSTART TIMELINE: 1\n"));
  first.change_settings([](model::Settings& s) { s.postgresql.recovery_conf["restore_command"] = "sleep 1000"; });
  EXPECT_TRUE(cancel_when(loop, first.instance().start(model::PostgresRole::kReplica, std::nullopt, std::nullopt), [&] { return first.node().is_running; }));
  loop.until([&] { return !first.node().is_running; });
}

}  // namespace
}  // namespace matriarch::postgres::real
