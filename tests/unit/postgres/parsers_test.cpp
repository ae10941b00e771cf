#include <gmock/gmock.h>

#include "postgres/archive_command.hpp"
#include "postgres/backends.hpp"
#include "postgres/control_data.hpp"
#include "postgres/history_file.hpp"
#include "postgres/postmaster_file.hpp"
#include "postgres/text.hpp"
#include "postgres/tool_options.hpp"
#include "postgres/version.hpp"
#include "postgres/waldump.hpp"

namespace matriarch::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr const char* kControl =
    "pg_control version number:            1300\n"
    "Database system identifier:           7301234567890123456\n"
    "Database cluster state:               shut down\n"
    "pg_control last modified:             Thu 01 Jan 2026 10:00:00 AM UTC\n"
    "Latest checkpoint location:           0/1511B00\n"
    "Latest checkpoint's REDO WAL file:    000000020000000000000001\n"
    "Latest checkpoint's TimeLineID:       2\n"
    "Minimum recovery ending location:     0/0\n"
    "Min recovery ending loc's timeline:   0\n"
    "wal_log_hints setting:                on\n"
    "max_connections setting:              100\n"
    "max_prepared_xacts setting:           5\n"
    "Data page checksum version:           0\n";

TEST(ControlData, IsReadFieldByField) {
  const auto data = parse_control_data(kControl);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->system_id.text, "7301234567890123456");
  EXPECT_TRUE(data->was_cleanly_shut_down());
  EXPECT_EQ(data->checkpoint_lsn.value, 0x1511B00u);
  EXPECT_EQ(data->checkpoint_timeline.value, 2u);
  EXPECT_EQ(data->checkpoint_redo_wal_file, "000000020000000000000001");
  EXPECT_FALSE(data->min_recovery_lsn.known());
  EXPECT_TRUE(data->wal_log_hints);
  EXPECT_FALSE(data->data_checksums);
  EXPECT_EQ(data->settings.at("max_prepared_xacts"), "5");
}

TEST(ControlData, WhatIsNotControlDataIsNothing) {
  EXPECT_FALSE(parse_control_data(""));
  EXPECT_FALSE(parse_control_data("pg_controldata: error: could not open file \"/x/global/pg_control\" for reading: No such file or directory"));
  EXPECT_FALSE(parse_control_data("Database system identifier: 12\nDatabase cluster state: shut down\n"));
}

TEST(Waldump, ReadsOneRecord) {
  const auto record = parse_wal_record(
      "rmgr: XLOG        len (rec/tot):    114/   114, tx:          0, lsn: 0/01511B00, prev 0/01511A88, desc: CHECKPOINT_SHUTDOWN redo 0/1511B00; tli 1");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->resource_manager, "XLOG");
  EXPECT_EQ(record->lsn.value, 0x1511B00u);
  EXPECT_EQ(record->previous.value, 0x1511A88u);
  EXPECT_TRUE(record->is_shutdown_checkpoint());
  EXPECT_FALSE(record->is_switch());
}

TEST(Waldump, KnowsASwitchAndTheOldWords) {
  EXPECT_TRUE(parse_wal_record("rmgr: XLOG len (rec/tot): 24/ 24, tx: 0, lsn: 0/2000110, prev 0/20000D8, desc: SWITCH ")->is_switch());
  EXPECT_TRUE(parse_wal_record("rmgr: XLOG len (rec/tot): 24/ 24, tx: 0, lsn: 0/2000110, prev 0/20000D8, bkp: 0000, desc: xlog switch")->is_switch());
  EXPECT_TRUE(parse_wal_record("rmgr: XLOG len (rec/tot): 24/ 24, tx: 0, lsn: 0/2, prev 0/1, desc: checkpoint: redo 0/2; tli 1; shutdown")->is_shutdown_checkpoint());
  EXPECT_FALSE(parse_wal_record("rmgr: XLOG len (rec/tot): 24/ 24, tx: 0, lsn: 0/2, prev 0/1, desc: CHECKPOINT_ONLINE redo 0/2; online")->is_shutdown_checkpoint());
  EXPECT_FALSE(parse_wal_record("pg_waldump: fatal: could not find a valid record"));
}

