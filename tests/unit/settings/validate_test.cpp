#include "settings/validate.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A file without a problem, as far as can be told without looking at the disk and the network.
json::object a_valid_file(std::string_view more = "{}") {
  json::object file = a_node("{restapi: {listen: '10.0.0.1:8008', connect_address: '10.0.0.1:8008'}, embedded: {}}");
  file["postgresql"].as_object()["connect_address"] = "10.0.0.1:5432";
  for (const auto& [key, value] : object_of(more)) {
    json::value& present = file[key];
    if (present.is_object() && value.is_object()) {
      for (const auto& [name, item] : value.get_object()) present.get_object()[name] = item;
    } else {
      present = value;
    }
  }
  return file;
}

// The lines of the errors, as they go to stderr.
std::string lines_of(const json::object& file, const Probes& probes = {}, const ValidateRules& rules = {.check_files = false}) {
  std::string text;
  for (const Complaint& complaint : validate(file, probes, rules)) {
    if (complaint.severity == Severity::kError) text += to_validation_line(complaint) + "\n";
  }
  return text;
}

TEST(Validate, AGoodFileHasNoLines) { EXPECT_EQ(lines_of(a_valid_file()), ""); }

TEST(Validate, WhatIsMissingInTheOrderOfTheSchema) {
  EXPECT_EQ(lines_of(object_of("{tags: {}}")),
            "name  is not defined.\n"
            "scope  is not defined.\n"
            "restapi  is not defined.\n"
            "postgresql  is not defined.\n"
            "embedded  is not defined.\n"
            "etcd3  is not defined.\n"
            "raft  is not defined.\n");
  EXPECT_EQ(lines_of(a_valid_file("{postgresql: {authentication: {replication: {username: r}}}}")), "postgresql.authentication.superuser  is not defined.\n");
  EXPECT_EQ(lines_of(a_valid_file("{restapi: {authentication: {username: u}}}")), "restapi.authentication.password  is not defined.\n");
  EXPECT_EQ(lines_of(a_valid_file("{bootstrap: {initdb: [x]}}")), "bootstrap.dcs  is not defined.\n");
}

struct ValidationCase {
  const char* yaml;
  const char* line;
};

