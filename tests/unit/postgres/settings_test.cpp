// From settings to what PostgreSQL reads.
#include <gmock/gmock.h>

#include "postgres/config_text.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/guc_check.hpp"
#include "postgres/guc_table.hpp"
#include "postgres/local_address.hpp"
#include "postgres/recovery_settings.hpp"
#include "postgres/server_parameters.hpp"
#include "postgres/setting_text.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

model::Settings some_settings() {
  model::Settings settings;
  settings.scope = "demo";
  settings.name = model::MemberName("pg2");
  settings.postgresql.listen_addresses = "0.0.0.0,::1";
  settings.postgresql.port = 5433;
  settings.postgresql.config_dir = "/data/pg";
  settings.postgresql.pgpass = "/var/lib/postgresql/pgpass";
  settings.postgresql.replication = {.username = "replicator", .password = "secret", .other = {}};
  return settings;
}

ServerParameters compute(const model::Settings& settings, model::PostgresRole role, int version = 150000, const model::ControlData* control = nullptr,
                         const std::optional<std::string>& sync_names = std::nullopt) {
  return compute_parameters({.settings = settings, .role = role, .major_version = version, .control = control, .sync_names = sync_names});
}

// ---- the table -----------------------------------------------------------------------------------------------------

// With a line that is no assignment no server starts, and the configuration reaches every node.
TEST(CheckSettings, ANameThatCannotBeAssignedIsLeftOut) {
  const auto checked = check_settings({{"auto_explain.log min_duration", "0"}, {"a.b = 'c'\nport", "1"}, {".x", "1"}, {"x.", "1"}, {"", "1"}, {"pg_x.y$1", "1"}}, 150000, nullptr);
  EXPECT_THAT(checked.accepted, ElementsAre(Pair("pg_x.y$1", "1")));
  EXPECT_EQ(checked.complaints.size(), 5u);
}

TEST(GucTable, IsSortedAndWithoutContradictions) {
  const auto table = known_gucs();
  EXPECT_GT(table.size(), 400u);
  for (std::size_t i = 1; i < table.size(); ++i) {
    EXPECT_LE(to_lower(table[i - 1].name), to_lower(table[i].name));
    EXPECT_LE(table[i].min, table[i].max) << table[i].name;
  }
  for (const auto& guc : table) {
    for (const int version : {120000, 130000, 140000, 150000, 160000, 170000, 180000}) {
      const auto rows = std::count_if(table.begin(), table.end(), [&](const Guc& other) { return other.name == guc.name && other.exists_in(version); });
      EXPECT_LE(rows, 1) << guc.name << " in " << version;
    }
  }
}

TEST(GucCheck, FollowsTheVersion) {
  const std::map<std::string, std::string> settings{{"stats_temp_directory", "x"}, {"wal_compression", "zstd"}, {"huge_page_size", "2MB"}};
  const std::set<std::string> none;
  EXPECT_THAT(check_settings(settings, 140005, &none).accepted, ElementsAre(Pair("huge_page_size", "2MB"), Pair("stats_temp_directory", "x")));
  EXPECT_THAT(check_settings(settings, 150002, &none).accepted, ElementsAre(Pair("huge_page_size", "2MB"), Pair("wal_compression", "zstd")));
  EXPECT_THAT(check_settings(settings, 120010, &none).accepted, ElementsAre(Pair("stats_temp_directory", "x")));
}

TEST(GucCheck, ClampsNumbersAndDropsWhatCannotBeRead) {
  const std::set<std::string> none;
  const auto checked = check_settings({{"work_mem", "1kB"}, {"max_connections", "lots"}, {"random_page_cost", "-1"}, {"fsync", "perhaps"}, {"jit", "False"},
                                       {"wal_sync_method", "FSYNC"}, {"log_min_messages", "debug"}, {"huge_pages", "try"}, {"checkpoint_timeout", "2d"}},
                                      150000, &none);
  EXPECT_THAT(checked.accepted, ElementsAre(Pair("checkpoint_timeout", "86400"), Pair("huge_pages", "try"), Pair("jit", "False"), Pair("log_min_messages", "debug"),
                                            Pair("random_page_cost", "0"), Pair("wal_sync_method", "FSYNC"), Pair("work_mem", "64")));
  EXPECT_THAT(checked.complaints, Contains("Value=1kB of parameter=work_mem is too low, increasing to 64kB"));
  EXPECT_THAT(checked.complaints, Contains("Removing integer parameter=max_connections from the config due to the invalid value=lots"));
}

