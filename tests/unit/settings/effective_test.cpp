#include "settings/effective.hpp"

#include <gmock/gmock.h>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using namespace std::chrono_literals;

model::Settings settled(const json::object& local, const DynamicSources& dynamic = {}, const Circumstances& circumstances = {}) {
  const auto effective = make_settings(local, dynamic, circumstances);
  EXPECT_TRUE(effective.usable()) << all_text(effective.complaints);
  return effective.settings;
}

std::string told(const json::object& local, const DynamicSources& dynamic = {}, const Circumstances& circumstances = {}) {
  return all_text(make_settings(local, dynamic, circumstances).complaints);
}

const model::EmbeddedStoreSettings& embedded(const model::Settings& settings) { return std::get<model::EmbeddedStoreSettings>(settings.store); }
const model::EtcdSettings& etcd(const model::Settings& settings) { return std::get<model::EtcdSettings>(settings.store); }

TEST(Effective, TheSmallestNode) {
  const auto settings = settled(a_node());
  EXPECT_EQ(told(a_node()), "");
  EXPECT_EQ(settings.scope, "demo");
  EXPECT_EQ(settings.name.text, "db1");
  EXPECT_EQ(settings.key_prefix(), "/service/demo/");
  EXPECT_EQ(settings.dynamic.timing, (model::Timing{2s, 1s, 500ms}));
  EXPECT_FALSE(settings.bootstrap);
  EXPECT_EQ(settings.restapi.api_url(), "http://10.0.0.1:8008/patroni");
  EXPECT_EQ(settings.postgresql.listen_addresses, "0.0.0.0");
  EXPECT_EQ(settings.postgresql.connect_address, (model::HostPort{"localhost", 5432}));
  EXPECT_EQ(settings.postgresql.config_dir, "/data/pg");
  EXPECT_EQ(settings.postgresql.pgpass, "~/pgpass");
  EXPECT_EQ(settings.postgresql.pg_ctl_timeout, 60s);
  ASSERT_EQ(settings.postgresql.create_replica_methods.size(), 1u);
  EXPECT_EQ(settings.postgresql.create_replica_methods[0].name, "basebackup");
  EXPECT_EQ(embedded(settings).data_dir, "/data/pg.consensus");
  EXPECT_EQ(embedded(settings).advertise, (model::HostPort{"10.0.0.1", 7400}));
  EXPECT_EQ(embedded(settings).listen, (model::HostPort{"10.0.0.1", 7400}));
  EXPECT_EQ(embedded(settings).client_listen, (model::HostPort{"127.0.0.1", 7401}));
  EXPECT_EQ(settings.watchdog, model::WatchdogSettings{});
  EXPECT_EQ(settings.log, model::LogSettings{});
}

TEST(Effective, EveryMissingKeyIsNamedAtOnce) {
  const auto effective = make_settings(object_of("{log: {level: INFO}}"));
  EXPECT_FALSE(effective.usable());
  for (const char* key : {"scope", "name", "restapi.listen", "postgresql.listen", "postgresql.data_dir", "postgresql.authentication.replication.username"}) {
    EXPECT_THAT(effective.complaints, Contains(Complains(key, "is not defined."))) << key;
  }
  EXPECT_THAT(all_text(effective.complaints), HasSubstr("Can not find suitable configuration of distributed configuration store"));
  EXPECT_THAT(told({}), HasSubstr("Config is empty."));
}

TEST(Effective, ReservedAndImpossibleNames) {
  EXPECT_THAT(told(a_node("name: __patroni_strict_sync_replica_placeholder__")),
              HasSubstr("Node 'name' can't be set to '__patroni_strict_sync_replica_placeholder__'"));
  EXPECT_THAT(told(a_node("scope: a/b")), HasSubstr("scope a/b contains a /"));
  EXPECT_THAT(told(a_node("scope: ''")), HasSubstr("scope is an empty string"));
  EXPECT_EQ(settled(a_node("namespace: /site/")).key_prefix(), "/site/demo/");
}

// --- the store ---

