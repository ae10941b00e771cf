#include "settings/parameters.hpp"

#include <gmock/gmock.h>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

std::map<std::string, std::string> with_dynamic(std::string_view yaml, Complaints* complaints = nullptr) {
  Parameters parameters = default_parameters();
  Complaints told;
  overlay_dynamic(parameters, object_of(yaml), "postgresql.parameters", told);
  if (complaints) *complaints = told;
  return parameters.by_name();
}

TEST(Parameters, Defaults) {
  EXPECT_EQ(default_parameters().by_name(),
            (std::map<std::string, std::string>{{"wal_level", "hot_standby"},
                                                {"hot_standby", "on"},
                                                {"max_connections", "100"},
                                                {"max_wal_senders", "10"},
                                                {"max_prepared_transactions", "0"},
                                                {"max_locks_per_transaction", "64"},
                                                {"track_commit_timestamp", "off"},
                                                {"max_replication_slots", "10"},
                                                {"max_worker_processes", "8"},
                                                {"wal_log_hints", "on"}}));
}

struct ParameterCase {
  const char* given;
  const char* name;
  const char* expected;
};

TEST(Parameters, ControlledOnesAreChecked) {
  const ParameterCase rows[] = {
      {"{max_connections: 300}", "max_connections", "300"},     {"{max_connections: 24}", "max_connections", "100"},
      {"{max_connections: '7'}", "max_connections", "100"},     {"{max_connections: '100.5'}", "max_connections", "100"},
      {"{max_connections: many}", "max_connections", "100"},    {"{MAX_CONNECTIONS: 50}", "max_connections", "50"},
      {"{max_wal_senders: 2}", "max_wal_senders", "10"},        {"{max_wal_senders: '12'}", "max_wal_senders", "12"},
      {"{wal_keep_size: 1GB}", "wal_keep_size", "1GB"},         {"{wal_keep_size: 8MB}", "wal_keep_size", "128MB"},
      {"{wal_keep_size: 32}", "wal_keep_size", "32"},           {"{wal_keep_segments: 0}", "wal_keep_segments", "8"},
      {"{max_prepared_transactions: 0}", "max_prepared_transactions", "0"}, {"{max_locks_per_transaction: 31}", "max_locks_per_transaction", "64"},
      {"{max_replication_slots: 3}", "max_replication_slots", "10"},        {"{max_worker_processes: 2}", "max_worker_processes", "2"},
      {"{wal_level: Logical}", "wal_level", "Logical"},         {"{wal_level: minimal}", "wal_level", "hot_standby"},
      {"{hot_standby: off}", "hot_standby", "on"},              {"{track_commit_timestamp: on}", "track_commit_timestamp", "True"},
      {"{wal_log_hints: maybe}", "wal_log_hints", "on"},        {"{wal_log_hints: 'off'}", "wal_log_hints", "off"},
  };
  for (const ParameterCase& row : rows) EXPECT_THAT(with_dynamic(row.given), Contains(Pair(row.name, row.expected))) << row.given;
}

TEST(Parameters, ARefusedValueIsSaid) {
  Complaints complaints;
  with_dynamic("{max_connections: 5}", &complaints);
  EXPECT_EQ(all_text(complaints), "warning: postgresql.parameters.max_connections 5 failed validation, defaulting to 100\n");
}

TEST(Parameters, SomeComeFromTheNodeAlone) {
  Complaints complaints;
  const auto parameters = with_dynamic("{port: 1, listen_addresses: x, Cluster_Name: y}", &complaints);
  EXPECT_EQ(parameters, default_parameters().by_name());
  EXPECT_EQ(complaints.size(), 3u);
}

TEST(Parameters, LocalOnesWinButNotTheControlled) {
  Parameters parameters = default_parameters();
  Complaints complaints;
  overlay_dynamic(parameters, object_of("{work_mem: 1MB, archive_mode: on, Log_Line_Prefix: d}"), "p", complaints);
  overlay_local(parameters, object_of("{work_mem: 2MB, max_connections: 500, archive_mode: null, log_line_prefix: l}"), "postgresql.parameters", complaints);
  const auto merged = parameters.by_name();
  EXPECT_THAT(merged, Contains(Pair("work_mem", "2MB")));
  EXPECT_THAT(merged, Contains(Pair("max_connections", "100")));
  EXPECT_THAT(merged, Not(Contains(testing::Key("archive_mode"))));
  EXPECT_THAT(merged, Contains(Pair("log_line_prefix", "l")));
  EXPECT_THAT(merged, Not(Contains(testing::Key("Log_Line_Prefix"))));
  EXPECT_THAT(all_text(complaints), HasSubstr("postgresql.parameters.max_connections has no effect; all nodes must agree"));
}

TEST(Parameters, ListsAndMappingsAreErrors) {
  Complaints complaints;
  with_dynamic("{shared_preload_libraries: [a, b], custom: {x: 1}}", &complaints);
  ASSERT_EQ(complaints.size(), 2u);
  EXPECT_TRUE(has_errors(complaints));
  EXPECT_EQ(complaints[0].path, "postgresql.parameters.shared_preload_libraries");
}

TEST(Parameters, RolesMayNotChangeControlledOnes) {
  Complaints complaints;
  const auto parameters = role_parameters(object_of("{max_connections: 5, work_mem: 4MB, x: null}"), "postgresql.parameters_replica", complaints);
  EXPECT_EQ(parameters, (std::map<std::string, std::string>{{"work_mem", "4MB"}}));
  EXPECT_THAT(all_text(complaints), HasSubstr("Role-based config attempted to override protected parameter 'max_connections', ignoring"));
}

}  // namespace
}  // namespace matriarch::settings
