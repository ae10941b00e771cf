// Whole command lines against a store and members made of answers.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ctl/commands/commands.hpp"
#include "ctl/member_listing.hpp"
#include "unit/ctl/desk.hpp"

namespace matriarch::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

net::HttpResponse response(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }
const std::string kA = "http://192.0.2.11:8008/patroni", kB = "http://192.0.2.12:8008/patroni", kC = "http://192.0.2.13:8008/patroni";

class Commands : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
  }
  void TearDown() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  std::string table() const { return list_members(desk.shelf.cluster, "orders", {}); }
  Desk desk;
};

// ---- the command line itself ----------------------------------------------------------------------------------------

TEST_F(Commands, UsageErrorsAreWordedAsInPatronictl) {
  struct {
    std::vector<std::string> arguments;
    const char *usage, *error;
  } const rows[] = {
      {{"lst"}, "Usage: patronictl [OPTIONS] COMMAND [ARGS]...\nTry 'patronictl --help' for help.\n\n", "No such command 'lst'."},
      {{"--nope", "list"}, "Usage: patronictl [OPTIONS] COMMAND [ARGS]...\n", "No such option '--nope'."},
      {{"-c"}, "Usage: patronictl [OPTIONS] COMMAND [ARGS]...\n", "Option '-c' requires an argument."},
      {{"list", "--nope=5"}, "Usage: patronictl list [OPTIONS] [CLUSTER_NAMES]...\nTry 'patronictl list --help' for help.\n\n", "No such option '--nope'."},
      {{"list", "--exten"}, "Usage: patronictl list", "No such option '--exten'."},
      {{"list", "-f", "xml"}, "Usage: patronictl list", "Invalid value for '--format' / '-f': 'xml' is not one of 'pretty', 'tsv', 'json', 'yaml', 'yml'."},
      {{"list", "-w", "x"}, "Usage: patronictl list", "Invalid value for '-w' / '--watch': 'x' is not a valid float."},
      {{"list", "-f"}, "Usage: patronictl list", "Option '--format' requires an argument."},
      {{"reload"}, "Usage: patronictl reload [OPTIONS] CLUSTER_NAME [MEMBER_NAMES]...", "Missing argument 'CLUSTER_NAME'."},
      {{"dsn", "-r", "master"}, "Usage: patronictl dsn", "Invalid value for '--role' / '-r': 'master' is not one of 'leader', 'primary', 'standby-leader', 'replica', 'standby', 'any'."},
      {{"flush", "orders", "everything"}, "Usage: patronictl flush", "Invalid value for '{restart|switchover}': 'everything' is not one of 'restart', 'switchover'."},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(desk.run(row.arguments), 2) << row.error;
    EXPECT_THAT(desk.err, StartsWith(row.usage));
    EXPECT_THAT(desk.err, EndsWith(std::string("Error: ") + row.error + "\n"));
    EXPECT_THAT(desk.out, IsEmpty());
  }
}

TEST_F(Commands, HelpIsForPeople) {
  EXPECT_EQ(desk.run({"--help"}), 0);
  EXPECT_THAT(desk.out, HasSubstr("switchover"));
  EXPECT_EQ(desk.run({}), 2);
  EXPECT_THAT(desk.out, HasSubstr("Commands:"));
  EXPECT_EQ(desk.run({"switchover", "--help"}), 0);
  EXPECT_THAT(desk.out, StartsWith("Usage: patronictl switchover [OPTIONS] [CLUSTER_NAME]\n\n  Switchover to a replica\n\nOptions:\n"));
  EXPECT_THAT(desk.out, HasSubstr("--leader, --primary TEXT"));
}

TEST_F(Commands, FindsTheCommandBehindGlobalOptions) {
  EXPECT_EQ(find_command({"-c", "list", "-k", "--dcs-url=x", "-dy", "topology", "list"}), "topology");
  EXPECT_EQ(find_command({"-c", "list"}), "");
  EXPECT_TRUE(is_command("why"));
  EXPECT_FALSE(is_command("patroni.yml"));
}

TEST_F(Commands, ConfigurationErrorsComeFirst) {
  EXPECT_EQ(desk.run({"-c", "/nonexistent/x.yml", "list", "--help"}), 1);
  EXPECT_EQ(desk.err, "Error: Provided config file /nonexistent/x.yml not existing or no read rights. Check the -c/--config-file parameter\n");
  EXPECT_EQ(desk.run({"-d", "kubernetes://x", "list"}), 1);
  EXPECT_EQ(desk.err, "Error: Unknown dcs scheme: kubernetes\n");
  desk.environment.erase("PATRONI_ETCD3_HOSTS");
  EXPECT_EQ(desk.run({"list"}), 1);
  EXPECT_THAT(desk.err, StartsWith("Error: Can not find suitable configuration of distributed configuration store\nAvailable implementations: consul, "));
  EXPECT_EQ(desk.run({"-d", "etcd3://x", "list"}), 0);
}

TEST_F(Commands, AStoreThatDoesNotAnswerIsNamed) {
  desk.shelf.failure = ports::StoreError{ports::StoreFailure::kUnreachable, "127.0.0.1:2379: connection refused"};
  EXPECT_EQ(desk.run({"list"}), 1);
  EXPECT_EQ(desk.err, "Error: cannot read cluster \"orders\" from etcd3 (127.0.0.1:2379: connection refused)\n");
}

// ---- look -------------------------------------------------------------------------------------------------------------

TEST_F(Commands, ListsClusters) {
  EXPECT_EQ(desk.run({"list"}), 0);
  EXPECT_EQ(desk.out, table());
  EXPECT_EQ(desk.opened, "orders");
  EXPECT_EQ(desk.run({"list", "-tf", "json", "x"}), 0);
  EXPECT_THAT(desk.out, StartsWith("2030-03-04 11:52:27\n[{\"Cluster\": \"x\", "));
  EXPECT_EQ(desk.opened, "x");
  EXPECT_EQ(desk.run({"topology", "orders"}), 0);
  EXPECT_THAT(desk.out, HasSubstr("| + pg-b "));
  desk.environment.erase("PATRONI_SCOPE");
  EXPECT_EQ(desk.run({"list"}), 0);
  EXPECT_THAT(desk.err, HasSubstr("WARNING - Listing members: No cluster names were provided"));
  EXPECT_EQ(desk.run({"history"}), 1);
  EXPECT_EQ(desk.err, "Error: No cluster name given and no scope in the configuration\n");
}