TEST(Effective, ExactlyOneStore) {
  EXPECT_THAT(told(a_node("etcd3: {host: h}")), HasSubstr("the configuration names 2 stores: embedded, etcd3; leave exactly one section"));
  auto none = a_node();
  none.erase("embedded");
  EXPECT_THAT(told(none), HasSubstr("Can not find suitable configuration"));
  none["kubernetes"] = json::object{{"labels", json::object{}}};
  EXPECT_THAT(told(none), HasSubstr("error: kubernetes is not supported yet"));
}

json::object an_etcd_node(std::string_view section) {
  auto node = a_node();
  node.erase("embedded");
  node["etcd3"] = object_of(section);
  return node;
}

TEST(Effective, EndpointsOfEtcd) {
  EXPECT_EQ(etcd(settled(an_etcd_node("{host: h}"))).hosts, (std::vector<model::HostPort>{{"h", 2379}}));
  EXPECT_EQ(etcd(settled(an_etcd_node("{host: h, port: 1}"))).hosts, (std::vector<model::HostPort>{{"h", 1}}));
  EXPECT_EQ(etcd(settled(an_etcd_node("{hosts: 'a:1, b'}"))).hosts, (std::vector<model::HostPort>{{"a", 1}, {"b", 2379}}));
  EXPECT_EQ(etcd(settled(an_etcd_node("{hosts: [a, '[::1]:2'], host: c}"))).hosts, (std::vector<model::HostPort>{{"a", 2379}, {"::1", 2}}));
  const auto url = etcd(settled(an_etcd_node("{url: 'https://u:p@h:1', hosts: [x], username: v}")));
  EXPECT_TRUE(url.https);
  EXPECT_EQ(url.hosts, (std::vector<model::HostPort>{{"h", 1}}));
  EXPECT_EQ(url.username, "u");
  EXPECT_EQ(url.password, "p");
  EXPECT_FALSE(url.use_proxies);
  EXPECT_TRUE(etcd(settled(an_etcd_node("{proxy: 'http://h', url: 'http://x'}"))).use_proxies);
  const auto tls = etcd(settled(an_etcd_node("{host: h, protocol: https, cacert: /ca, cert: /c}")));
  EXPECT_EQ(tls.tls, (model::TlsFiles{.certfile = "/c", .keyfile = "/c", .cafile = "/ca"}));
}

TEST(Effective, BadEndpointsOfEtcd) {
  for (const char* key : {"srv", "discovery_srv", "srv_domain"}) {
    const model::EtcdSettings found = etcd(settled(an_etcd_node(fmt::format("{{{}: site.test, srv_suffix: blue}}", key))));
    EXPECT_EQ(found.srv, "site.test") << key;
    EXPECT_EQ(found.srv_suffix, "blue");
  }
  EXPECT_THAT(told(an_etcd_node("{srv_suffix: blue}")), HasSubstr("etcd3 has none of hosts, host, srv, url, proxy"));
  EXPECT_THAT(told(an_etcd_node("{protocol: http}")), HasSubstr("etcd3 has none of hosts, host, srv, url, proxy"));
  EXPECT_THAT(told(an_etcd_node("{hosts: ['http://h:2379']}")), HasSubstr("etcd3.hosts.0 http://h:2379 is not an address"));
  EXPECT_THAT(told(an_etcd_node("{url: 'h:1'}")), HasSubstr("etcd3.url h:1 is not a URL"));
  EXPECT_THAT(told(an_etcd_node("{host: h, protocol: ftp}")), HasSubstr("etcd3.protocol ftp is not known; expected one of http, https"));
  EXPECT_THAT(told(an_etcd_node("{host: h, port: 70000}")), HasSubstr("etcd3.port 70000 is out of range"));
  EXPECT_THAT(told(an_etcd_node("{url: 'ftp://u:hunter2@h'}")), Not(HasSubstr("hunter2")));
}

TEST(Effective, TheEmbeddedStore) {
  const auto store = embedded(settled(a_node("embedded: {peers: ['10.0.0.1:7400', 10.0.0.2], secret: s, listen: '0.0.0.0:7500', data_dir: /c}")));
  EXPECT_EQ(store.peers, (std::vector<model::HostPort>{{"10.0.0.1", 7400}, {"10.0.0.2", 7400}}));
  EXPECT_EQ(store.listen, (model::HostPort{"0.0.0.0", 7500}));
  EXPECT_EQ(store.advertise, (model::HostPort{"10.0.0.1", 7500}));
  EXPECT_EQ(store.data_dir, "/c");
  EXPECT_EQ(store.election_timeout, 150ms);
  EXPECT_EQ(embedded(settled(a_node("embedded: {election_timeout: 1s, heartbeat: 0.1}"))).election_timeout, 1s);
}