TEST(GucCheck, UnknownNamesAreLookedUpInTheServer) {
  const std::map<std::string, std::string> settings{{"my.extension", "x"}, {"brand_new", "1"}, {"nonsense", "2"}, {"primary_conninfo", "evil"}};
  EXPECT_THAT(check_settings(settings, 150000, nullptr).unknown, ElementsAre("brand_new", "nonsense"));
  const std::set<std::string> known{"brand_new"};
  const auto checked = check_settings(settings, 150000, &known);
  EXPECT_THAT(checked.accepted, ElementsAre(Pair("brand_new", "1"), Pair("my.extension", "x")));
  EXPECT_THAT(checked.complaints, ElementsAre("Removing unexpected parameter=nonsense value=2 from the config"));
}

TEST(SettingText, HumanUnitsLoseNothing) {
  EXPECT_EQ(to_human("16384", "8kB"), "128MB");
  EXPECT_EQ(to_human("300", "s"), "5min");
  EXPECT_EQ(to_human("0", "s"), "0");
  EXPECT_EQ(to_human("100", ""), "100");
  EXPECT_EQ(to_human("hello", "kB"), "hello");
}

TEST(SettingText, ValuesAreComparedByMeaning) {
  EXPECT_TRUE(same_setting("bool", "", "on", "True"));
  EXPECT_TRUE(same_setting("integer", "8kB", "16384", "128MB"));
  EXPECT_FALSE(same_setting("integer", "8kB", "16384", "129MB"));
  EXPECT_TRUE(same_setting("enum", "", "replica", "REPLICA"));
  EXPECT_FALSE(same_setting("string", "", "a", "A"));
  EXPECT_FALSE(same_setting("integer", "", "1", "one"));
}

// ---- parameters ----------------------------------------------------------------------------------------------------

TEST(Parameters, ControlledOnesHaveDefaultsAndAnOrder) {
  const auto parameters = compute(some_settings(), model::PostgresRole::kPrimary);
  EXPECT_THAT(command_line_parameters(parameters.values),
              ElementsAre("--listen_addresses=0.0.0.0,::1", "--port=5433", "--cluster_name=demo", "--wal_level=replica", "--hot_standby=on", "--max_connections=100",
                          "--max_wal_senders=10", "--max_prepared_transactions=0", "--max_locks_per_transaction=64", "--track_commit_timestamp=off",
                          "--max_replication_slots=10", "--max_worker_processes=8", "--wal_log_hints=on"));
  EXPECT_EQ(parameters.values.at("wal_keep_size"), "128MB");
  EXPECT_EQ(parameters.values.at("wal_retrieve_retry_interval"), "100ms");
}

TEST(Parameters, ControlledOnesAreChecked) {
  auto settings = some_settings();
  settings.postgresql.parameters = {{"max_connections", "10"}, {"wal_level", "minimal"}, {"Max_Wal_Senders", "20"}, {"hot_standby", "off"}, {"port", "1"},
                                    {"wal_retrieve_retry_interval", "3s"}};
  settings.postgresql.role_parameters["primary"] = {{"work_mem", "8MB"}, {"max_connections", "77"}};
  const auto parameters = compute(settings, model::PostgresRole::kPrimary);
  EXPECT_EQ(parameters.values.at("max_connections"), "100");
  EXPECT_EQ(parameters.values.at("wal_level"), "replica");
  EXPECT_EQ(parameters.values.at("max_wal_senders"), "20");
  EXPECT_EQ(parameters.values.at("hot_standby"), "on");
  EXPECT_EQ(parameters.values.at("port"), "5433");
  EXPECT_EQ(parameters.values.at("work_mem"), "8MB");
  EXPECT_EQ(parameters.values.at("wal_retrieve_retry_interval"), "3s");
  EXPECT_THAT(parameters.complaints, Contains("postgresql parameter max_connections=10 failed validation, defaulting to 100"));
  EXPECT_THAT(parameters.complaints, Contains("Role-based config attempted to override protected parameter 'max_connections', ignoring"));
  EXPECT_THAT(compute(settings, model::PostgresRole::kReplica).values, Not(Contains(Pair("work_mem", "8MB"))));
}