TEST_F(Commands, ShowsTheHistory) {
  EXPECT_EQ(desk.run({"history"}), 0);
  EXPECT_EQ(desk.out, "+----+-----+--------+-----------+------------+\n| TL | LSN | Reason | Timestamp | New Leader |\n+----+-----+--------+-----------+------------+\n"
                      "+----+-----+--------+-----------+------------+\n");
  desk.shelf.cluster.history = model::HistoryKey{.lines = {{model::Timeline{5}, model::Lsn{83886240}, "no recovery target specified", "", ""},
                                                           {model::Timeline{6}, model::Lsn{100663456}, "no recovery target specified", "2030-01-14T08:02:11.402113+00:00", "pg-b"},
                                                           {model::Timeline{7}, model::Lsn{5033165000}, "no recovery target specified", "2030-02-20T23:41:57.019845+00:00", "pg-a"}}};
  EXPECT_EQ(desk.run({"history", "orders"}), 0);
  EXPECT_EQ(desk.out, R"(+----+------------+------------------------------+----------------------------------+------------+
| TL |        LSN | Reason                       | Timestamp                        | New Leader |
+----+------------+------------------------------+----------------------------------+------------+
|  5 |   83886240 | no recovery target specified |                                  |            |
|  6 |  100663456 | no recovery target specified | 2030-01-14T08:02:11.402113+00:00 | pg-b       |
|  7 | 5033165000 | no recovery target specified | 2030-02-20T23:41:57.019845+00:00 | pg-a       |
+----+------------+------------------------------+----------------------------------+------------+
)");
  EXPECT_EQ(desk.run({"history", "--format=json"}), 0);
  EXPECT_THAT(desk.out, StartsWith(R"([{"TL": 5, "LSN": 83886240, "Reason": "no recovery target specified", "Timestamp": "", "New Leader": ""}, )"));
}

TEST_F(Commands, PrintsConnectionStrings) {
  EXPECT_EQ(desk.run({"dsn"}), 0);
  EXPECT_EQ(desk.out, "host=192.0.2.11 port=5432\n");
  EXPECT_EQ(desk.run({"dsn", "-r", "replica"}), 0);
  EXPECT_EQ(desk.out, "host=192.0.2.12 port=5432\n");
  EXPECT_EQ(desk.run({"dsn", "-m", "pg-d"}), 0);
  EXPECT_EQ(desk.out, "host=192.0.2.14 port=5432\n");
  EXPECT_EQ(desk.run({"dsn", "-m", "x"}), 1);
  EXPECT_EQ(desk.err, "Error: Can not find a suitable member\n");
  EXPECT_EQ(desk.run({"dsn", "-m", "x", "-r", "any"}), 1);
  EXPECT_EQ(desk.err, "Error: --role and --member are mutually exclusive options\n");
}

class Queries : public Commands {
 protected:
  Queries() {
    desk.statement = [this](const std::map<std::string, std::string>& conninfo, const std::string& sql, std::optional<bool> in_recovery) {
      asked.push_back(conninfo.at("host") + " " + sql + (in_recovery ? *in_recovery ? " standby" : " primary" : ""));
      last = conninfo;
      return outcome;
    };
  }
  std::vector<std::string> asked;
  std::map<std::string, std::string> last;
  tl::expected<StatementAnswer, StatementFailure> outcome = StatementAnswer{
      .columns = {"a", "b"}, .rows = {{1, nullptr}, {true, "x"}}, .tag = "SELECT 2"};
};

TEST_F(Queries, AskTheLeaderAndPrintWhatPythonWould) {
  EXPECT_EQ(desk.run({"query", "-c", "SELECT 1"}), 0);
  EXPECT_EQ(desk.out, "a\tb\n1\tNone\nTrue\tx\n");
  EXPECT_THAT(asked, ElementsAre("192.0.2.11 SELECT 1"));
  EXPECT_EQ(desk.run({"query", "-c", "SELECT 1", "--delimiter", ";", "-U", "me", "-d", "db"}), 0);
  EXPECT_EQ(desk.out, "a;b\n1;None\nTrue;x\n");
  EXPECT_EQ(last.at("user") + last.at("dbname"), "medb");
  EXPECT_EQ(desk.run({"query", "-c", "SELECT 1", "--format", "json"}), 0);
  EXPECT_EQ(desk.out, "[{\"a\": 1, \"b\": null}, {\"a\": true, \"b\": \"x\"}]\n");
}

TEST_F(Queries, ReadFilesAndPasswords) {
  EXPECT_EQ(desk.run({"query", "-f", "-"}, "SELECT 2"), 0);
  EXPECT_THAT(asked, ElementsAre("192.0.2.11 SELECT 2"));
  EXPECT_EQ(desk.run({"query", "-c", "x", "--password"}, "hush\n"), 0);
  EXPECT_EQ(last.at("password"), "hush");
  EXPECT_EQ(desk.out.find("hush"), std::string::npos);
  EXPECT_EQ(desk.run({"query", "-f", "/nowhere"}), 2);
  EXPECT_EQ(desk.run({"query"}), 1);
  EXPECT_EQ(desk.err, "Error: You need to specify either --command or --file\n");
  EXPECT_EQ(desk.run({"query", "-c", "x", "-f", "y"}), 1);
  EXPECT_EQ(desk.err, "Error: --file and --command are mutually exclusive options\n");
}

