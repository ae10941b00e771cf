// The example configurations of the manual, and the samples that are shipped, load without an error.
#include <gmock/gmock.h>

#include "settings/effective.hpp"
#include "settings/local.hpp"
#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

Effective settings_of(const std::filesystem::path& file, const Environment& environment = {}, Purpose purpose = Purpose::kNode) {
  const Loaded loaded = load({.path = file.string(), .environment = environment});
  EXPECT_TRUE(loaded.usable()) << all_text(loaded.complaints);
  return make_settings(loaded, {}, {.purpose = purpose});
}

std::filesystem::path example(const char* name) { return source_folder() / "tests/unit/settings/examples" / name; }
std::filesystem::path sample(const char* name) { return source_folder() / "packaging/samples" / name; }

TEST(Examples, ThreeNodesWithEtcd3) {
  const auto effective = settings_of(example("three-nodes-etcd3.yml"));
  ASSERT_TRUE(effective.usable()) << all_text(effective.complaints);
  EXPECT_EQ(all_text(effective.complaints),
            "warning: three-nodes-etcd3.yml:12: log.loggers.patroni.postgresql.postmaster has no effect; they are Python's; log.level holds for everything\n");
  const auto& settings = effective.settings;
  EXPECT_EQ(std::get<model::EtcdSettings>(settings.store).hosts.size(), 3u);
  EXPECT_TRUE(std::get<model::EtcdSettings>(settings.store).https);
  EXPECT_EQ(settings.dynamic.synchronous_mode, model::SynchronousMode::kQuorum);
  EXPECT_EQ(settings.dynamic.member_slots_ttl, 1h);
  EXPECT_EQ(settings.log.mode, 0640u);
  EXPECT_EQ(settings.postgresql.listen_addresses, "10.20.0.11,127.0.0.1");
  EXPECT_EQ(settings.postgresql.create_replica_methods.size(), 2u);
  EXPECT_EQ(settings.postgresql.parameters.at("wal_level"), "logical");
  EXPECT_EQ(settings.postgresql.parameters.at("ssl"), "on");
  EXPECT_EQ(settings.tags.failover_priority(), 2);
  EXPECT_EQ(settings.bootstrap->initdb, (model::Options{"--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"}));
}

TEST(Examples, KubernetesIsUnderstoodButForItsStore) {
  const auto effective = settings_of(example("kubernetes.yml"), {{"PATRONI_SCOPE", "orders"},
                                                                 {"PATRONI_NAME", "orders-0"},
                                                                 {"PATRONI_KUBERNETES_NAMESPACE", "default"},
                                                                 {"PATRONI_KUBERNETES_POD_IP", "10.0.0.1"},
                                                                 {"PATRONI_RESTAPI_LISTEN", "0.0.0.0:8008"},
                                                                 {"PATRONI_RESTAPI_CONNECT_ADDRESS", "10.0.0.1:8008"},
                                                                 {"PATRONI_POSTGRESQL_LISTEN", "0.0.0.0:5432"},
                                                                 {"PATRONI_POSTGRESQL_CONNECT_ADDRESS", "10.0.0.1:5432"},
                                                                 {"PATRONI_POSTGRESQL_DATA_DIR", "/home/postgres/pgdata/pgroot/data"},
                                                                 {"PATRONI_SUPERUSER_USERNAME", "postgres"},
                                                                 {"PATRONI_SUPERUSER_PASSWORD", "x"},
                                                                 {"PATRONI_REPLICATION_USERNAME", "standby"},
                                                                 {"PATRONI_REPLICATION_PASSWORD", "y"}});
  EXPECT_EQ(all_text(effective.complaints), "error: kubernetes.yml:27: kubernetes is not supported yet\n");
  EXPECT_EQ(effective.settings.log.fields.size(), 4u);
}

TEST(Examples, Raft) {
  const auto effective = settings_of(example("raft.yml"));
  ASSERT_TRUE(effective.usable()) << all_text(effective.complaints);
  const auto& store = std::get<model::EmbeddedStoreSettings>(effective.settings.store);
  EXPECT_EQ(store.peers.size(), 2u);
  EXPECT_EQ(store.data_dir, "/var/lib/matriarch/raft");
  EXPECT_EQ(effective.settings.dynamic.timing, (model::Timing{30s, 5s, 10s}));
}

TEST(Examples, RaftVoter) {
  const auto effective = settings_of(example("raft-voter.yml"), {}, Purpose::kWitness);
  ASSERT_TRUE(effective.usable()) << all_text(effective.complaints);
  EXPECT_EQ(std::get<model::EmbeddedStoreSettings>(effective.settings.store).advertise, (model::HostPort{"192.168.50.3", 2222}));
}

TEST(Examples, ShippedSamplesHaveNothingToComplainOf) {
  EXPECT_EQ(all_text(settings_of(sample("node.yml")).complaints), "");
  EXPECT_EQ(all_text(settings_of(sample("etcd3.yml")).complaints), "");
  EXPECT_EQ(all_text(settings_of(sample("witness.yml"), {}, Purpose::kWitness).complaints), "");
}

}  // namespace
}  // namespace matriarch::settings