TEST(Waldump, TheEndOfTheLastRecordIsWhereTheNextIsMissing) {
  const std::string record = "rmgr: XLOG len (rec/tot): 114/ 114, tx: 0, lsn: 0/01511B00, prev 0/01511A88, desc: CHECKPOINT_SHUTDOWN redo 0/1511B00\n";
  const model::Lsn checkpoint{0x1511B00};
  EXPECT_EQ(parse_end_of_record(record, "pg_waldump: error: error in WAL record at 0/1511B00: invalid record length at 0/1511B78: wanted 24, got 0\n", checkpoint),
            model::Lsn{0x1511B78});
  EXPECT_EQ(parse_end_of_record(record, "pg_waldump: error: error in WAL record at 0/01511B00: invalid record length at 0/01511B78: expected at least 24, got 0",
                                checkpoint),
            model::Lsn{0x1511B78});
  EXPECT_FALSE(parse_end_of_record(record + record, "pg_waldump: error: error in WAL record at 0/1511B00: invalid record length at 0/1511B78: wanted 24, got 0", checkpoint));
  EXPECT_FALSE(parse_end_of_record(record, "", checkpoint));
  EXPECT_FALSE(parse_end_of_record(record, "pg_waldump: error: error in WAL record at 0/1511A88: invalid record length at 0/1511B78: wanted 24, got 0", checkpoint));
}

TEST(HistoryFile, KeepsLinesOfThreeFieldsOnly) {
  const auto lines = parse_history_file("1\t0/3000060\tno recovery target specified\n\n# comment\n2\t0/5000000\tbefore 2026\nx\t0/1\ty\n3\t0/1\n");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].timeline.value, 2u);
  EXPECT_EQ(lines[1].lsn.value, 0x5000000u);
  EXPECT_EQ(lines[0].reason, "no recovery target specified");
  EXPECT_EQ(history_file_name(model::Timeline{11}), "0000000B.history");
}