TEST(Effective, TheEmbeddedStoreIsNeverInClear) {
  EXPECT_THAT(told(a_node("embedded: {peers: [b]}")), HasSubstr("embedded.secret is not defined.; the nodes of the store prove"));
  EXPECT_THAT(told(a_node("embedded: {client_listen: '0.0.0.0:7401'}")), HasSubstr("embedded.client_listen 0.0.0.0:7401 would let anyone"));
  EXPECT_EQ(told(a_node("embedded: {client_listen: '0.0.0.0:7401', certfile: /c, cafile: /ca, peers: [b]}")), "");
  EXPECT_THAT(told(a_node("embedded: {certfile: /c}")), HasSubstr("embedded.cafile is not defined."));
  EXPECT_THAT(told(a_node("embedded: {heartbeat: 100ms}")), HasSubstr("embedded.heartbeat 100ms is too long"));
  EXPECT_THAT(told(a_node("embedded: {election_timeout: 1ms}")), HasSubstr("embedded.election_timeout 1ms is out of range"));
}

TEST(Effective, AMisspeltKeyOfItsOwnSectionsStopsANode) {
  const auto node = a_node("{embedded: {peeers: ['a:7400'], secret: s}}");
  EXPECT_FALSE(make_settings(node).usable());
  EXPECT_THAT(told(node), HasSubstr("error: embedded.peeers is not a known key; did you mean embedded.peers?"));
  EXPECT_THAT(told(a_node("matriarch: {rundir: /x}")), HasSubstr("error: matriarch.rundir is not a known key; did you mean matriarch.run_dir?"));
  EXPECT_TRUE(make_settings(a_node("restapi: {lisen: x}")).usable());
  EXPECT_TRUE(make_settings(node, {}, {.purpose = Purpose::kControl}).usable());
}

TEST(Effective, ASecretWithoutPeersIsAskedAbout) {
  EXPECT_THAT(told(a_node("embedded: {secret: s}")), HasSubstr("error: embedded.peers is not defined.; there are credentials for other nodes"));
  EXPECT_THAT(told(a_node("embedded: {secret: s}")), HasSubstr("peers: [] for a cluster of this node alone"));
  EXPECT_THAT(told(a_node("embedded: {secret: s, peers: null}")), HasSubstr("error: embedded.peers is not defined."));
  EXPECT_THAT(told(a_node("embedded: {certfile: /c, cafile: /ca}")), HasSubstr("error: embedded.peers is not defined."));
  EXPECT_EQ(told(a_node("embedded: {secret: s, peers: []}")), "");
  EXPECT_EQ(told(a_node("embedded: {}")), "");
}

TEST(Effective, ANodeMustKnowAnAddressOfItsOwn) {
  auto node = a_node("restapi: {listen: '0.0.0.0:8008'}");
  EXPECT_THAT(told(node), HasSubstr("error: embedded.advertise is not defined."));
  EXPECT_THAT(told(node), HasSubstr("warning: restapi.connect_address is not defined"));
  EXPECT_TRUE(make_settings(a_node("{restapi: {listen: '0.0.0.0:8008', connect_address: 'h:8008'}}")).usable());
}

TEST(Effective, RaftIsTheEmbeddedStore) {
  auto node = a_node();
  node.erase("embedded");
  node["raft"] = object_of("{self_addr: '10.0.0.1:2222', bind_addr: '0.0.0.0:2222', partner_addrs: ['10.0.0.2:2222'], data_dir: /r, password: p, min_timeout: 1.0}");
  const auto store = embedded(settled(node));
  EXPECT_EQ(store.advertise, (model::HostPort{"10.0.0.1", 2222}));
  EXPECT_EQ(store.listen, (model::HostPort{"0.0.0.0", 2222}));
  EXPECT_EQ(store.peers, (std::vector<model::HostPort>{{"10.0.0.2", 2222}}));
  EXPECT_EQ(store.secret, "p");
  EXPECT_THAT(told(node), HasSubstr("raft is taken for the embedded store: Patroni's own Raft nodes cannot join it"));
  EXPECT_THAT(told(node), HasSubstr("raft.min_timeout has no effect"));
  node["raft"].as_object().erase("password");
  EXPECT_THAT(told(node), HasSubstr("error: raft.password is not defined."));
}

