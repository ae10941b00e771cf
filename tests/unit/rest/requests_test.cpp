#include <gtest/gtest.h>

#include "net/base64.hpp"
#include "rest/access.hpp"
#include "rest/bodies.hpp"
#include "rest/gate.hpp"
#include "model/timestamp.hpp"
#include "rest/routes.hpp"
#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

TEST(Target, IsTakenApartByteForByte) {
  const auto target = parse_target("///patroni/x%79z?a=1&a=2&b=&c&d=x%20y+z&e=%zz&=v");
  EXPECT_EQ(target.path, "/patroni/x%79z");
  EXPECT_EQ(target.segment, "patroni");
  EXPECT_EQ(target.parameter("a"), "1");
  EXPECT_EQ(target.parameter("b"), std::nullopt);
  EXPECT_TRUE(target.flags.contains("c"));
  EXPECT_EQ(target.parameter("d"), "x y z");
  EXPECT_EQ(target.parameter("e"), "%zz");
  EXPECT_EQ(target.parameter(""), "v");
  EXPECT_EQ(parse_target("").segment, "");
  EXPECT_EQ(parse_target("/?x=1").path, "/");
}

TEST(Route, FollowsTheMethodMatrix) {
  struct {
    const char *method, *target;
    Routed routed;
  } const rows[] = {
      {"GET", "/liveness", {Route::kLiveness}},
      {"HEAD", "/liveness", {Route::kLiveness, true}},
      {"OPTIONS", "/patroni", {Route::kPatroni, true}},
      {"GET", "/patroni/xyz", {Route::kPatroni}},
      {"GET", "/config?x=1", {Route::kGetConfig}},
      {"PATCH", "/config", {Route::kPatchConfig, false, true}},
      {"PUT", "/config", {Route::kPutConfig, false, true}},
      {"POST", "/config", {}},
      {"DELETE", "/config", {}},
      {"GET", "/failsafe", {Route::kGetFailsafe}},
      {"POST", "/failsafe", {Route::kPostFailsafe, false, true}},
      {"POST", "/restart/foo", {Route::kPostRestart, false, true}},
      {"DELETE", "/restart", {Route::kDeleteRestart, false, true}},
      {"GET", "/restart", {Route::kHealth}},
      {"HEAD", "/restart", {Route::kHealthStatus, true}},
      {"POST", "/switchover", {Route::kPostSwitchover, false, true}},
      {"DELETE", "/switchover", {Route::kDeleteSwitchover, false, true}},
      {"POST", "/failover", {Route::kPostFailover, false, true}},
      {"DELETE", "/failover", {}},
      {"POST", "/reinitialize", {Route::kReinitialize, false, true}},
      {"POST", "/reload", {Route::kReload, false, true}},
      {"POST", "/sigterm", {Route::kSigterm, false, true}},
      {"POST", "/mpp", {Route::kMpp, false, true}},
      {"POST", "/citus", {Route::kMpp, false, true}},
      {"GET", "/", {Route::kHealth}},
      {"OPTIONS", "/", {Route::kHealthStatus, true}},
      {"GET", "/nothing", {Route::kHealth}},
      {"POST", "/", {}},
      {"get", "/patroni", {}},
      {"GET", "/matriarch/decisions", {Route::kDecisions}},
      {"GET", "/matriarch/events", {Route::kEvents}},
      {"HEAD", "/matriarch/status", {Route::kStatus, true}},
      {"GET", "/matriarch/unknown", {Route::kHealth}},
      {"POST", "/matriarch/status", {}},
  };
  for (const auto& row : rows) EXPECT_EQ(route(row.method, parse_target(row.target)), row.routed) << row.method << " " << row.target;
}

net::HttpRequest with_body(std::string body) {
  net::HttpRequest request{.method = "POST"};
  request.headers = {{"content-length", std::to_string(body.size())}};
  request.body = std::move(body);
  return request;
}

TEST(Bodies, ThatAreNoObjectsAreRefused) {
  EXPECT_EQ(required_object(net::HttpRequest{.method = "POST"}).error().status, 411u);
  for (const char* body : {"", "{}", "[]", "1", "nonsense", "{\"a\":1", "{\"a\":1}x", "null"}) {
    const auto checked = required_object(with_body(body));
    ASSERT_FALSE(checked) << body;
    EXPECT_EQ(checked.error().status, 400u) << body;
    EXPECT_EQ(checked.error().shape, Answer::Shape::kPage) << body;
  }
  const std::string deep = "{\"a\":" + std::string(60, '[') + std::string(60, ']') + "}";
  EXPECT_EQ(required_object(with_body(deep)).error().status, 400u);
  EXPECT_TRUE(required_object(with_body("{\"a\":null}")));
}

