// docs/compatibility.md names the API as it is: routes, health checks, parameters, fields, metrics.
#include "rest/cluster_document.hpp"
#include "rest/health.hpp"
#include "rest/metrics.hpp"
#include "rest/node_document.hpp"
#include "rest/routes.hpp"
#include "unit/document.hpp"
#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

using document::Names;

bool is_routed(const std::string& method, const std::string& path) {
  const Route found = route(method, parse_target(path)).route;
  return found != Route::kNotSupported && found != Route::kHealth && found != Route::kHealthStatus;
}

std::string source(const char* file) { return document::text_of(document::kProject / "src/rest" / file); }

Names routes_in_the_code() {
  const std::string text = source("routes.cpp");
  Names found;
  const std::regex row(R"xx(Row\{"(\w+)", "(\w+)")xx");
  for (std::sregex_iterator match(text.begin(), text.end(), row), end; match != end; ++match) found.insert((*match)[1].str() + " /" + (*match)[2].str());
  for (const auto& path : document::matches_in(text, R"xx(path == "([^"]+)")xx")) found.insert("GET " + path);
  return found;
}

TEST(Compatibility, RoutesAreThoseOfTheCode) {
  Names known;
  for (const auto& row : document::rows_of("routes")) {
    for (const auto& method : document::codes_in(row.at(0))) {
      for (const auto& path : document::codes_in(row.at(1))) {
        EXPECT_EQ(is_routed(method, path), document::is_known(row.at(2))) << method << " " << path;
        if (document::is_known(row.at(2))) known.insert(method + " " + path);
      }
    }
  }
  document::expect_same(known, routes_in_the_code());
}

// Situations in one of which every health check is passed.
std::vector<Situation> good_situations() {
  std::vector<Situation> situations(5);
  situations[0].as_primary().with_lease();
  situations[1].as_replica();
  situations[2].as_replica().with_sync(model::SynchronousMode::kOn);
  situations[3].as_replica().with_sync(model::SynchronousMode::kQuorum);
  situations[4].as_replica().as_standby_cluster().with_lease().node().role = model::PostgresRole::kStandbyLeader;
  return situations;
}

bool can_be_passed(const std::string& path) {
  const auto situations = good_situations();
  return std::any_of(situations.begin(), situations.end(), [&](const Situation& situation) {
    const auto reading = situation.reading();
    return health_code(status_of(reading), reading.settings->tags, parse_target(path)) == 200;
  });
}

TEST(Compatibility, HealthChecksAreThoseOfTheCode) {
  Names described;
  for (const auto& path : document::known_in("health", 0, 1)) {
    EXPECT_TRUE(can_be_passed(path)) << path;
    EXPECT_FALSE(is_routed("GET", path)) << path;
    described.insert(path.substr(1));
  }
  EXPECT_FALSE(can_be_passed("/nothing"));
  const std::string text = source("health.cpp");
  Names in_code = document::matches_in(text, R"xx(path == "/([^"]+)")xx");
  for (const auto& part : document::matches_in(text, R"xx([^!]has\("([^"]+)"\))xx")) in_code.insert(part);
  EXPECT_EQ(described.erase(""), 1u);  // "/" is "/primary"
  document::expect_same(described, in_code);
}

TEST(Compatibility, ParametersAreThoseOfTheCode) {
  const std::string text = document::sources_of("rest");
  Names in_code = document::matches_in(text, R"xx(parameter\("([^"]+)"\))xx");
  for (const auto& flag : document::matches_in(text, R"xx(flags\.contains\("([^"]+)"\))xx")) in_code.insert(flag);
  for (const auto& prefix : document::matches_in(text, R"xx(starts_with\("(tag_)"\))xx")) in_code.insert(prefix + "NAME");
  document::expect_same(document::known_in("parameters", 0, 2), in_code);
}

TEST(Compatibility, FieldsOfRequestsAreThoseOfTheCode) {
  const std::string text = source("bodies.cpp");
  Names in_code = document::matches_in(text, R"xx((?:key == |\(body, |body\.at\(|flag\()"([a-z_]+)")xx");
  for (const char* list : {R"xx(for \(const std::string_view key : \{([^}]+)\})xx", R"xx(body\.if_contains\(("[a-z_]+"))xx"}) {
    for (const auto& names : document::matches_in(text, list)) {
      for (const auto& name : document::matches_in(names, R"xx("([a-z_]+)")xx")) in_code.insert(name);
    }
  }
  document::expect_same(document::known_in("request fields", 1, 2), in_code);
}

void add_fields(const boost::json::object& document, const std::string& below, Names& fields) {
  for (const auto& [key, value] : document) {
    const std::string name = below + std::string(key);
    fields.insert(name);
    // These are the operator's own names.
    const bool is_open = key == "tags" || key == "pending_restart_reason" || key == "scheduled_restart";
    if (value.is_object() && !is_open) add_fields(value.get_object(), name + ".", fields);
    if (value.is_array() && !value.get_array().empty() && value.get_array()[0].is_object()) {
      for (const auto& item : value.get_array()) add_fields(item.as_object(), name + "[].", fields);
    }
  }
}

Situation a_busy_primary() {
  Situation primary;
  primary.as_primary().with_lease().paused();
  primary.node().wal_senders = {{.application_name = model::MemberName("pg-b"), .usename = "repl"}};
  primary.node().pending_restart["max_connections"] = {"100", "200"};
  primary.settings.tags.custom = object(R"({"zone":"a"})");
  primary.settings.watchdog.mode = model::WatchdogMode::kRequired;
  primary.snapshot.seen.watchdog_healthy = false;
  primary.snapshot.decision.memory.scheduled_restart = model::ScheduledRestart{.at = model::WallTime{1772503200s}};
  return primary;
}

TEST(Compatibility, FieldsOfANodeAreThoseOfTheCode) {
  Situation replica, sync, quorum;
  replica.as_replica().without_store().snapshot.failsafe_active = true;
  sync.as_replica().with_sync(model::SynchronousMode::kOn);
  quorum.as_replica().with_sync(model::SynchronousMode::kQuorum);
  Names in_code;
  for (const Situation& situation : {a_busy_primary(), replica, sync, quorum}) {
    const auto reading = situation.reading();
    add_fields(node_document(reading, status_of(reading)), "", in_code);
  }
  document::expect_same(document::known_in("node fields", 0, 1), in_code);
}

TEST(Compatibility, FieldsOfAClusterAreThoseOfTheCode) {
  model::Cluster cluster;
  cluster.config = model::ConfigKey{object(R"({"pause":true})"), true, {}};
  cluster.failover = model::FailoverKey{.leader = model::MemberName("pg-a"), .candidate = model::MemberName("pg-b"), .scheduled_at = model::WallTime{1772505000s}};
  model::Member member;
  member.name = model::MemberName("pg-a");
  member.data = object(R"({"timeline":4,"pending_restart":true,"pending_restart_reason":{},"scheduled_restart":{},"tags":{}})");
  member.conn_url = "postgres://10.1.0.11:5432/postgres";
  cluster.members[member.name] = member;
  Names in_code;
  add_fields(cluster_document(cluster, "orders"), "", in_code);
  document::expect_same(document::known_in("cluster fields", 0, 1), in_code);
}

TEST(Compatibility, MetricsAreThoseOfTheCode) {
  const auto reading = a_busy_primary().reading();
  const auto text = metrics_text(reading, status_of(reading), {.answers = {{200, 5}}, .seconds = 0.5, .certificate_end = model::WallTime{1772503200s}});
  document::expect_same(document::known_in("metrics", 0, 1), document::matches_in(text, R"(# TYPE (\w+))"));
}

}  // namespace
}  // namespace matriarch::rest