TEST_F(Queries, CheckWhatTheServerIs) {
  EXPECT_EQ(desk.run({"query", "-c", "x", "-r", "replica"}), 0);
  EXPECT_EQ(desk.run({"query", "-c", "x", "-r", "primary"}), 0);
  EXPECT_EQ(desk.run({"query", "-c", "x", "-m", "pg-d"}), 0);
  EXPECT_THAT(asked, ElementsAre("192.0.2.12 x standby", "192.0.2.11 x primary", "192.0.2.14 x"));
}

TEST_F(Queries, FailuresAreRowsForPatronisToolAndErrorsForOurs) {
  outcome = tl::unexpected(StatementFailure{.connected = true, .sqlstate = "42601", .what = "syntax error"});
  EXPECT_EQ(desk.run({"query", "-c", "x"}), 0);
  EXPECT_THAT(desk.out, ::testing::EndsWith("\tERROR, SQLSTATE: 42601\n"));
  outcome = tl::unexpected(StatementFailure{.what = "refused"});
  EXPECT_EQ(desk.run({"query", "-c", "x", "-r", "replica"}), 0);
  EXPECT_THAT(desk.out, ::testing::EndsWith("\tNo connection to role 'replica' is available\n"));
  EXPECT_EQ(asked.size(), 2u);
  desk.program = "matriarch";
  EXPECT_EQ(desk.run({"query", "-c", "x", "-r", "replica"}), 1);
  EXPECT_GT(asked.size(), 3u);  // the next one of the role
  EXPECT_THAT(desk.err, HasSubstr("refused"));
  outcome = StatementAnswer{.columns = {}, .rows = {}, .tag = "INSERT 0 1"};
  EXPECT_EQ(desk.run({"query", "-c", "x"}), 0);
  EXPECT_EQ(desk.out, "INSERT 0 1\n");
}

TEST_F(Commands, AsksMembersForTheirVersions) {
  EXPECT_EQ(desk.run({"version"}), 0);
  EXPECT_EQ(desk.out, "patronictl version 4.1.4\n");
  desk.answer = [](const Call& call) -> std::optional<net::HttpResponse> {
    if (call.api_url == kA) return response(200, R"({"server_version":160004,"patroni":{"version":"4.1.4"}})");
    if (call.api_url == kB) return response(503, R"({"server_version":90624,"patroni":{"version":"3.0.2"}})");
    if (call.api_url == kC) return response(200, R"({"patroni":{"version":"4.1.4"}})");
    return std::nullopt;
  };
  EXPECT_EQ(desk.run({"version", "orders"}), 0);
  EXPECT_EQ(desk.out, "patronictl version 4.1.4\n\npg-a: Patroni 4.1.4 PostgreSQL 16.4\npg-b: Patroni 3.0.2 PostgreSQL 9.6.24\npg-c: Patroni 4.1.4\n"
                      "pg-d: failed to get version: connection refused\n");
}

// ---- switchover and failover ---------------------------------------------------------------------------------------

TEST_F(Commands, SwitchesOverWithAllItsQuestions) {
  desk.answer = [](const Call&) { return response(200, "Successfully switched over to \"pg-b\""); };
  EXPECT_EQ(desk.run({"switchover", "orders"}, "\npg-b\n\ny\n"), 0) << desk.err;
  EXPECT_EQ(desk.out, "Current cluster topology\n" + table() +
                          "Primary [pg-a]: Candidate ['pg-b', 'pg-c', 'pg-d'] []: When should the switchover take place (e.g. 2030-03-04T12:52 )  [now]: "
                          "Are you sure you want to switchover cluster orders, demoting current leader pg-a? [y/N]: "
                          "2030-03-04 11:52:27.50978 Successfully switched over to \"pg-b\"\n" + table());
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kA + R"( switchover {"candidate": "pg-b", "leader": "pg-a"})"));
}

TEST_F(Commands, SchedulesASwitchover) {
  desk.answer = [](const Call&) { return response(202, "Switchover scheduled"); };
  EXPECT_EQ(desk.run({"switchover", "--candidate", "pg-b", "--scheduled", "2030-03-04T12:52"}, "pg-a\ny\n"), 0) << desk.err;
  EXPECT_THAT(desk.out, HasSubstr("Are you sure you want to schedule switchover of cluster orders at 2030-03-04T12:52:00+01:00, demoting current leader pg-a? [y/N]: "));
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kA + R"( switchover {"candidate": "pg-b", "leader": "pg-a", "scheduled_at": "2030-03-04T12:52:00+01:00"})"));
}