// --- purposes ---

TEST(Effective, AWitnessNeedsOnlyTheStore) {
  const Circumstances witness{.purpose = Purpose::kWitness};
  const auto settings = settled(object_of("{embedded: {advertise: 'w:7400', data_dir: /w, peers: [a, b], secret: s}}"), {}, witness);
  EXPECT_EQ(embedded(settings).advertise, (model::HostPort{"w", 7400}));
  EXPECT_THAT(told(object_of("{embedded: {}}"), {}, witness), HasSubstr("embedded.data_dir is not defined."));
  EXPECT_THAT(told(object_of("{etcd3: {host: h}}"), {}, witness), HasSubstr("a witness votes in the embedded store"));
}

TEST(Effective, TheCommandLineNeedsOnlyAStore) {
  const Circumstances control{.purpose = Purpose::kControl};
  EXPECT_EQ(told(object_of("{scope: s, etcd3: {host: h}, ctl: {insecure: true}}"), {}, control), "");
  EXPECT_EQ(told(object_of("{embedded: {client_listen: 'h:7401'}}"), {}, control), "");
}

// --- the dynamic configuration ---

TEST(Effective, WhichDocumentCounts) {
  const auto node = a_node("bootstrap: {dcs: {ttl: 5}}");
  EXPECT_EQ(settled(node).dynamic.timing.ttl, 5s);
  EXPECT_EQ(settled(node, {.cached = json::object{{"ttl", 6}}}).dynamic.timing.ttl, 6s);
  EXPECT_EQ(settled(node, {.store = json::object{{"ttl", 7}}, .cached = json::object{{"ttl", 6}}}).dynamic.timing.ttl, 7s);
  EXPECT_EQ(settled(node, {.store = json::object{}, .cached = json::object{{"ttl", 6}}}).dynamic.timing.ttl, 6s);
  EXPECT_EQ(settled(a_node(), {.store = json::object{}}).dynamic.timing.ttl, 2s);
}

TEST(Effective, ARejectedDocumentChangesNothing) {
  const auto effective = make_settings(a_node(), {.store = json::object{{"ttl", nullptr}, {"pause", true}}, .cached = json::object{{"ttl", 6}}});
  EXPECT_TRUE(effective.usable()) << all_text(effective.complaints);
  EXPECT_EQ(effective.settings.dynamic.timing.ttl, 6s);
  EXPECT_FALSE(effective.settings.dynamic.pause);
  EXPECT_EQ(all_text(effective.rejected), "error: dynamic configuration: ttl None is not a number; expected a number of seconds, at least 1\n");
}

TEST(Effective, LimitsOfTheTimesFollowTheStoreAndTheNeighbours) {
  const DynamicSources short_times{.store = object_of("{ttl: 2.5, loop_wait: 0.5, retry_timeout: 0.5}")};
  const auto timing = [&](const json::object& node, Neighbours neighbours) {
    return settled(node, short_times, {.neighbours = neighbours}).dynamic.timing;
  };
  const model::Timing asked{2500ms, 500ms, 500ms}, patronis{20s, 1s, 3s};
  EXPECT_EQ(timing(a_node(), Neighbours::kUnknown), asked);
  EXPECT_EQ(timing(a_node(), Neighbours::kMatriarch), asked);
  EXPECT_EQ(timing(a_node(), Neighbours::kPatroni), patronis);
  EXPECT_EQ(timing(an_etcd_node("{host: h}"), Neighbours::kUnknown), patronis);
  EXPECT_EQ(timing(an_etcd_node("{host: h}"), Neighbours::kMatriarch), asked);
  EXPECT_EQ(timing(an_etcd_node("{host: h}"), Neighbours::kPatroni), patronis);
}

