// The requests and answers of dcs.md, word for word as clients of etcd send and expect them.
#include "consensus/server/translate.hpp"

#include <gmock/gmock.h>

#include "consensus/address.hpp"
#include "consensus/server/access.hpp"
#include "consensus/server/rpc_error.hpp"

namespace matriarch::consensus::server {
namespace {

using namespace machine;
namespace json = boost::json;

template <typename Read>
auto parse(const char* text, Read read) {
  const auto object = json::parse(text).as_object();
  std::optional<std::string> error;
  auto value = read(JsonFields(object, error));
  EXPECT_EQ(error, std::nullopt) << text;
  return value;
}
template <typename Read>
std::string complaint(const char* text, Read read) {
  const auto object = json::parse(text).as_object();
  std::optional<std::string> error;
  read(JsonFields(object, error));
  return error.value_or("");
}

TEST(Translate, ThePrefixReadOfAPatroniNode) {
  const auto request = parse(R"({"key":"L3NlcnZpY2UvZGVtby8=","range_end":"L3NlcnZpY2UvZGVtbzA=","serializable":true})",
                             range_request);
  EXPECT_EQ(request.keys.key, "/service/demo/");
  EXPECT_EQ(request.keys.end, "/service/demo0");
}

TEST(Translate, TheLeaderRace) {
  const auto race = parse(
      R"({"compare":[{"target":"CREATE","create_revision":"0","key":"L3NlcnZpY2UvZGVtby9sZWFkZXI="}],
          "success":[{"request_put":{"key":"L3NlcnZpY2UvZGVtby9sZWFkZXI=","value":"cGcx","lease":"5685691196628665605"}}]})",
      transaction);
  ASSERT_EQ(race.compare.size(), 1u);
  EXPECT_EQ(race.compare[0].target, Compare::Target::kCreate);
  EXPECT_EQ(race.compare[0].result, Compare::Result::kEqual);
  const auto& put = std::get<PutRequest>(race.success.at(0).what);
  EXPECT_EQ(put.value, "pg1");
  EXPECT_EQ(put.lease, 5685691196628665605);
}

TEST(Translate, TheNestedRebind) {
  const auto rebind = parse(
      R"({"compare":[{"key":"YQ==","target":"VALUE","value":"cGcx"}],"success":[{"request_put":{"key":"YQ=="}}],
          "failure":[{"request_txn":{"compare":[{"key":"YQ==","target":"CREATE","create_revision":"0"}],
                                     "success":[{"request_put":{"key":"YQ=="}}]}}]})",
      transaction);
  EXPECT_EQ(rebind.compare[0].value, "pg1");
  EXPECT_TRUE(std::holds_alternative<Transaction>(rebind.failure.at(0).what));
}

TEST(Translate, NumbersAsTextOrNumberAndNamesInBothForms) {
  EXPECT_EQ(parse(R"({"key":"YQ==","limit":5,"minModRevision":"7"})", range_request).limit, 5);
  EXPECT_EQ(parse(R"({"key":"YQ==","minModRevision":"7"})", range_request).min_mod_revision, 7);
  EXPECT_EQ(parse(R"({"key":"YQ==","sort_order":"DESCEND","sort_target":3})", range_request).target,
            RangeRequest::Target::kMod);
}

TEST(Translate, WhatIsWrongIsNamed) {
  EXPECT_THAT(complaint(R"({"key":"%%"})", range_request), ::testing::HasSubstr("key"));
  EXPECT_THAT(complaint(R"({"key":"YQ==","limit":"many"})", range_request), ::testing::HasSubstr("limit"));
  EXPECT_THAT(complaint(R"({"key":"YQ==","limit":1.5})", range_request), ::testing::HasSubstr("limit"));
  EXPECT_THAT(complaint(R"({"compare":[{"target":"COLOUR"}]})", transaction), ::testing::HasSubstr("target"));
  EXPECT_THAT(complaint(R"({"success":[{"request_jump":{}}]})", transaction), ::testing::HasSubstr("operation"));
  EXPECT_THAT(complaint(R"({"success":{}})", transaction), ::testing::HasSubstr("success"));
}