TEST_F(Commands, RefusesWhatCannotBe) {
  struct {
    std::vector<std::string> arguments;
    const char *input, *error;
  } const rows[] = {
      {{"switchover", "--leader", "pg-b"}, "", "Member pg-b is not the leader of cluster orders"},
      {{"switchover", "--candidate", "pg-a", "--force"}, "", "Member pg-a is already the leader of cluster orders"},
      {{"switchover", "--candidate", "x", "--force"}, "", "Member x does not exist in cluster orders or is tagged as nofailover"},
      {{"failover", "--force"}, "", "Failover could be performed only to a specific candidate"},
      {{"switchover", "--scheduled", "soonish", "--force"}, "", "Unable to parse scheduled timestamp (soonish). It should be in an unambiguous format (e.g. ISO 8601)"},
      {{"switchover"}, "\n\n\nn\n", "Aborting switchover"},
      {{"switchover", "--scheduled", "2030-05-01T00:00"}, "\n\nno\n", "Aborting scheduled switchover"},
      {{"failover", "--candidate", "pg-b"}, "N\n", "Aborting failover"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(desk.run(row.arguments, row.input), 1) << row.error;
    EXPECT_EQ(desk.err, std::string("Error: ") + row.error + "\n");
  }
  EXPECT_EQ(desk.run({"switchover"}), 1);
  EXPECT_EQ(desk.err, "\nAborted!\n") << "end of input at a prompt";
  desk.shelf.cluster.leader.reset();
  EXPECT_EQ(desk.run({"switchover", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: This cluster has no leader\n");
  EXPECT_THAT(desk.calls, IsEmpty());
}

TEST_F(Commands, AFailoverWithoutLeaderGoesToTheCandidate) {
  desk.shelf.cluster.leader.reset();
  desk.answer = [](const Call&) { return response(200, "Successfully failed over to \"pg-b\""); };
  EXPECT_EQ(desk.run({"failover", "orders", "--candidate", "pg-b", "--force"}), 0);
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kB + R"( failover {"candidate": "pg-b"})"));
}

TEST_F(Commands, AsksTwiceBeforeAnAsynchronousNodeIsPromoted) {
  desk.shelf.cluster.config->document["synchronous_mode"] = true;
  desk.shelf.cluster.sync = {.leader = model::MemberName("pg-a"), .voters = {model::MemberName("pg-c")}};
  EXPECT_EQ(desk.run({"failover", "--candidate", "pg-b"}, "n\n"), 1);
  EXPECT_THAT(desk.out, EndsWith("Are you sure you want to failover to the asynchronous node pg-b? [y/N]: "));
  EXPECT_EQ(desk.err, "Error: Aborting failover\n");
}

TEST_F(Commands, ARefusedSwitchoverIsAFailureOnlyInStrictMode) {
  desk.answer = [](const Call&) { return response(412, "leader name does not match"); };
  EXPECT_EQ(desk.run({"switchover", "--force"}), 0);
  EXPECT_THAT(desk.out, EndsWith("Switchover failed, details: 412, leader name does not match\n"));
  desk.program = "matriarch";
  EXPECT_EQ(desk.run({"switchover", "--force"}), 1);
  desk.answer = [](const Call&) { return response(503, "Switchover status unknown after 20 seconds; operation may still be in progress"); };
  EXPECT_EQ(desk.run({"switchover", "--force"}), 4);
  EXPECT_THAT(desk.out, HasSubstr("Switchover result unknown, details: 503, "));
}

TEST_F(Commands, OldServersKnowOnlyFailover) {
  desk.answer = [](const Call& call) {
    return call.endpoint == "switchover" ? response(501, "... Server does not support this operation ...") : response(200, "done");
  };
  EXPECT_EQ(desk.run({"switchover", "--force"}), 0);
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kA + R"( switchover {"candidate": null, "leader": "pg-a"})", "POST " + kA + R"( failover {"candidate": null, "leader": "pg-a"})"));
}

TEST_F(Commands, FallsBackToTheStoreWhenTheLeaderDoesNotAnswer) {
  desk.answer = [](const Call&) { return std::nullopt; };
  EXPECT_EQ(desk.run({"switchover", "--candidate", "pg-b", "--force"}), 0);
  EXPECT_THAT(desk.out, HasSubstr("2030-03-04 11:52:27.50978 Could not switchover using Patroni api, falling back to DCS\n"));
  EXPECT_THAT(desk.shelf.written, ElementsAre(R"(failover -1 {"leader":"pg-a","member":"pg-b"})"));
}

TEST_F(Commands, ALeaderThatCannotBeReachedInTimeWasToldNothing) {
  desk.answer = [](const Call&) { return std::nullopt; };
  desk.failure = {.failure = net::NetFailure::kTimedOut, .what = "connect: timed out"};
  EXPECT_EQ(desk.run({"switchover", "--candidate", "pg-b", "--force"}), 0);
  EXPECT_THAT(desk.shelf.written, ElementsAre(R"(failover -1 {"leader":"pg-a","member":"pg-b"})"));

  desk.shelf.written.clear();
  desk.failure.may_have_been_processed = true;
  EXPECT_EQ(desk.run({"switchover", "--candidate", "pg-b", "--force"}), 4);
  EXPECT_THAT(desk.err, HasSubstr("Switchover result unknown"));
  EXPECT_THAT(desk.shelf.written, testing::IsEmpty());
}

// ---- members ----------------------------------------------------------------------------------------------------------

TEST_F(Commands, ReloadsMembersOneByOneAndGoesOn) {
  desk.answer = [](const Call& call) -> std::optional<net::HttpResponse> {
    if (call.api_url == kA) return response(202, "reload scheduled");
    if (call.api_url == kB) return response(200, "");
    if (call.api_url == kC) return response(401, "not authenticated");
    return std::nullopt;
  };
  EXPECT_EQ(desk.run({"reload", "orders"}, "y\n"), 0);
  EXPECT_EQ(desk.out, table() + "Are you sure you want to reload members pg-a, pg-b, pg-c, pg-d? [y/N]: "
                                "Reload request received for member pg-a and will be processed within 10 seconds\n"
                                "No changes to apply on member pg-b\n"
                                "Failed: reload for member pg-c, status code=401, (not authenticated)\n"
                                "Failed: reload for member pg-d, connection refused\n");
  EXPECT_EQ(desk.run({"reload", "orders", "pg-b"}, "n\n"), 1);
  EXPECT_EQ(desk.err, "Error: Aborted reload\n");
  EXPECT_EQ(desk.run({"reload", "orders", "-r", "replica", "pg-a"}), 1);
  EXPECT_EQ(desk.err, "Error: No 'replica' among provided members\n");
  desk.shelf.cluster.members.clear();
  EXPECT_EQ(desk.run({"reload", "orders"}), 1);
  EXPECT_EQ(desk.err, "Error: orders cluster doesn't have any members\n");
}

TEST_F(Commands, RestartsWithConditions) {
  desk.answer = [](const Call&) { return response(200, "restarted successfully"); };
  EXPECT_EQ(desk.run({"restart", "orders", "pg-b", "--timeout", "1min"}, "\ny\n16.4\n"), 0) << desk.err;
  EXPECT_EQ(desk.out, table() + "When should the restart take place (e.g. 2030-03-04T12:52)  [now]: Are you sure you want to restart members pg-b? [y/N]: "
                                "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)  []: Success: restart on member pg-b\n");
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kB + R"( restart {"postgres_version": "16.4", "timeout": "1min"})"));
  EXPECT_EQ(desk.run({"restart", "orders", "--pg-version", "16", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 16\n");
  desk.calls.clear();
  EXPECT_EQ(desk.run({"restart", "orders", "--pending", "--force"}), 0);
  EXPECT_THAT(desk.calls, IsEmpty()) << "nobody needs one";
  desk.shelf.cluster.members[model::MemberName("pg-c")].data["pending_restart"] = true;
  EXPECT_EQ(desk.run({"restart", "orders", "--pending", "--force"}), 0);
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kC + R"( restart {"restart_pending": true})"));
  desk.calls.clear();
  EXPECT_EQ(desk.run({"restart", "orders", "--any", "--force"}), 0);
  EXPECT_EQ(desk.calls.size(), 1u);
}

