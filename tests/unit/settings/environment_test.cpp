#include "settings/environment.hpp"

#include <gmock/gmock.h>

#include "settings/support.hpp"
#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

json::value tree_of(const Environment& environment, std::string_view file = "{}") {
  return read_environment(environment, object_of(file)).tree;
}

struct EnvironmentCase {
  Environment environment;
  const char* expected;
};

TEST(Environment, EachKindOfVariable) {
  const EnvironmentCase rows[] = {
      {{{"PATRONI_SCOPE", "s"}, {"PATRONI_NAME", "n"}, {"PATRONI_NAMESPACE", "/ns"}}, R"({"scope":"s","name":"n","namespace":"/ns"})"},
      {{{"PATRONI_LOG_MODE", "0644"}}, R"({"log":{"mode":420}})"},
      {{{"PATRONI_LOG_FORMAT", "%(message)s"}}, R"({"log":{"format":"%(message)s"}})"},
      {{{"PATRONI_LOG_FORMAT", "levelname, message: msg"}}, R"({"log":{"format":["levelname",{"message":"msg"}]}})"},
      {{{"PATRONI_LOG_STATIC_FIELDS", "site: north"}}, R"({"log":{"static_fields":{"site":"north"}}})"},
      {{{"PATRONI_LOGLEVEL", "DEBUG"}}, R"({"log":{"level":"DEBUG"}})"},
      {{{"PATRONI_LOGLEVEL", "DEBUG"}, {"PATRONI_LOG_LEVEL", "INFO"}}, R"({"log":{"level":"INFO"}})"},
      {{{"PATRONI_RESTAPI_USERNAME", "u"}, {"PATRONI_RESTAPI_PASSWORD", "p"}}, R"({"restapi":{"authentication":{"username":"u","password":"p"}}})"},
      {{{"PATRONI_RESTAPI_ALLOWLIST", "10.0.0.0/8, ::1"}}, R"({"restapi":{"allowlist":["10.0.0.0/8","::1"]}})"},
      {{{"PATRONI_RESTAPI_ALLOWLIST_INCLUDE_MEMBERS", "on"}}, R"({"restapi":{"allowlist_include_members":true}})"},
      {{{"PATRONI_CTL_INSECURE", "off"}}, R"({"ctl":{"insecure":false}})"},
      {{{"PATRONI_POSTGRESQL_BIN_PG_CTL", "pg_ctl-15"}}, R"({"postgresql":{"bin_name":{"pg_ctl":"pg_ctl-15"}}})"},
      {{{"PATRONI_POSTGRESQL_BIN_IS_READY", "x"}}, R"({"postgresql":{"bin_name":{"pg_isready":"x"}}})"},
      {{{"PATRONI_POSTGRESQL_BIN_DIR", "/usr/bin"}}, R"({"postgresql":{"bin_dir":"/usr/bin"}})"},
      {{{"PATRONI_SUPERUSER_USERNAME", "postgres"}, {"PATRONI_REPLICATION_SSLMODE", "require"}},
       R"({"postgresql":{"authentication":{"superuser":{"username":"postgres"},"replication":{"sslmode":"require"}}}})"},
      {{{"PATRONI_RAFT_PARTNER_ADDRS", "'1:2','3:4'"}, {"PATRONI_RAFT_MAX_TIMEOUT", "1.5"}}, R"({"raft":{"partner_addrs":["1:2","3:4"],"max_timeout":1.5}})"},
      {{{"PATRONI_ETCD3_HOSTS", "'h1:2379','h2:2379'"}}, R"({"etcd3":{"hosts":["h1:2379","h2:2379"]}})"},
      {{{"PATRONI_ETCD3_HOST", "h"}, {"PATRONI_ETCD3_PORT", "2380"}}, R"({"etcd3":{"host":"h","port":2380}})"},
      {{{"PATRONI_ZOOKEEPER_USE_SSL", "false"}}, R"({"zookeeper":{"use_ssl":false}})"},
      {{{"PATRONI_CONSUL_SCHEME", "https"}, {"PATRONI_EXHIBITOR_POLL_INTERVAL", "60"}}, R"({"consul":{"scheme":"https"},"exhibitor":{"poll_interval":60}})"},
      {{{"PATRONI_KUBERNETES_LABELS", "{a: b}"}}, R"({"kubernetes":{"labels":{"a":"b"}}})"},
      {{{"PATRONI_RETRIABLE_HTTP_CODES", "429"}, {"PATRONI_KUBERNETES_RETRIABLE_HTTP_CODES", "430, 431"}}, R"({"kubernetes":{"retriable_http_codes":[430,431]}})"},
      {{{"PATRONI_CITUS_GROUP", "1"}, {"PATRONI_CITUS_DATABASE", "db"}}, R"({"citus":{"group":1,"database":"db"}})"},
      {{{"PATRONI_EMBEDDED_PEERS", "'a:7400','b:7400'"}, {"PATRONI_EMBEDDED_SECRET", "s"}}, R"({"embedded":{"peers":["a:7400","b:7400"],"secret":"s"}})"},
      {{{"PATRONI_NAME", ""}, {"patroni_scope", "x"}, {"PATRONI_UNKNOWN", "y"}, {"HOME", "/"}}, "{}"},
  };
  for (const EnvironmentCase& row : rows) EXPECT_EQ(tree_of(row.environment), json::parse(row.expected)) << row.expected;
}