TEST(Effective, LocalFilesCannotChangeWhatIsDynamic) {
  auto node = a_node("{ttl: 99, loop_wait: 99, standby_cluster: {host: x}}");
  node["postgresql"].as_object()["use_slots"] = false;
  const auto settings = settled(node);
  EXPECT_EQ(settings.dynamic.timing.ttl, 2s);
  EXPECT_FALSE(settings.dynamic.standby_cluster);
  EXPECT_TRUE(settings.dynamic.use_slots);
}

TEST(Effective, LocalKeysOfPostgresqlReplaceDynamicOnes) {
  const DynamicSources dynamic{.store = object_of(R"({postgresql: {pg_hba: [d], pg_ident: [d], use_pg_rewind: true, data_dir: /never, listen: 'x:1',
    parameters: {work_mem: 1MB, shared_buffers: 1GB, max_connections: 200}, recovery_conf: {restore_command: d}, parameters_replica: {a: 1}}})")};
  const auto node = a_node("postgresql: {pg_hba: [l], parameters: {work_mem: 2MB}, recovery_conf: {archive_cleanup_command: l}}");
  const auto postgresql = settled(node, dynamic).postgresql;
  EXPECT_THAT(postgresql.pg_hba, ElementsAre("l"));
  EXPECT_THAT(postgresql.pg_ident, ElementsAre("d"));
  EXPECT_TRUE(postgresql.use_pg_rewind);
  EXPECT_EQ(postgresql.data_dir, "/data/pg");
  EXPECT_THAT(postgresql.parameters, Contains(Pair("work_mem", "2MB")));
  EXPECT_THAT(postgresql.parameters, Contains(Pair("shared_buffers", "1GB")));
  EXPECT_THAT(postgresql.parameters, Contains(Pair("max_connections", "200")));
  EXPECT_THAT(postgresql.parameters, Contains(Pair("max_wal_senders", "10")));
  EXPECT_EQ(postgresql.recovery_conf, (std::map<std::string, std::string>{{"archive_cleanup_command", "l"}}));
  EXPECT_EQ(postgresql.role_parameters.at("replica").at("a"), "1");
}

TEST(Effective, AMistakeInBootstrapDcsStopsANewNodeOnly) {
  const auto node = a_node("bootstrap: {dcs: {ttl: x, synchronous_mode: quorom}}");
  EXPECT_THAT(told(node), HasSubstr("error: bootstrap.dcs.ttl x is not a number"));
  EXPECT_TRUE(make_settings(node, {.cached = json::object{{"ttl", 5}}}).usable());
  EXPECT_THAT(told(a_node("bootstrap: {dcs: {synchronous_mode: quorom}}")), HasSubstr("error: bootstrap.dcs.synchronous_mode quorom is not a boolean or quorum"));
  EXPECT_THAT(told(a_node("bootstrap: {dcs: [a]}")), HasSubstr("error: bootstrap.dcs [\"a\"] is not a dictionary"));
}

// --- sections ---

TEST(Effective, Postgresql) {
  const auto node = a_node(R"(postgresql: {connect_address: 10.0.0.1, proxy_address: 'p:6432', config_dir: /etc/pg, bin_dir: /bin, bin_name: {pg_ctl: x},
    database: db, use_unix_socket: true, krbsrvname: k, custom_conf: c, rewind: [debug], basebackup: {checkpoint: fast}, callbacks: {on_start: a},
    pre_promote: p, before_stop: b, pg_ctl_timeout: 0, pg_hba_replica: null, create_replica_methods: [wal_g, basebackup],
    wal_g: {command: wal-g fetch, no_leader: true, threads: 4}})");
  const auto postgresql = settled(node).postgresql;
  EXPECT_EQ(postgresql.connect_address, (model::HostPort{"10.0.0.1", 5432}));
  EXPECT_EQ(postgresql.proxy_address, (model::HostPort{"p", 6432}));
  EXPECT_EQ(postgresql.config_dir, "/etc/pg");
  EXPECT_EQ(postgresql.bin_name.at("pg_ctl"), "x");
  EXPECT_TRUE(postgresql.use_unix_socket);
  EXPECT_THAT(postgresql.rewind_options, ElementsAre("--debug"));
  EXPECT_THAT(postgresql.basebackup, ElementsAre("--checkpoint=fast"));
  EXPECT_EQ(postgresql.callbacks.at("on_start"), "a");
  EXPECT_EQ(postgresql.pg_ctl_timeout, 60s);
  EXPECT_TRUE(postgresql.role_pg_hba.at("replica").empty());
  EXPECT_FALSE(postgresql.role_pg_hba.contains("primary"));
  ASSERT_EQ(postgresql.create_replica_methods.size(), 2u);
  const auto& method = postgresql.create_replica_methods[0];
  EXPECT_EQ(method.command, "wal-g fetch");
  EXPECT_TRUE(method.no_leader);
  EXPECT_THAT(method.parameters, ElementsAre(Pair("no_leader", "True"), Pair("threads", "4")));
  EXPECT_THAT(told(node), Not(HasSubstr("not a known key")));
}