TEST(Validate, EachCheckInItsWords) {
  const ValidationCase rows[] = {
      {"name: 5", "name 5 is not a string"},
      {"name: __patroni_strict_sync_replica_placeholder__", "name __patroni_strict_sync_replica_placeholder__ didn't pass validation: Wrong value"},
      {"thread_pool_size: 4", "thread_pool_size 4 didn't pass validation: Wrong value"},
      {"thread_pool_size: '8'", "thread_pool_size 8 is not an integer"},
      {"thread_stack_size: 100000", "thread_stack_size 100000 didn't pass validation: Wrong value"},
      {"log: [a]", "log [\"a\"] is not a dictionary"},
      {"log: {type: xml}", "log.type xml didn't pass validation: Wrong value"},
      {"log: {level: info}", "log.level info didn't pass validation: Wrong value"},
      {"log: {format: []}", "log.format [] didn't pass validation: should contain at least one item"},
      {"log: {format: [5]}", "log.format [5] didn't pass validation: each item should be a string or a dictionary with string values"},
      {"log: {format: 5}", "log.format 5 didn't pass validation: Should be a string or a list"},
      {"log: {mode: 512}", "log.mode 512 didn't pass validation: Wrong value"},
      {"log: {max_queue_size: x}", "log.max_queue_size x is not an integer"},
      {"log: {loggers: x}", "log.loggers x is not a dictionary"},
      {"log: {deduplicate_heartbeat_logs: 'on'}", "log.deduplicate_heartbeat_logs on is not a boolean"},
      {"ctl: {insecure: 1}", "ctl.insecure 1 is not a boolean"},
      {"ctl: {cacert: 1}", "ctl.cacert 1 is not a string"},
      {"restapi: {listen: '8008'}", "restapi.listen 8008 didn't pass validation: contains a wrong value"},
      {"restapi: {connect_address: '127.0.0.1:8008'}",
       "restapi.connect_address 127.0.0.1:8008 didn't pass validation: must not contain \"127.0.0.1\", \"0.0.0.0\", \"*\", \"::1\", \"localhost\""},
      {"restapi: {verify_client: Required}", "restapi.verify_client Required didn't pass validation: Wrong value"},
      {"restapi: {allowlist: []}", "restapi.allowlist [] is an empty list"},
      {"restapi: {allowlist: [5]}", "restapi.allowlist.0 5 is not a string"},
      {"restapi: {http_extra_headers: x}", "restapi.http_extra_headers x is not a dictionary"},
      {"restapi: {request_queue_size: 4097}", "restapi.request_queue_size 4097 didn't pass validation: Wrong value"},
      {"restapi: {server_tokens: big}", "restapi.server_tokens big didn't pass validation: Wrong value"},
      {"bootstrap: {dcs: {ttl: 0.5}}", "bootstrap.dcs.ttl 0.5 didn't pass validation: Wrong value"},
      {"bootstrap: {dcs: {ttl: soon}}", "bootstrap.dcs.ttl soon is not an integer"},
      {"bootstrap: {dcs: {maximum_lag_on_failover: 1MB}}", "bootstrap.dcs.maximum_lag_on_failover 1MB is not an integer"},
      {"bootstrap: {dcs: {maximum_lag_on_syncnode: -2}}", "bootstrap.dcs.maximum_lag_on_syncnode -2 didn't pass validation: Wrong value"},
      {"bootstrap: {dcs: {synchronous_mode: some}}", "bootstrap.dcs.synchronous_mode some didn't pass validation: invalid value for synchronous_mode"},
      {"bootstrap: {dcs: {synchronous_node_count: 0}}", "bootstrap.dcs.synchronous_node_count 0 didn't pass validation: Wrong value"},
      {"bootstrap: {dcs: {standby_cluster: {create_replica_methods: [a]}}}", "bootstrap.dcs.standby_cluster.host  is not defined."},
      {"bootstrap: {dcs: {standby_cluster: {port: '1'}}}", "bootstrap.dcs.standby_cluster.port 1 is not an integer"},
      {"bootstrap: {dcs: {postgresql: {use_slots: 1}}}", "bootstrap.dcs.postgresql.use_slots 1 is not a boolean"},
      {"bootstrap: {dcs: {postgresql: {pg_hba: []}}}", "bootstrap.dcs.postgresql.pg_hba [] is an empty list"},
      {"bootstrap: {dcs: {}, initdb: []}", "bootstrap.initdb [] is an empty list"},
      {"bootstrap: {dcs: {}, method: 5}", "bootstrap.method 5 is not a string"},
      {"bootstrap: {dcs: {}, method: restore}", "bootstrap.method restore names a method without a command: bootstrap.restore.command is not defined"},
      {"postgresql: {listen: '*,a:5432'}", "postgresql.listen *,a:5432 didn't pass validation: expecting '*' alone"},
      {"postgresql: {proxy_address: 'localhost:1'}",
       "postgresql.proxy_address localhost:1 didn't pass validation: must not contain \"127.0.0.1\", \"0.0.0.0\", \"*\", \"::1\", \"localhost\""},
      {"postgresql: {data_dir: ''}", "postgresql.data_dir  didn't pass validation: is an empty string"},
      {"postgresql: {parameters: {unix_socket_directories: 5}}", "postgresql.parameters.unix_socket_directories 5 is not a string"},
      {"postgresql: {use_pg_rewind: 'off'}", "postgresql.use_pg_rewind off is not a boolean"},
      {"postgresql: {pg_hba: x}", "postgresql.pg_hba x is not a list"},
      {"postgresql: {pg_ctl_timeout: -1}", "postgresql.pg_ctl_timeout -1 didn't pass validation: Wrong value"},
      {"watchdog: {mode: on}", "watchdog.mode True didn't pass validation: Wrong value"},
      {"watchdog: {safety_margin: -2}", "watchdog.safety_margin -2 didn't pass validation: Wrong value"},
      {"tags: {nofailover: true, failover_priority: 0}", "tags  Multiple of ('nofailover', 'failover_priority') provided"},
      {"tags: {nosync: 'no'}", "tags.nosync no is not a boolean"},
      {"tags: {sync_priority: -1}", "tags.sync_priority -1 didn't pass validation: Wrong value"},
      {"embedded: {peers: [b]}", "embedded.secret  is not defined."},
  };
  for (const ValidationCase& row : rows) {
    json::object file = a_valid_file();
    if (object_of(row.yaml).contains("tags")) file["tags"] = object_of(row.yaml).at("tags");
    EXPECT_THAT("\n" + lines_of(a_valid_file(row.yaml)), HasSubstr(fmt::format("\n{}\n", row.line))) << row.yaml;
  }
}