TEST(Parameters, WalKeepIsTranslated) {
  auto settings = some_settings();
  settings.postgresql.parameters = {{"wal_keep_segments", "10"}};
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary, 150000).values.at("wal_keep_size"), "160MB");
  settings.postgresql.parameters = {{"wal_keep_size", "1GB"}};
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary, 120000).values.at("wal_keep_segments"), "64");
}

TEST(Parameters, AStandbyNeedsWhatThePrimaryHad) {
  model::ControlData control;
  control.settings = {{"max_connections", "200"}, {"max_prepared_xacts", "0"}, {"max_locks_per_xact", "64"}, {"max_worker_processes", "8"}, {"max_wal_senders", "5"}};
  const auto standby = compute(some_settings(), model::PostgresRole::kReplica, 150000, &control);
  EXPECT_EQ(standby.values.at("max_connections"), "200");
  EXPECT_EQ(standby.values.at("max_wal_senders"), "10");
  EXPECT_THAT(standby.pending_restart, ElementsAre(Pair("max_connections", Pair("200", "100"))));
  EXPECT_EQ(compute(some_settings(), model::PostgresRole::kPrimary, 150000, &control).values.at("max_connections"), "100");
}

TEST(Parameters, SynchronousNamesBelongToTheSynchronousMode) {
  auto settings = some_settings();
  settings.postgresql.parameters["synchronous_standby_names"] = "users_own";
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary).values.at("synchronous_standby_names"), "users_own");
  settings.dynamic.synchronous_mode = model::SynchronousMode::kOn;
  EXPECT_FALSE(compute(settings, model::PostgresRole::kPrimary).values.contains("synchronous_standby_names"));
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary, 150000, nullptr, "pg1").values.at("synchronous_standby_names"), "pg1");
  settings.dynamic.synchronous_mode = model::SynchronousMode::kOff;
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary, 150000, nullptr, "pg1").values.at("synchronous_standby_names"), "pg1");
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary, 150000, nullptr, "").values.at("synchronous_standby_names"), "users_own");
  settings.dynamic.synchronous_mode = model::SynchronousMode::kOn;
  settings.dynamic.synchronous_mode_strict = true;
  EXPECT_EQ(compute(settings, model::PostgresRole::kPrimary).values.at("synchronous_standby_names"), kStrictPlaceholder);
  EXPECT_FALSE(compute(settings, model::PostgresRole::kReplica).values.contains("synchronous_standby_names"));
}

// ---- files ---------------------------------------------------------------------------------------------------------

TEST(PostgresqlConfText, WhatWasWrittenIsReadAgain) {
  const std::string text = render({.include = "base.conf", .parameters = {{"archive_command", "cp '%p' \\x"}, {"synchronous_standby_names", "FIRST 1 (\"n'2\")"}}});
  EXPECT_EQ(written_parameter(text, "synchronous_standby_names"), "FIRST 1 (\"n'2\")");
  EXPECT_EQ(written_parameter(text, "archive_command"), "cp '%p' \\x");
  EXPECT_EQ(written_parameter(text, "work_mem"), "");
  EXPECT_EQ(written_parameter("# work_mem = '1'\nwork_mem = '\nwork_mem", "work_mem"), "");
}