TEST(Effective, AStandbyClusterNamesMethodsOfItsOwn) {
  const auto node = a_node(R"(postgresql: {create_replica_methods: [basebackup], fetch: {command: fetch it, no_leader: true, where: there}})");
  auto settings = settled(node);
  EXPECT_EQ(model::methods_for_remote(settings).size(), 1u);  // those of the node
  settings.dynamic.standby_cluster = model::StandbyClusterSettings{.host = "h", .create_replica_methods = {"fetch", "basebackup", "unknown"}};
  const auto methods = model::methods_for_remote(settings);
  ASSERT_EQ(methods.size(), 3u);
  EXPECT_EQ(methods[0].command, "fetch it");
  EXPECT_TRUE(methods[0].no_leader);
  EXPECT_THAT(methods[0].parameters, ElementsAre(Pair("no_leader", "True"), Pair("where", "there")));
  EXPECT_EQ(methods[1].name, "basebackup");
  EXPECT_EQ(methods[2].command, "");
}

TEST(Effective, ListenAddresses) {
  const auto local_host = [](const char* listen) { return settled(a_node(fmt::format("postgresql: {{listen: '{}'}}", listen))).postgresql; };
  EXPECT_EQ(local_host("10.0.0.1,127.0.0.1:5433").connect_address, (model::HostPort{"localhost", 5433}));
  EXPECT_EQ(local_host("10.0.0.1, 10.0.0.2:5433").connect_address, (model::HostPort{"10.0.0.1", 5433}));
  EXPECT_EQ(local_host("*:5433").listen_addresses, "*");
  EXPECT_EQ(local_host("[::1]:5433").listen_addresses, "::1");
  EXPECT_EQ(local_host("h").port, 5432);
}

TEST(Effective, Credentials) {
  auto node = a_node();
  node["postgresql"].as_object()["authentication"] =
      object_of("{superuser: {username: s, password: 1234, sslmode: require, network: x}, replication: {username: r}, rewind: {username: w}}");
  const auto postgresql = settled(node).postgresql;
  EXPECT_EQ(postgresql.superuser, (model::Credentials{"s", "1234", {{"sslmode", "require"}}}));
  EXPECT_EQ(postgresql.rewind->username, "w");
  EXPECT_THAT(told(node), HasSubstr("postgresql.authentication.superuser.password *** is not a string; put it in quotes"));
  EXPECT_THAT(told(node), HasSubstr("postgresql.authentication.superuser.network is not a known key"));
}

TEST(Effective, LegacyNames) {
  auto node = a_node();
  auto& postgresql = node["postgresql"].as_object();
  node.erase("name");
  postgresql.erase("authentication");
  postgresql["name"] = "old";
  postgresql["replication"] = json::object{{"username", "r"}};
  postgresql["superuser"] = json::object{{"username", "s"}};
  postgresql["pg_rewind"] = json::object{{"username", "w"}};
  postgresql["create_replica_method"] = json::array{"basebackup"};
  const auto settings = settled(node);
  EXPECT_EQ(settings.name.text, "old");
  EXPECT_EQ(settings.postgresql.replication.username, "r");
  EXPECT_EQ(settings.postgresql.superuser.username, "s");
  EXPECT_TRUE(settings.postgresql.use_pg_rewind);
  postgresql.erase("superuser");
  EXPECT_EQ(settled(node).postgresql.superuser.username, "w");
}

