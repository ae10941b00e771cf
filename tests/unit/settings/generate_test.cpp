#include "settings/generate.hpp"

#include <gmock/gmock.h>

#include "settings/validate.hpp"
#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

SampleFacts facts() { return {.host_name = "db1", .ip = "10.0.0.1", .postgres_major = 15}; }

TEST(GenerateSample, IsAFileForTheEmbeddedStore) {
  const std::string text = sample_configuration(facts());
  EXPECT_THAT(text, testing::StartsWith("scope: '#FIXME'\nname: db1\n\nlog:\n  format:"));
  EXPECT_THAT(text, HasSubstr("\n# The consensus of the cluster."));
  EXPECT_THAT(text, HasSubstr("embedded:\n  advertise: 10.0.0.1:7400\n"));
  EXPECT_THAT(text, HasSubstr("\n# This section is used only once"));
  EXPECT_LT(text.find("bootstrap:"), text.find("postgresql:\n  auth"));
  const auto tree = object_of(text);
  EXPECT_EQ(tree.at("postgresql").at("pg_hba"), json::parse(R"(["host all all all scram-sha-256","host replication replicator all scram-sha-256"])"));
  EXPECT_EQ(tree.at("postgresql").at("authentication").at("rewind").at("username"), "rewind_user");
  EXPECT_EQ(tree.at("bootstrap").at("dcs").at("ttl"), 2);
  EXPECT_EQ(tree.at("bootstrap").at("dcs").at("postgresql").at("parameters").at("wal_level"), "replica");
  EXPECT_EQ(tree.at("bootstrap").at("dcs").at("postgresql").at("parameters").at("wal_keep_size"), "128MB");
  EXPECT_EQ(tree.at("tags").at("clonefrom"), true);
}

TEST(GenerateSample, NeedsOnlyTheFixMes) {
  auto tree = object_of(sample_configuration(facts()));
  EXPECT_EQ(all_text(make_settings(tree).complaints), "");
}

TEST(GenerateSample, OlderServersAndUnknownHosts) {
  const auto old = object_of(sample_configuration({.postgres_major = 9}));
  EXPECT_EQ(old.at("name"), "#FIXME");
  EXPECT_EQ(old.at("postgresql").at("listen"), "#FIXME:5432");
  EXPECT_EQ(old.at("postgresql").at("parameters").at("password_encryption"), "md5");
  EXPECT_FALSE(old.at("postgresql").at("authentication").as_object().contains("rewind"));
  EXPECT_EQ(old.at("bootstrap").at("dcs").at("postgresql").at("parameters").at("wal_keep_segments"), 8);
  EXPECT_EQ(object_of(sample_configuration({.ip = "::1"})).at("restapi").at("listen"), "[::1]:8008");
}

TEST(GenerateSample, TheEnvironmentHasTheLastWord) {
  auto with = facts();
  with.environment = {{"PATRONI_SCOPE", "s"}, {"PATRONI_ETCD3_HOST", "h:2379"}, {"PATRONI_REPLICATION_USERNAME", "r"}};
  const auto tree = object_of(sample_configuration(with));
  EXPECT_EQ(tree.at("scope"), "s");
  EXPECT_FALSE(tree.contains("embedded"));
  EXPECT_EQ(tree.at("etcd3").at("host"), "h:2379");
  EXPECT_EQ(tree.at("bootstrap").at("dcs").at("ttl"), 30);
  EXPECT_EQ(tree.at("postgresql").at("pg_hba").at(1), "host replication r all scram-sha-256");
}

TEST(Generate, FromARunningServer) {
  const RunningServer server{.parameters = {{"data_directory", "/data"}, {"cluster_name", "orders"}, {"listen_addresses", "*"}, {"port", "5433"},
                                            {"archive_command", "cp %p /a"}, {"work_mem", "4096"}, {"max_connections", "300"}, {"wal_log_hints", "off"}},
                             .superuser = {{"username", "admin"}, {"password", "p"}, {"sslmode", "require"}},
                             .bin_dir = "/usr/lib/postgresql/15/bin",
                             .pg_hba = {"local all all trust"}};
  const auto tree = object_of(generated_configuration(facts(), server));
  const auto& postgresql = tree.at("postgresql").as_object();
  EXPECT_EQ(tree.at("scope"), "orders");
  EXPECT_EQ(postgresql.at("data_dir"), "/data");
  EXPECT_EQ(postgresql.at("listen"), "*:5433");
  EXPECT_EQ(postgresql.at("connect_address"), "10.0.0.1:5433");
  EXPECT_EQ(postgresql.at("bin_dir"), "/usr/lib/postgresql/15/bin");
  EXPECT_EQ(postgresql.at("parameters"), json::parse(R"({"archive_command":"cp %p /a"})"));
  EXPECT_EQ(postgresql.at("authentication").at("superuser"), json::parse(R"({"username":"admin","password":"p","sslmode":"require"})"));
  EXPECT_EQ(postgresql.at("authentication").at("replication").at("username"), "#FIXME");
  EXPECT_EQ(postgresql.at("pg_hba"), json::parse(R"(["local all all trust"])"));
  EXPECT_FALSE(postgresql.contains("pg_ident"));
  const auto& shared = tree.at("bootstrap").at("dcs").at("postgresql");
  EXPECT_EQ(shared.at("parameters").at("work_mem"), "4096");
  EXPECT_EQ(shared.at("parameters").at("max_connections"), "300");
  EXPECT_EQ(shared.at("use_pg_rewind"), false);
  EXPECT_TRUE(make_settings(tree).usable()) << all_text(make_settings(tree).complaints);
}

}  // namespace
}  // namespace matriarch::settings