TEST(ConfigText, QuotesAndSorts) {
  const std::string text = render({.include = "postgresql.base.conf", .parameters = {{"port", "5433"}, {"archive_command", "cp '%p' \\x"}}, .hba_file = "/data/pg/pg_hba.conf",
                                   .ident_file = "/data/pg/pg_ident.conf", .recovery = {{"restore_command", "a\nport = 1"}}});
  EXPECT_THAT(text, HasSubstr("\ninclude 'postgresql.base.conf'\n\narchive_command = 'cp ''%p'' \\\\x'\nport = '5433'\nhba_file = '/data/pg/pg_hba.conf'\n"));
  EXPECT_THAT(text, HasSubstr("ident_file = '/data/pg/pg_ident.conf'\n\n# recovery\nrestore_command = 'a port = 1'\n"));
}

TEST(ConfigText, AutoConfLosesRecoverySettings) {
  EXPECT_EQ(without_recovery_settings("# c\nPrimary_Conninfo = 'x'\nwork_mem = '1MB'\nrestore_command 'y'\n"), "# c\nwork_mem = '1MB'\n");
  EXPECT_FALSE(without_recovery_settings("work_mem = '1MB'\n"));
}

TEST(Conninfo, IsRenderedInOrderWithoutThePassword) {
  const Conninfo conninfo{{"host", "10.0.0.1"}, {"port", "5432"}, {"user", "rep user"}, {"password", "secret"}, {"dbname", "it's"}, {"channel_binding", "prefer"}, {"sslmode", "prefer"}};
  EXPECT_EQ(render(conninfo, 150000), "dbname=it\\'s user=rep\\ user host=10.0.0.1 port=5432 sslmode=prefer channel_binding=prefer");
  EXPECT_EQ(render(conninfo, 120000), "dbname=it\\'s user=rep\\ user host=10.0.0.1 port=5432 sslmode=prefer");
  EXPECT_EQ(parse_conninfo(render(conninfo, 150000))->at("dbname"), "it's");
  EXPECT_EQ(parse_conninfo("postgres://[::1]:5433/db")->at("host"), "::1");
  EXPECT_FALSE(parse_conninfo("no such keyword"));
}

TEST(Conninfo, PassfileHasALineForEachHost) {
  EXPECT_EQ(passfile_content({{"host", "a,/tmp"}, {"port", "5432"}, {"user", "u:v"}, {"password", "p\\w"}}),
            "a:5432:*:u\\:v:p\\\\w\n/tmp:5432:*:u\\:v:p\\\\w\nlocalhost:5432:*:u\\:v:p\\\\w\n");
  EXPECT_EQ(passfile_content({{"password", "p"}}), "*:*:*:*:p\n");
  EXPECT_FALSE(passfile_content({{"host", "a"}}));
}

TEST(LocalAddress, IsWhatTheServerListensOn) {
  auto settings = some_settings();
  EXPECT_EQ(local_address(settings, {}, false), (LocalAddress{.host = "localhost", .hostaddr = "127.0.0.1", .port = "5433"}));
  settings.postgresql.listen_addresses = "10.0.0.5,10.0.0.6";
  EXPECT_EQ(local_address(settings, {}, false).host, "10.0.0.5");
  EXPECT_EQ(local_address(settings, {}, true).host, "");
  EXPECT_EQ(local_address(settings, {.pid = 1, .port = 6000, .socket_directory = "/run/x", .listen_address = "10.0.0.5"}, true),
            (LocalAddress{.host = "/run/x", .hostaddr = "", .port = "6000"}));
  settings.postgresql.listen_addresses = "";
  EXPECT_EQ(local_address(settings, {.pid = 1, .port = 6000, .socket_directory = "/run/x"}, false).host, "/run/x");
}

// ---- standby ---------------------------------------------------------------------------------------------------------

const model::Upstream kUpstream{.name = model::MemberName("pg1"), .host = "10.0.0.1", .port = "5432", .slot = "pg2"};