TEST(Validate, AKeyIsComplainedOfOnce) {
  for (const char* yaml : {"log: {level: info}", "restapi: {listen: '8008'}", "bootstrap: {dcs: {ttl: soon}}", "bootstrap: {dcs: [a]}"}) {
    const std::string lines = lines_of(a_valid_file(yaml));
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
  }
}

TEST(Validate, TheEmbeddedStoreMayHaveShortTimes) {
  EXPECT_EQ(lines_of(a_valid_file("bootstrap: {dcs: {ttl: 1, loop_wait: 0.5, retry_timeout: 0.5}}")), "");
  auto file = a_valid_file("bootstrap: {dcs: {ttl: 1}}");
  file.erase("embedded");
  file["etcd3"] = object_of("{host: 'h:2379'}");
  EXPECT_EQ(lines_of(file), "bootstrap.dcs.ttl 1 didn't pass validation: Wrong value\n");
}

TEST(Validate, AFileWithoutPostgresqlIsAWitness) {
  const auto witness = object_of("{scope: s, name: w, embedded: {advertise: 'w:7400', data_dir: /w, peers: [a, b], secret: s}}");
  EXPECT_TRUE(is_witness(witness));
  EXPECT_EQ(lines_of(witness), "");
  EXPECT_THAT(lines_of(object_of("{embedded: {advertise: 'w:7400', peers: [a, b], secret: s}}")), HasSubstr("embedded.data_dir  is not defined."));
  EXPECT_FALSE(is_witness(object_of("{embedded: {}, bootstrap: {dcs: {}}, postgresl: {}}"))) << "a misspelt section of a node";
  EXPECT_FALSE(is_witness(object_of("{etcd3: {host: h}}")));
}

TEST(Validate, TheShippedSamplesAreAccepted) {
  for (const char* name : {"witness.yml", "node.yml", "etcd3.yml"}) {
    const auto loaded = load({(source_folder() / "packaging/samples" / name).string(), {}});
    ASSERT_TRUE(loaded.usable()) << name;
    EXPECT_EQ(lines_of(loaded.raw), "") << name;
  }
}

TEST(Validate, UnknownKeysAreWarningsUnlessStrict) {
  const auto file = a_valid_file("{resTapi: {}}");
  const auto complaints = validate(file, {}, {.check_files = false});
  EXPECT_THAT(all_text(complaints), HasSubstr("warning: resTapi is not a known key and is ignored; did you mean restapi?"));
  EXPECT_FALSE(has_errors(complaints));
  EXPECT_TRUE(has_errors(validate(file, {}, {.check_files = false, .strict = true})));
}

TEST(Validate, RefusedStoresAreErrors) {
  auto file = a_valid_file();
  file.erase("embedded");
  file["consul"] = object_of("{host: 'h:8500'}");
  EXPECT_EQ(lines_of(file), "consul  is not supported yet\n");
}