TEST(Effective, RestApiAndControl) {
  const auto settings = settled(a_node(R"({restapi: {listen: ':8008', connect_address: h, authentication: {username: u, password: p}, certfile: /c, cafile: /ca,
    verify_client: Required, allowlist: '10.0.0.0/8, h', http_extra_headers: {X: 1}, server_tokens: Minimal}, ctl: {certfile: /cc}})"));
  EXPECT_EQ(settings.restapi.listen, (model::HostPort{"", 8008}));
  EXPECT_EQ(settings.restapi.api_url(), "https://h:8008/patroni");
  EXPECT_EQ(settings.restapi.verify_client, model::VerifyClient::kRequired);
  EXPECT_THAT(settings.restapi.allowlist, ElementsAre("10.0.0.0/8", "h"));
  EXPECT_EQ(settings.restapi.http_extra_headers.at("X"), "1");
  EXPECT_EQ(settings.restapi.server_tokens, "minimal");
  EXPECT_EQ(settings.ctl.username, "u");
  EXPECT_EQ(settings.ctl.cacert, "/ca");
  EXPECT_EQ(settings.ctl.certfile, "/cc");
}

TEST(Effective, BadRestApi) {
  EXPECT_THAT(told(a_node("restapi: {listen: '8008'}")), HasSubstr("restapi.listen 8008 is not an address with a port"));
  EXPECT_THAT(told(a_node("restapi: {verify_client: mandatory}")), HasSubstr("error: restapi.verify_client mandatory is not known"));
  EXPECT_THAT(told(a_node("restapi: {allowlist: {a: b}}")), HasSubstr("error: restapi.allowlist {\"a\": \"b\"} is not a list"));
  EXPECT_THAT(told(a_node("restapi: {authentication: {username: u}}")), HasSubstr("error: restapi.authentication.password is not defined."));
  EXPECT_THAT(told(a_node("restapi: text")), HasSubstr("error: restapi text is not a dictionary"));
  EXPECT_THAT(told(a_node("restapi: {request_queue_size: 5000}")), HasSubstr("restapi.request_queue_size 5000 is out of range"));
  EXPECT_THAT(told(a_node("restapi: {verify_client: required}")), HasSubstr("has no effect without restapi.certfile"));
}

TEST(Effective, Log) {
  const auto log = settled(a_node(R"(log: {type: json, level: DEBUG, traceback_level: debug, format: [levelname, {message: msg}], static_fields: {a: 1},
    max_queue_size: 0, dir: /log, file_size: 0, file_num: 0, mode: 0640, loggers: {patroni.ha: WARNING}, deduplicate_heartbeat_logs: on})")).log;
  EXPECT_TRUE(log.json);
  EXPECT_EQ(log.level, "DEBUG");
  EXPECT_TRUE(log.details_only_at_debug);
  EXPECT_THAT(log.fields, ElementsAre(Pair("levelname", "levelname"), Pair("message", "msg")));
  EXPECT_EQ(log.static_fields.at("a"), "1");
  EXPECT_EQ(log.max_queue_size, 0u);
  EXPECT_EQ(log.mode, 0640u);
  EXPECT_EQ(log.loggers.at("patroni.ha"), "WARNING");
  EXPECT_TRUE(log.deduplicate_heartbeat_logs);
  EXPECT_THAT(told(a_node("log: {level: info}")), HasSubstr("error: log.level info is not known"));
  EXPECT_THAT(told(a_node("log: {format: [a]}")), HasSubstr("Expected log format to be a string when log type is plain, but got \"list\""));
  EXPECT_THAT(told(a_node("log: {loggers: {x: LOUD}}")), HasSubstr("log.loggers.x LOUD is not known"));
  EXPECT_THAT(told(a_node("log: {file_size: 10MB}")), HasSubstr("log.file_size 10MB is not an integer"));
}

struct WatchdogRow {
  const char* mode;
  model::WatchdogMode expected;
};