TEST(Recovery, WantsWhatTheDocumentSays) {
  auto settings = some_settings();
  settings.postgresql.recovery_conf = {{"restore_command", "cp /archive/%f %p"}, {"recovery_target_time", "2026"}, {"primary_slot_name", "evil"}};
  const auto wanted = wanted_recovery_settings(settings, kUpstream, 150000);
  EXPECT_EQ(wanted.at("primary_conninfo"),
            "dbname=postgres user=replicator passfile=/var/lib/postgresql/pgpass host=10.0.0.1 port=5432 sslmode=prefer application_name=pg2 "
            "gssencmode=prefer channel_binding=prefer");
  EXPECT_EQ(wanted.at("primary_slot_name"), "pg2");
  EXPECT_EQ(wanted.at("recovery_target_timeline"), "latest");
  EXPECT_EQ(wanted.at("recovery_target_time"), "");
  EXPECT_EQ(wanted.at("restore_command"), "cp /archive/%f %p");
  EXPECT_FALSE(wanted_recovery_settings(settings, std::nullopt, 150000).contains("primary_conninfo"));
}

RecoveryInEffect in_effect_as(const std::map<std::string, std::string>& wanted) {
  RecoveryInEffect in_effect{.has_standby_signal = true, .settings = wanted};
  for (const char* name : {"archive_cleanup_command", "restore_command", "recovery_min_apply_delay", "primary_conninfo", "primary_slot_name"}) in_effect.settings[name];
  return in_effect;
}

TEST(Recovery, WhatIsInEffectNeedsNoChange) {
  const auto wanted = wanted_recovery_settings(some_settings(), kUpstream, 150000);
  auto in_effect = in_effect_as(wanted);
  EXPECT_EQ(compare_recovery(in_effect, wanted, 150000), ports::FollowChange::kNothing);
  // The receiver shows the truth: more keywords, a masked password, another database.
  in_effect.receiver_runs = true;
  in_effect.receiver_slot = "pg2";
  in_effect.receiver_conninfo = "user=replicator password=******** passfile=/var/lib/postgresql/pgpass channel_binding=prefer dbname=replication host=10.0.0.1 port=5432 "
                                "application_name=pg2 fallback_application_name=demo sslmode=prefer sslcompression=0 gssencmode=prefer";
  EXPECT_EQ(compare_recovery(in_effect, wanted, 150000), ports::FollowChange::kNothing);
}

TEST(Recovery, ADifferenceCostsAReloadOrARestart) {
  const auto wanted = wanted_recovery_settings(some_settings(), kUpstream, 150000);
  auto other = kUpstream;
  other.host = "10.0.0.9";
  EXPECT_EQ(compare_recovery(in_effect_as(wanted_recovery_settings(some_settings(), other, 150000)), wanted, 150000), ports::FollowChange::kReload);
  EXPECT_EQ(compare_recovery(in_effect_as(wanted_recovery_settings(some_settings(), other, 120000)), wanted_recovery_settings(some_settings(), kUpstream, 120000), 120000),
            ports::FollowChange::kRestart);
  auto no_slot = in_effect_as(wanted);
  no_slot.settings["primary_slot_name"] = "";
  EXPECT_EQ(compare_recovery(no_slot, wanted, 150000), ports::FollowChange::kReload);
  auto target = in_effect_as(wanted);
  target.settings["recovery_target_timeline"] = "current";
  EXPECT_EQ(compare_recovery(target, wanted, 150000), ports::FollowChange::kRestart);
  auto no_signal = in_effect_as(wanted);
  no_signal.has_standby_signal = false;
  EXPECT_EQ(compare_recovery(no_signal, wanted, 150000), ports::FollowChange::kRestart);
}

TEST(Recovery, WhatAnotherFileSetsIsLeftAlone) {
  const auto wanted = wanted_recovery_settings(some_settings(), kUpstream, 150000);
  auto in_effect = in_effect_as(wanted);
  in_effect.settings["restore_command"] = "from the user's file";
  EXPECT_EQ(compare_recovery(in_effect, wanted, 150000), ports::FollowChange::kReload);
  in_effect.set_elsewhere["restore_command"] = "from the user's file";
  EXPECT_EQ(compare_recovery(in_effect, wanted, 150000), ports::FollowChange::kNothing);
}

}  // namespace
}  // namespace matriarch::postgres