TEST(Bodies, MayBeMissingWhereOptional) {
  EXPECT_TRUE(optional_object(net::HttpRequest{.method = "POST"}));
  EXPECT_TRUE(optional_object(with_body("")));
  EXPECT_TRUE(optional_object(with_body("{}")));
  for (const char* body : {"[]", "1", "x"}) EXPECT_EQ(optional_object(with_body(body)).error().status, 400u) << body;
}

const model::WallTime kNow = model::parse_timestamp("2030-01-01T00:00:00Z").value();

TEST(RestartBody, IsValidatedInOrder) {
  struct {
    const char* body;
    bool paused;
    unsigned status;
    const char* text;
  } const refused[] = {
      {R"({"schedule":"2030-01-02T00:00Z"})", true, 500, "Can't schedule restart in the paused state"},
      {R"({"schedule":"tomorrow"})", false, 422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
      {R"({"schedule":""})", false, 422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
      {R"({"schedule":5})", false, 422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
      {R"({"schedule":"2030-01-02T00:00"})", false, 400, "Timezone information is mandatory for the scheduled restart"},
      {R"({"schedule":"2029-12-31T23:59:59Z"})", false, 422, "Cannot schedule restart in the past"},
      {R"({"role":"master"})", false, 400, "PostgreSQL role should be either primary, standby_leader, or replica"},
      {R"({"role":1})", false, 400, "PostgreSQL role should be either primary, standby_leader, or replica"},
      {R"({"postgres_version":"15"})", false, 400, "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 15"},
      {R"({"postgres_version":"9.6"})", false, 400, "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 9.6"},
      {R"({"postgres_version":"15.x"})", false, 400, "Invalid PostgreSQL version: 15.x"},
      {R"({"postgres_version":15.4})", false, 400, "Invalid PostgreSQL version: 15.4"},
      {R"({"timeout":"soon"})", false, 400, "Timeout should be a positive number of seconds"},
      {R"({"timeout":0})", false, 400, "Timeout should be a positive number of seconds"},
      {R"({"timeout":"400ms"})", false, 400, "Timeout should be a positive number of seconds"},
      {R"({"timeout":true})", false, 400, "Timeout should be a positive number of seconds"},
      {R"({"foo":1,"role":"x"})", false, 400, "Unknown filter for the scheduled restart: foo"},
  };
  for (const auto& row : refused) {
    const auto order = check_restart(object(row.body), row.paused, kNow);
    ASSERT_FALSE(order) << row.body;
    EXPECT_EQ(order.error().status, row.status) << row.body;
    EXPECT_EQ(order.error().body, row.text) << row.body;
  }
  const auto order = check_restart(
      object(R"({"role":"replica","postgres_version":"9.6.24","timeout":"10min","restart_pending":true,"schedule":"2030-01-02 03:00:00+01:00"})"), false, kNow);
  ASSERT_TRUE(order);
  EXPECT_EQ(model::write_json(order->filters), R"({"role":"replica","postgres_version":"9.6.24","timeout":600,"restart_pending":true})");
  EXPECT_EQ(order->schedule->text, "2030-01-02T03:00:00+01:00");
  EXPECT_EQ(order->timeout, 600s);
  EXPECT_TRUE(check_restart(object(R"({"restart_pending":false})"), false, kNow)->filters.empty());
}

TEST(HandoverBody, IsCheckedInPatronisOrderAndWords) {
  struct {
    const char* body;
    bool switchover, paused;
    unsigned status;
    const char* text;
  } const refused[] = {
      {R"({"x":1})", false, false, 400, "Failover could be performed only to a specific candidate"},
      {R"({"candidate":"b"})", true, false, 400, "Switchover could be performed only from a specific leader"},
      {R"({"candidate":"b","scheduled_at":"2030-01-02T00:00Z"})", false, false, 400, "Failover can't be scheduled"},
      {R"({"leader":"a","scheduled_at":"2030-01-02T00:00Z"})", true, true, 400, "Can't schedule switchover in the paused state"},
      {R"({"leader":"a","scheduled_at":"x"})", true, false, 422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
      {R"({"leader":"a","scheduled_at":"2030-01-02T00:00"})", true, false, 400, "Timezone information is mandatory for the scheduled switchover"},
      {R"({"leader":"a","scheduled_at":"2020-01-02T00:00Z"})", true, false, 422, "Cannot schedule switchover in the past"},
      {R"({"leader":"a"})", true, true, 400, "Switchover is possible only to a specific candidate in a paused state"},
      {R"({"leader":"a","candidate":"a"})", true, false, 400, "Switchover target and source are the same"},
      {R"({"leader":"a","candidate":"a","scheduled_at":"2030-01-02T00:00Z"})", true, false, 400, "Switchover target and source are the same"},
      {R"({"leader":["a"]})", true, false, 400, "Switchover could be performed only from a specific leader"},
  };
  for (const auto& row : refused) {
    const auto order = check_handover(object(row.body), row.switchover, row.paused, kNow);
    ASSERT_FALSE(order) << row.body;
    EXPECT_EQ(order.error().status, row.status) << row.body;
    EXPECT_EQ(order.error().body, row.text) << row.body;
  }
  struct {
    const char* body;
    bool switchover;
    const char *key, *action;
  } const accepted[] = {
      {R"({"leader":"a","candidate":null,"scheduled_at":""})", true, R"({"leader":"a"})", "switchover"},
      {R"({"leader":"a","member":"b"})", true, R"({"leader":"a","member":"b"})", "switchover"},
      {R"({"candidate":"b"})", false, R"({"member":"b"})", "failover"},
      {R"({"candidate":"b","leader":"a"})", false, R"({"leader":"a","member":"b"})", "switchover"},
      {R"({"leader":"a","candidate":"b","scheduled_at":"2030-03-04T02:30:00Z"})", true, R"({"leader":"a","member":"b","scheduled_at":"2030-03-04T02:30:00+00:00"})", "switchover"},
  };
  for (const auto& row : accepted) {
    const auto order = check_handover(object(row.body), row.switchover, false, kNow);
    ASSERT_TRUE(order) << row.body << ": " << order.error().body;
    EXPECT_EQ(model::write_json(order->key()), row.key);
    EXPECT_EQ(order->action(), row.action);
  }
}

TEST(ReinitializeBody, ReadsBooleansAsPatroniDoes) {
  EXPECT_TRUE(read_reinitialize(object(R"({"force":"ON","from_leader":1})")).force);
  EXPECT_TRUE(read_reinitialize(object(R"({"force":"ON","from_leader":1})")).from_leader);
  EXPECT_FALSE(read_reinitialize(object(R"({"from-leader":true,"force":"perhaps"})")).from_leader);
  EXPECT_FALSE(read_reinitialize(object(R"({"from-leader":true,"force":"perhaps"})")).force);
}

TEST(FailsafeBody, NeedsItsKeys) {
  for (const char* body : {R"({"conn_url":"c","api_url":"u"})", R"({"name":"a","api_url":"u"})", R"({"name":"a","conn_url":"c"})",
                           R"({"name":1,"conn_url":"c","api_url":"u","slots":{}})"}) {
    EXPECT_EQ(check_failsafe(object(body)).error().status, 400u) << body;
  }
}

TEST(FailsafeBody, MayLackSlotsAndKeepsThePositionsThatAreNumbers) {
  const auto slots_of = [](const std::string& rest) {
    const auto checked = check_failsafe(object(R"({"name":"a","conn_url":"c","api_url":"u")" + rest + "}"));
    return checked ? boost::json::serialize(checked->at("slots")) : "refused";
  };
  EXPECT_EQ(slots_of(""), "{}");
  EXPECT_EQ(slots_of(R"(,"slots":null)"), "{}");
  EXPECT_EQ(slots_of(R"(,"slots":[])"), "{}");
  EXPECT_EQ(slots_of(R"(,"slots":{"a":5,"b":null,"c":"6","d":-1})"), R"({"a":5})");
}

std::vector<net::Header> authorization(const std::string& value) { return {{"authorization", value}}; }

TEST(Access, ChecksCredentials) {
  AccessRules rules{.username = "adm", .password = "s\xC3\xA9" "cret:x"};
  const net::PeerInfo peer{.address = "10.0.0.1"};
  EXPECT_FALSE(refuse(AccessRules{}, peer, {}, false));
  const auto missing = refuse(rules, peer, {}, false);
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 401u);
  EXPECT_EQ(missing->body, "no auth header received");
  EXPECT_EQ(missing->headers.at(0).value, "Basic realm=\"Patroni\"");
  for (const std::string& good : {"Basic " + net::base64_encode("adm:s\xC3\xA9" "cret:x"), "basic " + net::base64_encode("adm:s\xE9" "cret:x")}) {
    EXPECT_FALSE(refuse(rules, peer, authorization(good), false)) << good;
  }
  for (const std::string& bad : {std::string("Basic "), std::string("Bearer x"), "Basic " + net::base64_encode("adm:"), "Basic " + net::base64_encode("adm:x"),
                                 "Basic " + net::base64_encode("adm:s\xC3\xA9" "cret:xx"), std::string("Basic !!!"), std::string()}) {
    const auto refused = refuse(rules, peer, authorization(bad), false);
    ASSERT_TRUE(refused) << bad;
    EXPECT_EQ(refused->status, 401u);
    EXPECT_EQ(refused->body, "not authenticated");
  }
}

TEST(Access, ChecksAddressesThenCertificateThenCredentials) {
  AccessRules rules{.username = "a", .password = "b", .client_certificate_required = true, .allowlist_configured = true};
  rules.allowlist = {*Network::parse("10.1.2.3/8"), *Network::parse("fe80::1")};
  struct {
    const char* address;
    bool certificate;
    unsigned status;
    const char* body;
  } const rows[] = {{"11.0.0.1", true, 403, "Access is denied"},       {"10.200.0.1", false, 403, "client certificate required"},
                    {"::ffff:10.0.0.1", true, 401, "no auth header received"}, {"fe80::1", true, 401, "no auth header received"},
                    {"fe80::2", true, 403, "Access is denied"},        {"", true, 403, "Access is denied"}};
  for (const auto& row : rows) {
    const auto refused = refuse(rules, {.address = row.address, .has_client_certificate = row.certificate}, {}, false);
    ASSERT_TRUE(refused) << row.address;
    EXPECT_EQ(refused->status, row.status) << row.address;
    EXPECT_EQ(refused->body, row.body) << row.address;
  }
  EXPECT_EQ(refuse(rules, {.is_unix = true}, {}, false)->status, 401u);
}

TEST(Access, MembersCountForOperatorsAndTheStaticListForFailsafe) {
  AccessRules rules{.members_allowed = true};
  rules.members = {*Network::parse("10.0.0.2")};
  EXPECT_FALSE(refuse(rules, {.address = "10.0.0.2"}, {}, false));
  EXPECT_TRUE(refuse(rules, {.address = "127.0.0.1"}, {}, false));
  EXPECT_FALSE(refuse(rules, {.address = "127.0.0.1"}, {}, true)) << "no static list: no check for failsafe";
  rules.allowlist_configured = true;
  EXPECT_TRUE(refuse(rules, {.address = "127.0.0.1"}, {}, true));
  EXPECT_TRUE(refuse(rules, {.address = "10.0.0.2"}, {}, true)) << "include-members does not count there";
  rules.failsafe = {*Network::parse("10.0.0.3")};
  EXPECT_FALSE(refuse(rules, {.address = "10.0.0.3"}, {}, true)) << "the failsafe topology does";
  EXPECT_TRUE(refuse(rules, {.address = "10.0.0.3"}, {}, false));
}

TEST(Network, RefusesWhatIsNone) {
  for (const char* text : {"", "host", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/x", "::1/129", "10.0.0/8", "10.0.0.1/-1"}) EXPECT_FALSE(Network::parse(text)) << text;
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(boost::asio::ip::make_address("1.2.3.4")));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(boost::asio::ip::make_address("::1")));
  EXPECT_TRUE(Network::parse("::/0")->contains(boost::asio::ip::make_address("::1")));
}

TEST(Gate, FindsTheHostOfAnUrl) {
  EXPECT_EQ(host_of_url("https://[fe80::1]:8008/patroni"), "fe80::1");
  EXPECT_EQ(host_of_url("http://db-1:8008/patroni"), "db-1");
  EXPECT_EQ(host_of_url("nonsense"), "");
}

}  // namespace
}  // namespace matriarch::rest