TEST(Translate, ZeroEmptyAndFalseAreLeftOut) {
  KeyValue kv{.key = "a", .create_revision = 2, .mod_revision = 3, .version = 1};
  EXPECT_EQ(json::serialize(to_json(kv)), R"({"key":"YQ==","create_revision":"2","mod_revision":"3","version":"1"})");
  EXPECT_EQ(json::serialize(to_json(RangeOutcome{})), "{}");
  EXPECT_EQ(json::serialize(to_json(TransactionOutcome{}, 4)), "{}");
  const Event put{.now = std::make_shared<KeyValue>(kv)};
  EXPECT_EQ(to_json(put, false).if_contains("type"), nullptr);
}

TEST(Translate, ATransactionsAnswersCarryTheirRevision) {
  TransactionOutcome outcome;
  outcome.succeeded = true;
  outcome.responses.push_back({PutOutcome{}});
  EXPECT_EQ(json::serialize(to_json(outcome, 9)),
            R"({"succeeded":true,"responses":[{"response_put":{"header":{"revision":"9"}}}]})");
}

TEST(RpcError, AsEtcdSaysIt) {
  const auto lost = to_response(error_of(Refusal::kLeaseNotFound));
  EXPECT_EQ(lost.status, 404u);
  EXPECT_EQ(lost.body,
            R"({"error":"etcdserver: requested lease not found","message":"etcdserver: requested lease not found","code":5})");
  EXPECT_EQ(to_response(error_of(ProposeFailure::kUnknown)).status, 503u);
  EXPECT_EQ(error_of(ProposeFailure::kUnknown).message, "etcdserver: request timed out");
  EXPECT_EQ(error_of(ProposeFailure::kNoLeader).message, "etcdserver: no leader");
  EXPECT_EQ(error_of(Refusal::kAlreadyAnswered).message, "etcdserver: request timed out");
}

TEST(Access, ATokenIsNeededOnTcpWhenAUserIsConfigured) {
  const Access access(ClientUser{.name = "u", .password = "p"});
  const net::PeerInfo tcp{.address = "127.0.0.1"};
  EXPECT_EQ(access.objection({}, tcp)->message, "etcdserver: user name is empty");
  EXPECT_EQ(access.objection({.headers = {{"Authorization", "nonsense"}}}, tcp)->code, RpcCode::kUnauthenticated);
  EXPECT_EQ(access.log_in("u", "x").error().code, RpcCode::kInvalidArgument);
  const auto token = access.log_in("u", "p").value();
  EXPECT_FALSE(access.objection({.headers = {{"authorization", token}}}, tcp).has_value());
  EXPECT_FALSE(access.objection({}, {.is_unix = true}).has_value());
  const Access changed(ClientUser{.name = "u", .password = "q"});
  EXPECT_TRUE(changed.objection({.headers = {{"authorization", token}}}, tcp).has_value());
}

TEST(Access, WithoutAUserNoTokenIsGivenOrAsked) {
  const Access access(std::nullopt);
  EXPECT_FALSE(access.objection({}, {}).has_value());
  EXPECT_EQ(access.log_in("u", "p").error().message, "etcdserver: authentication is not enabled");
}

TEST(Errors, ALeaderOfAnotherVersionIsNotTakenForNone) {
  const auto error = error_of(ProposeFailure::kUnread);
  EXPECT_EQ(error.code, RpcCode::kUnavailable);
  EXPECT_THAT(error.message, testing::HasSubstr("another version"));
}

TEST(Address, OnlyHostAndPort) {
  EXPECT_EQ(parse_host_port("db1:7400"), (HostPort{"db1", 7400}));
  EXPECT_EQ(parse_host_port("[::1]:7400"), (HostPort{"::1", 7400}));
  EXPECT_EQ(to_string(HostPort{"::1", 7400}), "[::1]:7400");
  for (const auto* bad : {"", "db1", "db1:", ":1", "db1:x", "db1:70000", "::1:7400", "db1:1x"}) {
    EXPECT_EQ(parse_host_port(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace matriarch::consensus::server