TEST(Environment, MatriarchNamesYieldToPatronis) {
  EXPECT_EQ(tree_of({{"MATRIARCH_SCOPE", "a"}}), json::parse(R"({"scope":"a"})"));
  EXPECT_EQ(tree_of({{"MATRIARCH_SCOPE", "a"}, {"PATRONI_SCOPE", "b"}}), json::parse(R"({"scope":"b"})"));
  EXPECT_EQ(tree_of({{"MATRIARCH_SCOPE", "a"}, {"PATRONI_SCOPE", ""}}), json::parse(R"({"scope":"a"})"));
}

TEST(Environment, CredentialsOfAStoreNeedItsSection) {
  const Environment environment{{"PATRONI_ETCD3_USERNAME", "u"}, {"PATRONI_ETCD3_PASSWORD", "p"}};
  EXPECT_EQ(tree_of(environment), json::value(json::object{}));
  EXPECT_EQ(tree_of(environment, "etcd3: {host: h}"), json::parse(R"({"etcd3":{"username":"u","password":"p"}})"));
}

TEST(Environment, AValueThatDoesNotConvertIsNamed) {
  const auto read = read_environment({{"PATRONI_LOG_FILE_SIZE", "10MB"}, {"PATRONI_RAFT_MAX_TIMEOUT", "abc"}, {"PATRONI_RESTAPI_ALLOWLIST", "[a"}}, {});
  EXPECT_EQ(json::value(read.tree), json::value(json::object{}));
  EXPECT_EQ(read.complaints.size(), 3u);
  EXPECT_THAT(all_text(read.complaints), HasSubstr("environment variable PATRONI_LOG_FILE_SIZE: log.file_size 10MB is not usable as integer"));
  EXPECT_THAT(all_text(read.complaints), HasSubstr("PATRONI_RESTAPI_ALLOWLIST: restapi.allowlist [a is not usable as list"));
}

TEST(Environment, SectionsThatDoNotExistAreNotMade) {
  const auto read = read_environment({{"PATRONI_FOO_HOST", "x"}, {"PATRONI_ETCD3_LABELS", "x"}, {"PATRONI_SOMETHING", "for a callback"}}, {});
  EXPECT_THAT(read.tree, IsEmpty());
  EXPECT_EQ(read.complaints.size(), 2u) << all_text(read.complaints);
  EXPECT_THAT(all_text(read.complaints), HasSubstr("PATRONI_FOO_HOST: names no key"));
}

TEST(Environment, RecognisedVariablesAreConsumed) {
  const auto read = read_environment({{"PATRONI_SUPERUSER_PASSWORD", "x"}, {"MATRIARCH_NAME", "n"}, {"PATRONI_MINE", "y"}, {"PATRONI_LOG_FILE_SIZE", "bad"}}, {});
  EXPECT_THAT(read.consumed, UnorderedElementsAre("PATRONI_SUPERUSER_PASSWORD", "MATRIARCH_NAME", "PATRONI_LOG_FILE_SIZE"));
}

TEST(Environment, EveryVariableSetsAKnownKey) {
  std::size_t count = 0;
  for (const Variable& variable : known_variables()) {
    if (variable.path.empty()) continue;
    const bool is_known = find_key(local_keys(), variable.path) || find_key(local_keys(), variable.path + ".any");
    EXPECT_TRUE(is_known) << variable.name << " " << variable.path;
    ++count;
  }
  EXPECT_GT(count, 200u);
}

}  // namespace
}  // namespace matriarch::settings