TEST(Effective, Watchdog) {
  using enum model::WatchdogMode;
  const WatchdogRow rows[] = {{"off", kOff}, {"'off'", kOff}, {"Disabled", kOff}, {"false", kOff}, {"auto", kAutomatic}, {"AUTOMATIC", kAutomatic},
                              {"require", kRequired}, {"required", kRequired}, {"on", kOff}, {"sometimes", kOff}};
  for (const WatchdogRow& row : rows) {
    EXPECT_EQ(settled(a_node(fmt::format("watchdog: {{mode: {}}}", row.mode))).watchdog.mode, row.expected) << row.mode;
  }
  EXPECT_THAT(told(a_node("watchdog: {mode: on}")), HasSubstr("warning: watchdog.mode True is not known: the watchdog is off"));
  EXPECT_EQ(settled(a_node("watchdog: {safety_margin: -1}")).watchdog.safety_margin, -1s);
  EXPECT_THAT(told(a_node("watchdog: {safety_margin: -2}")), HasSubstr("watchdog.safety_margin -2 is out of range"));
}

TEST(Effective, Tags) {
  const auto tags = settled(a_node("tags: {nofailover: 'false', failover_priority: 2, mine: [1]}")).tags;
  EXPECT_FALSE(tags.nofailover());
  EXPECT_TRUE(tags.custom.contains("mine"));
  EXPECT_THAT(told(a_node("tags: {nofailover: 'false'}")), HasSubstr("tags.nofailover false is text, read as false"));
  EXPECT_THAT(told(a_node("tags: {nofailover: true, failover_priority: 1}")),
              HasSubstr("Conflicting configuration between nofailover: True and failover_priority: 1. Defaulting to nofailover: True"));
  EXPECT_EQ(told(a_node("tags: {nosync: false, sync_priority: 1}")), "");
  EXPECT_THAT(told(a_node("tags: {nosync: false, sync_priority: 0}")), HasSubstr("Conflicting configuration between nosync"));
}

TEST(Effective, Bootstrap) {
  const auto bootstrap = settled(a_node(R"(bootstrap: {method: restore, restore: {command: r, keep_existing_recovery_conf: true, extra: 1,
    recovery_conf: {recovery_target: immediate}}, initdb: [data-checksums], pg_hba: [x], post_init: p})")).bootstrap;
  ASSERT_TRUE(bootstrap);
  EXPECT_EQ(bootstrap->command, "r");
  EXPECT_TRUE(bootstrap->keep_existing_recovery_conf);
  EXPECT_THAT(bootstrap->parameters, ElementsAre(Pair("extra", "1")));
  EXPECT_EQ(bootstrap->recovery_conf.at("recovery_target"), "immediate");
  EXPECT_EQ(bootstrap->post_bootstrap, "p");
  EXPECT_EQ(settled(a_node("bootstrap: {post_bootstrap: a, post_init: b}")).bootstrap->post_bootstrap, "a");
  EXPECT_TRUE(settled(a_node("bootstrap: {}")).bootstrap);
  EXPECT_THAT(told(a_node("bootstrap: {method: restore}")), HasSubstr("error: bootstrap.method restore names a method without a command"));
  EXPECT_THAT(told(a_node("bootstrap: {initdb: [pgdata=/x]}")), HasSubstr("error: bootstrap.initdb pgdata option for initdb is not allowed"));
  EXPECT_THAT(told(a_node("bootstrap: {users: {admin: {password: hunter2}}}")), HasSubstr("bootstrap.users has no effect; gone since Patroni 4"));
}

TEST(Effective, ComplaintsSayWhereTheKeyStands) {
  Loaded loaded{.raw = a_node("log: {level: x}"), .origins = {{"log.level", "n.yml:7"}, {"log", "n.yml:6"}}};
  EXPECT_THAT(all_text(make_settings(loaded).complaints), HasSubstr("error: n.yml:7: log.level x is not known"));
  loaded.origins.erase("log.level");
  EXPECT_THAT(all_text(make_settings(loaded).complaints), HasSubstr("error: n.yml:6: log.level"));
  loaded.complaints.push_back({.wrong = "is broken"});
  EXPECT_FALSE(make_settings(loaded).usable());
}

TEST(Effective, StrictMakesUnknownKeysErrors) {
  EXPECT_TRUE(make_settings(a_node("foo: 1")).usable());
  EXPECT_FALSE(make_settings(a_node("foo: 1"), {}, {.strict = true}).usable());
  EXPECT_FALSE(make_settings(a_node("bootstrap: {dcs: {foo: 1}}"), {}, {.strict = true}).usable());
}

}  // namespace
}  // namespace matriarch::settings