TEST(Validate, TheNetworkIsAskedThroughProbes) {
  const auto only = [](std::string host, std::uint16_t port) {
    return Probes{.accepts_connections = [=](const std::string& h, std::uint16_t p) { return h == host && p == port; }};
  };
  EXPECT_EQ(lines_of(a_valid_file(), only("10.0.0.1", 8008)), "restapi.listen 10.0.0.1:8008 didn't pass validation: Port 8008 is already in use.\n");
  EXPECT_EQ(lines_of(a_valid_file(), only("10.0.0.1", 8008), {.ignore_listen_port = true, .check_files = false}), "");
  EXPECT_EQ(lines_of(a_valid_file("postgresql: {listen: '*:5432'}"), only("127.0.0.1", 5432)), "postgresql.listen *:5432 didn't pass validation: Port 5432 is already in use.\n");
  auto file = a_valid_file();
  file.erase("embedded");
  file["etcd3"] = object_of("{hosts: ['a:1', 'b:2']}");
  EXPECT_EQ(lines_of(file, only("a", 1)), "etcd3.hosts.1 b:2 didn't pass validation: b:2 is not reachable\n");
}

TEST(Validate, SecretsAreNotShown) {
  EXPECT_THAT(lines_of(a_valid_file("{restapi: {authentication: {username: u, password: [hunter2]}}, embedded: {secret: [hunter2]}}")), Not(HasSubstr("hunter2")));
}

class ValidateFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "validate-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directory(bin());
    for (const char* program : {"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready"}) {
      touch(bin() / program);
      ::chmod((bin() / program).c_str(), 0755);
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void touch(const fs::path& path, std::string_view text = "") { std::ofstream(path) << text; }
  fs::path bin() const { return folder_ / "bin"; }
  fs::path data() const { return folder_ / "data"; }

  std::string lines(std::optional<std::string> version = "15") const {
    auto file = a_valid_file();
    file["postgresql"].as_object()["bin_dir"] = bin().string();
    file["postgresql"].as_object()["data_dir"] = data().string();
    const Probes probes{.postgres_major_version = [version](const std::string&, const std::string&) { return version; }};
    return lines_of(file, probes, {});
  }
  std::string about_data(std::string_view wrong) const { return fmt::format("postgresql.data_dir {} didn't pass validation: {}\n", data().string(), wrong); }

  fs::path folder_;
};

TEST_F(ValidateFiles, DataDirectory) {
  EXPECT_EQ(lines(), "") << "it need not exist";
  touch(data());
  EXPECT_EQ(lines(), about_data("is not a directory"));
  fs::remove(data());
  fs::create_directories(data() / ".hidden");
  fs::create_directories(data() / "lost+found");
  EXPECT_EQ(lines(), "") << "these do not count";
  touch(data() / "something");
  EXPECT_EQ(lines(), about_data("doesn't look like a valid data directory"));
  touch(data() / "PG_VERSION", "15\n");
  EXPECT_EQ(lines(), about_data("data dir for the cluster is not empty, but doesn't contain \"pg_wal\" directory"));
  fs::create_directory(data() / "pg_wal");
  EXPECT_EQ(lines(), "");
  EXPECT_EQ(lines("17"), about_data("data_dir directory postgresql version (15) doesn't match with 'postgres --version' output (17)"));
}

TEST_F(ValidateFiles, Programs) {
  fs::remove(bin() / "initdb");
  ::chmod((bin() / "pg_isready").c_str(), 0644);
  EXPECT_EQ(lines(), fmt::format("postgresql.bin_dir {0} does not contain 'initdb' in '{0}'\npostgresql.bin_dir {0} does not contain 'pg_isready' in '{0}'\n", bin().string()));
  fs::remove_all(bin());
  EXPECT_EQ(lines(), fmt::format("postgresql.bin_dir {0} Directory '{0}' does not exist.\n", bin().string()));
  touch(bin());
  EXPECT_EQ(lines(), fmt::format("postgresql.bin_dir {0} '{0}' is not a directory.\n", bin().string()));
}

TEST_F(ValidateFiles, WithoutADirectoryThePathIsSearched) {
  auto file = a_valid_file();
  file["postgresql"].as_object()["bin_name"] = object_of("{pg_ctl: there_is_no_such_program}");
  EXPECT_THAT(lines_of(file, {}, {}), AllOf(HasSubstr("postgresql.bin_name.pg_ctl there_is_no_such_program does not contain 'there_is_no_such_program' in '$PATH'\n"),
                                            HasSubstr("postgresql.bin_dir  does not contain 'there_is_no_such_program' in '$PATH'\n")));
}

}  // namespace
}  // namespace matriarch::settings