TEST(PostmasterFile, MayBeIncomplete) {
  const auto file = parse_postmaster_file("4711\n/data\n1760000000\n5433\n/tmp\n127.0.0.1\n  5432001   98304\nready   \n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->pid, 4711);
  EXPECT_EQ(file->port, 5433);
  EXPECT_EQ(file->socket_directory, "/tmp");
  EXPECT_EQ(file->listen_address, "127.0.0.1");
  EXPECT_EQ(file->status, PostmasterStatus::kReady);
  EXPECT_EQ(parse_postmaster_file("4711\n/data\n")->status, PostmasterStatus::kUnknown);
  EXPECT_TRUE(parse_postmaster_file("-99\n/data\n")->single_user);
  EXPECT_FALSE(parse_postmaster_file(""));
  EXPECT_FALSE(parse_postmaster_file("0\n"));
  EXPECT_FALSE(parse_postmaster_file("hello\n"));
  EXPECT_FALSE(parse_postmaster_file("99999999999999999999\n"));
}

TEST(PostmasterOptions, AreTheLongOnesWithValues) {
  EXPECT_THAT(parse_postmaster_options("/usr/bin/postgres \"-D\" \"/data dir\" \"--config-file=/data/a b.conf\" \"--port=5433\" \"--flag\"\n"),
              ElementsAre(Pair("config-file", "/data/a b.conf"), Pair("port", "5433")));
  EXPECT_THAT(parse_postmaster_options(""), IsEmpty());
  EXPECT_THAT(parse_postmaster_options("/usr/bin/postgres"), IsEmpty());
}

TEST(Version, OfProgramAndData) {
  EXPECT_EQ(parse_version_output("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), 150014);
  EXPECT_EQ(parse_version_output("postgres (PostgreSQL) 19beta1"), 190000);
  EXPECT_EQ(parse_version_output("postgres (PostgreSQL) 12.22"), 120022);
  EXPECT_FALSE(parse_version_output("hello"));
  EXPECT_FALSE(parse_version_output("postgres (PostgreSQL) 9.6.24"));
  EXPECT_EQ(parse_major_version("15\n"), 150000);
  EXPECT_FALSE(parse_major_version("9.6\n"));
}

TEST(ShellWords, AreSplitAsAShellDoes) {
  EXPECT_THAT(*split_shell_words("/bin/a --b='c d' \"e \\\" f\" g\\ h ''"), ElementsAre("/bin/a", "--b=c d", "e \" f", "g h", ""));
  EXPECT_THAT(*split_shell_words("  "), IsEmpty());
  EXPECT_FALSE(split_shell_words("a 'b"));
  EXPECT_FALSE(split_shell_words("a \"b"));
  EXPECT_FALSE(split_shell_words("a\\"));
}

TEST(Backends, AreToldByTheirTitles) {
  EXPECT_TRUE(is_client_backend("postgres: herd: app shop 10.0.0.7(4711) idle"));
  EXPECT_TRUE(is_client_backend("postgres: app shop [local] INSERT"));
  for (const char* own : {"postgres: herd: checkpointer ", "postgres: walwriter ", "postgres: herd: walsender rep 127.0.0.1(1) streaming 0/3", "postgres: archiver last was 1",
                          "postgres: herd: startup recovering 000000010000000000000003", "postgres: herd: logical replication launcher "}) {
    EXPECT_FALSE(is_client_backend(own)) << own;
  }
  EXPECT_FALSE(is_client_backend("/usr/lib/postgresql/15/bin/postgres"));
}

TEST(ArchiveCommand, PlaceholdersAreFilled) {
  EXPECT_EQ(fill_placeholders("cp %p /archive/%f # 100%% %x %", {{'p', "/data/pg_wal/A"}, {'f', "A"}}), "cp /data/pg_wal/A /archive/A # 100% %x %");
}

TEST(ArchiveCommand, ReadyFiles) {
  EXPECT_TRUE(is_ready_file("000000010000000000000003.ready"));
  EXPECT_TRUE(is_ready_file("000000010000000000000003.partial.ready"));
  EXPECT_FALSE(is_ready_file("00000002.history.ready"));
  EXPECT_FALSE(is_ready_file("000000010000000000000003.done"));
}

TEST(ArchiveCommand, PgRewindNamesTheMissingFile) {
  EXPECT_EQ(missing_wal_file("pg_rewind: servers diverged at WAL location 0/3\npg_rewind: error: could not open file \"/data/pg_wal/000000010000000000000003\": No such file"),
            "000000010000000000000003");
  EXPECT_EQ(missing_wal_file("pg_rewind: error: could not open file \"/data/base/1/2\": No such file"), "");
}

TEST(ToolOptions, RefusedOnesAreNamed) {
  constexpr std::array<std::string_view, 2> refused = {"pgdata", "version"};
  const auto checked = check_options("initdb", {"--data-checksums", "--pgdata=/x", "locale=C"}, refused);
  EXPECT_THAT(checked.accepted, ElementsAre("--data-checksums", "--locale=C"));
  EXPECT_THAT(checked.complaints, ElementsAre("pgdata option for initdb is not allowed"));
}

TEST(CopyProgress, IsReadAndTold) {
  const auto progress = parse_copy_progress("  1048576/4194304 kB (25%), 0/1 tablespace");
  ASSERT_TRUE(progress);
  EXPECT_EQ(describe(*progress, 10), "1.0 GB of 4.0 GB, 102 MB/s, 30 s left");
  EXPECT_FALSE(parse_copy_progress("waiting for checkpoint"));
  EXPECT_FALSE(parse_copy_progress("a/b kB (1%)"));
}

}  // namespace
}  // namespace matriarch::postgres