TEST_F(Commands, SchedulesRestarts) {
  desk.shelf.cluster.members[model::MemberName("pg-b")].data["scheduled_restart"] = object(R"({"schedule":"x"})");
  desk.answer = [](const Call& call) { return call.method == "DELETE" ? response(200, "scheduled restart deleted") : call.api_url == kB ? response(202, "Restart scheduled") : response(409, "x"); };
  EXPECT_EQ(desk.run({"restart", "orders", "pg-b", "pg-c", "--scheduled", "2030-05-01T03:00Z", "--force"}), 0);
  EXPECT_THAT(desk.calls, ElementsAre("DELETE " + kB + " restart", "POST " + kB + R"( restart {"schedule": "2030-05-01T03:00:00+00:00"})",
                                      "POST " + kC + R"( restart {"schedule": "2030-05-01T03:00:00+00:00"})"));
  EXPECT_THAT(desk.out, EndsWith("Success: restart scheduled on member pg-b\nFailed: another restart is already scheduled on member pg-c\n"));
  desk.shelf.cluster.config->document["pause"] = true;
  EXPECT_EQ(desk.run({"restart", "orders", "--scheduled", "2030-05-01T03:00Z", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: Can't schedule restart in the paused state\n");
}

TEST_F(Commands, ReinitializesAReplica) {
  std::vector<std::string> states{"creating replica", "running"};
  desk.answer = [&](const Call& call) -> std::optional<net::HttpResponse> {
    if (call.endpoint == "reinitialize") return response(200, "reinitialize started");
    auto state = states.front();
    if (states.size() > 1) states.erase(states.begin());
    return response(200, R"({"patroni":{},"state":")" + state + "\"}");
  };
  EXPECT_EQ(desk.run({"reinit", "orders"}, "pg-b\ny\n"), 0) << desk.err;
  EXPECT_EQ(desk.out, table() + "Which member do you want to reinitialize [pg-b, pg-c, pg-d]? []: Are you sure you want to reinitialize members pg-b? [y/N]: Success: reinitialize for member pg-b\n");
  EXPECT_THAT(desk.calls, ElementsAre("POST " + kB + R"( reinitialize {"force": false, "from_leader": false})"));
  EXPECT_EQ(desk.run({"reinit", "orders", "pg-a", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: No replica among provided members\n");
  EXPECT_EQ(desk.run({"reinit", "orders", "--force"}), 0) << "nobody is chosen";
}

TEST_F(Commands, OffersToCancelWhatIsInTheWayOfAReinit) {
  desk.answer = [](const Call& call) { return call.body.find("true") == std::string::npos ? response(503, "restart already in progress") : response(200, "reinitialize started"); };
  EXPECT_EQ(desk.run({"reinit", "orders", "pg-b"}, "y\ny\n"), 0);
  EXPECT_THAT(desk.out, EndsWith("Failed: reinitialize for member pg-b, status code=503, (restart already in progress)\nDo you want to cancel it and reinitialize anyway? [y/N]: "
                                 "Success: reinitialize for member pg-b\n"));
}

TEST_F(Commands, FlushesWhatIsScheduled) {
  desk.shelf.cluster.members[model::MemberName("pg-b")].data["scheduled_restart"] = object(R"({"schedule":"x"})");
  EXPECT_EQ(desk.run({"flush", "orders", "pg-b", "pg-c", "restart", "--force"}), 0);
  EXPECT_THAT(desk.calls, ElementsAre("DELETE " + kB + " restart"));
  EXPECT_THAT(desk.out, EndsWith("Success: flush scheduled restart for member pg-b\nNo scheduled restart for member pg-c\n"));
  EXPECT_EQ(desk.run({"flush", "orders", "switchover"}), 0);
  EXPECT_EQ(desk.out, "No pending scheduled switchover\n");
  desk.shelf.cluster.failover = model::FailoverKey{.leader = model::MemberName("pg-a"), .scheduled_at = model::WallTime{}};
  desk.shelf.cluster.failover_revision = model::Revision{5};
  desk.calls.clear();
  EXPECT_EQ(desk.run({"flush", "orders", "switchover"}), 0);
  EXPECT_EQ(desk.out, "Success: scheduled switchover deleted\n");
  EXPECT_THAT(desk.calls, ElementsAre("DELETE " + kA + " switchover"));
  desk.answer = [](const Call&) { return std::nullopt; };
  EXPECT_EQ(desk.run({"flush", "orders", "switchover"}), 0);
  EXPECT_EQ(desk.out, "2030-03-04 11:52:27.50978 Could not find any accessible member of cluster orders\n");
  EXPECT_THAT(desk.shelf.written, ElementsAre("failover 5 {}"));
}

TEST_F(Commands, RemovesOnlyWithThreeAnswers) {
  EXPECT_EQ(desk.run({"remove", "orders"}, "x\n"), 1);
  EXPECT_EQ(desk.err, "Error: Cluster names specified do not match\n");
  EXPECT_EQ(desk.run({"remove", "orders"}, "orders\nyes\n"), 1);
  EXPECT_EQ(desk.err, "Error: You did not exactly type \"Yes I am aware\"\n");
  EXPECT_EQ(desk.run({"remove", "orders"}, "orders\nYes I am aware\npg-b\n"), 1);
  EXPECT_EQ(desk.err, "Error: You did not specify the current leader of the cluster\n");
  EXPECT_THAT(desk.shelf.written, IsEmpty());
  EXPECT_EQ(desk.run({"remove", "orders"}, "orders\nYes I am aware\npg-a\n"), 0);
  EXPECT_THAT(desk.shelf.written, ElementsAre("delete"));
}

// ---- pause ------------------------------------------------------------------------------------------------------------

TEST_F(Commands, PausesThroughTheFirstMemberThatAnswers) {
  desk.answer = [](const Call& call) -> std::optional<net::HttpResponse> {
    if (call.api_url == kA) return std::nullopt;
    return response(200, "{}");
  };
  EXPECT_EQ(desk.run({"pause"}), 0);
  EXPECT_EQ(desk.out, "Success: cluster management is paused\n");
  EXPECT_THAT(desk.err, HasSubstr("Member pg-a is not accessible"));
  EXPECT_THAT(desk.calls, ElementsAre("PATCH " + kA + R"( config {"pause": true})", "PATCH " + kB + R"( config {"pause": true})"));
  EXPECT_EQ(desk.run({"resume"}), 1);
  EXPECT_EQ(desk.err, "Error: Cluster is not paused\n");
  desk.answer = [](const Call&) { return response(401, "no auth header received"); };
  EXPECT_EQ(desk.run({"pause"}), 0);
  EXPECT_EQ(desk.out, "Failed: pause cluster management status code=401, (no auth header received)\n");
  desk.answer = [](const Call&) { return std::nullopt; };
  EXPECT_EQ(desk.run({"pause"}), 1);
  EXPECT_THAT(desk.err, EndsWith("Error: Can not find accessible cluster member\n"));
  desk.shelf.cluster.config->document["pause"] = true;
  EXPECT_EQ(desk.run({"pause"}), 1);
  EXPECT_EQ(desk.err, "Error: Cluster is already paused\n");
}

TEST_F(Commands, WaitsUntilEveryMemberKnowsOfThePause) {
  int reads = 0;
  desk.shelf.on_read = [&] {
    if (++reads == 2) {
      for (auto& [name, member] : desk.shelf.cluster.members) member.paused = true;
    }
  };
  EXPECT_EQ(desk.run({"pause", "--wait"}), 0);
  EXPECT_EQ(desk.out, "'pause' request sent, waiting until it is recognized by all nodes\nSuccess: cluster management is paused\n");
}

TEST_F(Commands, DemotesAClusterAndFollowsIt) {
  EXPECT_EQ(desk.run({"demote-cluster", "--primary-slot-name", "x"}), 1);
  EXPECT_EQ(desk.err, "Error: At least --host, --port or --restore-command should be specified\n");
  int reads = 0;
  desk.shelf.on_read = [&] {
    if (++reads == 2) desk.shelf.cluster.members[model::MemberName("pg-a")].role = "standby_leader";
  };
  EXPECT_EQ(desk.run({"demote-cluster", "--host", "h", "--port", "5433", "--force"}), 0) << desk.err;
  EXPECT_THAT(desk.calls, ElementsAre("PATCH " + kA + R"( config {"standby_cluster": {"host": "h", "port": 5433}})"));
  EXPECT_THAT(desk.out, HasSubstr("2030-03-04 11:52:27 cluster is unlocked: False, leader role: standby_leader, leader state: running\n2030-03-04 11:52:27 cluster is successfully demoted\n"));
  EXPECT_EQ(desk.run({"demote-cluster", "--host", "h", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: Cluster is already in the required state\n");
  desk.answer = [](const Call&) { return response(500, "no"); };
  EXPECT_EQ(desk.run({"promote-cluster", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: Failed to promote orders cluster: Failed to promote orders cluster: /config PATCH status code=500, (no)\n");
}

// ---- configuration ----------------------------------------------------------------------------------------------------

TEST_F(Commands, ShowsTheConfigurationAsYaml) {
  desk.shelf.cluster.config->document = object(R"({"ttl":30,"loop_wait":10,"postgresql":{"parameters":{"b":"on","a":5},"list":[1,2]}})");
  EXPECT_EQ(desk.run({"show-config"}), 0);
  EXPECT_EQ(desk.out, "loop_wait: 10\npostgresql:\n  list:\n  - 1\n  - 2\n  parameters:\n    a: 5\n    b: 'on'\nttl: 30\n\n");
  desk.shelf.cluster.config.reset();
  EXPECT_EQ(desk.run({"show-config"}), 0);
  EXPECT_EQ(desk.out, "");
}

TEST_F(Commands, EditsTheConfigurationByOptions) {
  desk.shelf.cluster.config->document = object(R"({"ttl":30,"loop_wait":10,"maximum_lag_on_failover":1048576,"postgresql":{"parameters":{"x":1}}})");
  EXPECT_EQ(desk.run({"edit-config", "-s", "loop_wait=5"}, "y\n"), 0) << desk.err;
  EXPECT_EQ(desk.out, "--- \n+++ \n@@ -1,4 +1,4 @@\n-loop_wait: 10\n+loop_wait: 5\n maximum_lag_on_failover: 1048576\n postgresql:\n   parameters:\nApply these changes? [y/N]: Configuration changed\n");
  EXPECT_THAT(desk.shelf.written, ElementsAre(R"(config 3 {"ttl":30,"loop_wait":5,"maximum_lag_on_failover":1048576,"postgresql":{"parameters":{"x":1}}})"));
  desk.shelf.written.clear();
  EXPECT_EQ(desk.run({"edit-config", "--force", "-q", "-p", "work_mem=8MB", "-p", " plpgsql.x=on", "-s", "ttl=", "-s", "postgresql.parameters.x=null"}), 0);
  EXPECT_EQ(desk.out, "Configuration changed\n");
  EXPECT_THAT(desk.shelf.written, ElementsAre(R"(config 3 {"loop_wait":10,"maximum_lag_on_failover":1048576,"postgresql":{"parameters":{"work_mem":"8MB","plpgsql.x":true}}})"));
  desk.shelf.written.clear();
  EXPECT_EQ(desk.run({"edit-config", "-s", "ttl=30"}), 0);
  EXPECT_EQ(desk.out, "Not changed\n");
  EXPECT_EQ(desk.run({"edit-config", "-s", "ttl"}), 1);
  EXPECT_EQ(desk.err, "Error: Invalid parameter setting ttl\n");
  EXPECT_EQ(desk.run({"edit-config", "--apply", "-", "-q"}, "ttl: 20\n"), 0);
  EXPECT_EQ(desk.out, "Use --force option to apply changes\n");
  EXPECT_EQ(desk.run({"edit-config", "--replace", "-", "--force", "-q"}, "ttl: 20\nx: null\n"), 0);
  EXPECT_THAT(desk.shelf.written, ElementsAre(R"(config 3 {"ttl":20})"));
  EXPECT_EQ(desk.run({"edit-config", "--apply", "-", "--force"}, "- a\n"), 1);
  EXPECT_THAT(desk.err, HasSubstr("must be a mapping"));
  desk.conflict = true;
  EXPECT_EQ(desk.run({"edit-config", "-s", "ttl=40", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: Config modification aborted due to concurrent changes\n");
  desk.shelf.cluster.config.reset();
  EXPECT_EQ(desk.run({"edit-config"}), 1);
  EXPECT_EQ(desk.err, "Error: The config key does not exist in the cluster orders\n");
}

TEST_F(Commands, AConfigurationThatNoNodeAcceptsIsNotStored) {
  desk.program = "matriarch";
  EXPECT_EQ(desk.run({"edit-config", "-s", "ttl=abc", "-s", "synchronous_node_count=abc", "--force", "-q"}), 1);
  EXPECT_THAT(desk.err, StartsWith("Error: ttl abc is not a"));
  EXPECT_EQ(desk.run({"edit-config", "-s", "synchronous_node_count=abc", "--dry-run"}), 1);
  EXPECT_THAT(desk.err, StartsWith("Error: synchronous_node_count abc is not an integer"));
  EXPECT_EQ(desk.run({"edit-config", "-s", "postgresql=hello", "--force"}), 1);
  EXPECT_THAT(desk.err, HasSubstr("Nothing was changed"));
  EXPECT_TRUE(desk.shelf.written.empty());
  EXPECT_EQ(desk.run({"edit-config", "-s", "syncronous_mode=on", "-s", "ttl=1", "--force", "-q"}), 0) << "Patroni would take it";
  EXPECT_THAT(desk.err, AllOf(HasSubstr("Warning: syncronous_mode is not a known key"), Not(HasSubstr("warning: "))));
  desk.program = "patronictl";
  EXPECT_EQ(desk.run({"edit-config", "-s", "ttl=abc", "--force"}), 0) << "as Patroni's tool it is Patroni's tool";
}

TEST_F(Commands, EditsTheConfigurationInAnEditor) {
  const auto script = std::filesystem::temp_directory_path() / ("matriarch_editor_" + std::to_string(::getpid()));
  const auto write_editor = [&](const std::string& body) {
    std::ofstream(script) << "#!/bin/sh\n" << body << "\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  };
  desk.environment["EDITOR"] = script.string();
  desk.environment["PATH"] = "/usr/bin:/bin";
  write_editor("sed -i 's/ttl: 30/ttl: 40/' \"$1\"");
  EXPECT_EQ(desk.run({"edit-config"}, "y\n"), 0) << desk.err;
  EXPECT_THAT(desk.out, HasSubstr("-ttl: 30\n+ttl: 40\n"));
  EXPECT_THAT(desk.shelf.written, ElementsAre(R"(config 3 {"ttl":40,"loop_wait":10})")) << "the order of the store is kept";
  write_editor("exit 3");
  EXPECT_EQ(desk.run({"edit-config"}), 1);
  EXPECT_EQ(desk.err, "Error: Editor exited with return code 3\n");
  write_editor("grep -q broken \"$1\" && echo 'ttl: 25' > \"$1\" || echo 'broken: [' > \"$1\"");
  EXPECT_EQ(desk.run({"edit-config", "-q"}, "y\ny\n"), 0) << "a mistake opens the editor again, with the same text";
  EXPECT_THAT(desk.shelf.written.back(), R"(config 3 {"ttl":25})");
  std::filesystem::remove(script);
}

// ---- explain ----------------------------------------------------------------------------------------------------------

TEST_F(Commands, HelpNeedsNoConfiguration) {
  desk.environment.clear();
  desk.program = "matriarch";
  for (const Command& command : all_commands()) {
    EXPECT_EQ(desk.run({std::string(command.name), "--help"}), 0) << command.name << ": " << desk.err;
    EXPECT_THAT(desk.out, HasSubstr("Usage: matriarch")) << command.name;
    EXPECT_EQ(desk.run({"-c", "/nonexistent", std::string(command.name), "--help"}), 0) << command.name << ": " << desk.err;
  }
}

TEST_F(Commands, AMistypedCommandHasANearestOne) {
  EXPECT_EQ(nearest_command("lst"), "list");
  EXPECT_EQ(nearest_command("swichover"), "switchover");
  EXPECT_EQ(nearest_command("node1.yml"), std::nullopt);
}

TEST_F(Commands, RulesArePrinted) {
  desk.environment.clear();
  EXPECT_EQ(desk.run({"rules"}), 0) << "needs no cluster";
  EXPECT_THAT(desk.out, HasSubstr("verdict (the first row that holds)"));
  EXPECT_EQ(desk.run({"rules", "--markdown"}), 0);
  EXPECT_THAT(desk.out, HasSubstr("| --- | --- |"));
}

TEST_F(Commands, WhyShowsWhatMembersDecided) {
  desk.answer = [](const Call& call) -> std::optional<net::HttpResponse> {
    if (call.api_url == kB) return std::nullopt;
    if (call.api_url == kC) return response(503, R"({"state":"running","role":"replica","patroni":{"version":"4.1.4"}})");
    if (call.endpoint.starts_with("matriarch/decisions")) {
      return response(200, R"({"current":{"table":"leader","rule":"serve","says":"no action","since":"2030-03-04T10:50:27+00:00"},
                               "recent":[{"at":"2030-03-04T10:50:27.5+00:00","rule":"promote","says":"promoting"}]})");
    }
    return response(200, R"({"lease":{"held":true,"term":5,"margin_seconds":1.5},"store":{"ok":true,"leader":"pg-a"},"postgres":{"state":"running","role":"primary","timeline":8}})");
  };
  EXPECT_EQ(desk.run({"why"}), 0);
  EXPECT_THAT(desk.out, StartsWith("pg-a  serve  (table leader, for 2 min)\n  says     no action\n"
                                   "  because  lease held (term 5), valid for 1.5 s more; store ok, leader there: pg-a; PostgreSQL running as primary, timeline 8\n  before   2030-03-04T10:50:27.5+0  promote "));
  EXPECT_THAT(desk.out, HasSubstr("pg-b  does not answer: connection refused\n"));
  EXPECT_THAT(desk.out, HasSubstr("pg-c  is a Patroni node, which does not record its decisions: running, role replica\n"));
  EXPECT_EQ(desk.run({"why", "nobody"}), 1);
  EXPECT_EQ(desk.err, "Error: nobody is not a member of orders\n");
}

TEST_F(Commands, WithoutAMajorityThisNodeExplains) {
  desk.program = "matriarch";
  desk.environment = {{"PATRONI_SCOPE", "orders"}, {"PATRONI_NAME", "pg-a"}, {"MATRIARCH_EMBEDDED_ADVERTISE", "192.0.2.11:7400"},
                      {"PATRONI_RESTAPI_LISTEN", "192.0.2.11:8008"}, {"PATRONI_RESTAPI_CONNECT_ADDRESS", "192.0.2.11:8008"}};
  desk.shelf.failure = ports::StoreError{ports::StoreFailure::kUnreachable, "etcdserver: no leader"};
  desk.embedded.status = []() -> StoreAnswer<boost::json::value> {
    return object(R"({"has_leader":false,"members":[{"name":"pg-a","address":"h1:7400","role":"voter","alive":true},{"name":"pg-b","address":"h2:7400","role":"voter","alive":false}]})");
  };
  desk.answer = [](const Call& call) -> std::optional<net::HttpResponse> {
    if (call.endpoint.starts_with("matriarch/decisions")) return response(200, R"({"current":{"rule":"store-unreachable","says":"DCS is not accessible","table":"x"},"recent":[]})");
    if (call.endpoint == "patroni") return response(503, R"({"state":"running","role":"replica","patroni":{"version":"4.1.4"},"matriarch":{}})");
    return response(200, R"({"verdict":{"rule":"store-unreachable","says":"DCS is not accessible"}})");
  };
  EXPECT_EQ(desk.run({"why"}), 0) << desk.err;
  EXPECT_THAT(desk.err, HasSubstr("(the embedded store has no majority (see matriarch store status))"));
  EXPECT_THAT(desk.err, HasSubstr("1 of 2 voters of the store does not answer: pg-b (h2:7400)"));
  EXPECT_THAT(desk.out, StartsWith("pg-a  store-unreachable"));
  EXPECT_EQ(desk.run({"why-no-leader"}), 2) << desk.err;
  EXPECT_THAT(desk.out, AllOf(HasSubstr("no majority"), HasSubstr("pg-b (h2:7400)"), HasSubstr("matriarch store status"), HasSubstr("pg-a  says store-unreachable")));
  // What is suggested finds the same cluster.
  const std::string file = testing::TempDir() + "node a.yml";
  std::ofstream(file) << "name: pg-a\n";
  EXPECT_EQ(desk.run({"-k", "-c", file, "why-no-leader"}), 2) << desk.err;
  EXPECT_THAT(desk.out, HasSubstr("matriarch -c '" + file + "' -k store status"));
  desk.answer = [](const Call&) -> std::optional<net::HttpResponse> { return std::nullopt; };
  desk.embedded.status = []() -> StoreAnswer<boost::json::value> { return tl::unexpected(std::string("no socket")); };
  EXPECT_EQ(desk.run({"why-no-leader"}), 3);
  EXPECT_EQ(desk.run({"why"}), 1);
}

TEST_F(Commands, WithoutAConfigurationItSaysWhereItLooked) {
  desk.program = "matriarch";
  desk.environment = {{"HOME", "/nonexistent"}};
  EXPECT_EQ(desk.run({"list"}), 1);
  EXPECT_THAT(desk.err, StartsWith("Error: Config is empty. Name a file with -c FILE"));
  EXPECT_THAT(desk.err, AllOf(HasSubstr("/nonexistent/.config/matriarch/matriarch.yaml"), HasSubstr("/etc/matriarch/matriarch.yaml")));
  EXPECT_EQ(desk.run({"-c", "/nonexistent.yml", "list"}), 1);
  EXPECT_THAT(desk.err, HasSubstr("No such file or directory (user "));
}

TEST_F(Commands, DurationsMayBeShort) {
  for (const char* since : {"1m", "1h30m", "1.5h", "90", "2d3h4min"}) EXPECT_EQ(desk.run({"events", "--since", since}), 0) << since << desk.err;
  for (const char* since : {"1x", "m", "1h30", "-1m", ""}) EXPECT_EQ(desk.run({"events", "--since", since}), 2) << since;
}

TEST_F(Commands, AnUnknownMemberIsNamed) {
  desk.program = "matriarch";
  EXPECT_EQ(desk.run({"restart", "orders", "pg-x", "--force"}), 1);
  EXPECT_THAT(desk.err, HasSubstr("Error: no such member: pg-x\n"));
  desk.program = "patronictl";
  EXPECT_EQ(desk.run({"restart", "orders", "pg-x", "--force"}), 1);
  EXPECT_EQ(desk.err, "Error: No 'any' among provided members\n");
}

}  // namespace
}  // namespace matriarch::ctl
