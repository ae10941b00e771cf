#include "store/etcd/wire.hpp"

#include <gmock/gmock.h>

#include "model/json_text.hpp"
#include "store/etcd/messages.hpp"
#include "store/etcd/members.hpp"

namespace matriarch::store::etcd {
namespace {

using testing::ElementsAre;

boost::json::object object_of(std::string_view text) { return model::read_json(text)->as_object(); }
std::string text_of(const boost::json::object& object) { return model::write_json(object); }

// The bodies of dcs.md section 4.5, which Patroni sends.
TEST(Wire, SpellsRequestsAsPatroniDoes) {
  EXPECT_EQ(text_of(range_of_prefix("/service/demo/")), R"({"key":"L3NlcnZpY2UvZGVtby8=","range_end":"L3NlcnZpY2UvZGVtbzA="})");
  EXPECT_EQ(text_of(put("/service/demo/leader", "pg1", 5685691196628665605)),
            R"({"key":"L3NlcnZpY2UvZGVtby9sZWFkZXI=","value":"cGcx","lease":"5685691196628665605"})");
  Transaction acquire;
  acquire.compare.emplace_back(is_absent("/service/demo/leader"));
  acquire.success.emplace_back(op_put(put("/service/demo/leader", "pg1", 7)));
  EXPECT_EQ(text_of(std::move(acquire).body()),
            R"({"compare":[{"target":"CREATE","create_revision":"0","key":"L3NlcnZpY2UvZGVtby9sZWFkZXI="}],)"
            R"("success":[{"request_put":{"key":"L3NlcnZpY2UvZGVtby9sZWFkZXI=","value":"cGcx","lease":"7"}}]})");
}

TEST(Wire, EndsAPrefixAfterItsLastByte) {
  EXPECT_EQ(end_of_prefix("/service/demo/"), "/service/demo0");
  EXPECT_EQ(end_of_prefix("a\xFF\xFF"), "b");
  EXPECT_EQ(end_of_prefix("\xFF"), std::string(1, '\0'));
}

TEST(Wire, TakesLeftOutFieldsForZero) {
  EXPECT_EQ(header_of(object_of(R"({"header":{"cluster_id":"14841639068965178418","revision":"4","raft_term":"2"}})")),
            (Header{.cluster_id = 14841639068965178418u, .revision = 4, .raft_term = 2}));
  EXPECT_EQ(header_of({}), Header{});
  const auto kv = key_value_of(object_of(R"({"key":"YQ==","mod_revision":"3"})"));
  ASSERT_TRUE(kv);
  EXPECT_EQ(*kv, (KeyValue{.key = "a", .mod_revision = 3}));
  EXPECT_FALSE(key_value_of(object_of(R"({"key":"?"})")));
  EXPECT_EQ(number_in(object_of(R"({"n":"99999999999999999999"})"), "n"), 0);
  EXPECT_EQ(number_in(object_of(R"({"n":12})"), "n"), 12);
}

TEST(Wire, ReadsWhatAWatchSays) {
  auto message = watch_message_of(object_of(R"({"result":{"header":{"revision":"4"},"events":[{"kv":{"key":"YQ==","mod_revision":"2","value":"Yg=="}},{"type":"DELETE","kv":{"key":"YQ==","mod_revision":"4"}}]}})"));
  ASSERT_EQ(message.events.size(), 2u);
  EXPECT_FALSE(message.events[0].is_delete);
  EXPECT_EQ(message.events[0].kv.value, "b");
  EXPECT_TRUE(message.events[1].is_delete);

  EXPECT_TRUE(watch_message_of(object_of(R"({"result":{"header":{},"canceled":true,"compact_revision":"3"}})")).canceled);
  message = watch_message_of(object_of(R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})"));
  EXPECT_TRUE(message.canceled);
  EXPECT_EQ(message.reason, "etcdserver: no leader");
}

TEST(Messages, ComeWholeWhateverThePieces) {
  const std::string text = R"({"a":{"b":"}{"}})" "\n" R"({"c":2} {"d":3})" "\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Messages messages(100);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(messages.feed(std::string_view(text).substr(at, piece), [&](const auto& object) {
        seen.push_back(text_of(object));
        return true;
      }));
    }
    EXPECT_THAT(seen, ElementsAre(R"({"a":{"b":"}{"}})", R"({"c":2})", R"({"d":3})")) << piece;
  }
}

TEST(Messages, AreBoundedAndStopAtNonsense) {
  const auto all = [](const auto&) { return true; };
  Messages large(10);
  EXPECT_FALSE(large.feed("{\"a\":\"0123456789\"}", all));
  EXPECT_TRUE(large.is_broken());
  Messages nonsense(10);
  EXPECT_FALSE(nonsense.feed("hello", all));
  Messages number(10);
  EXPECT_FALSE(number.feed("[] ", all));
  Messages ended(100);
  EXPECT_FALSE(ended.feed("{}{}", [](const auto&) { return false; }));
  EXPECT_FALSE(ended.is_broken());
}

TEST(Members, AreTakenWithTheRightProtocolOnly) {
  const auto list = object_of(R"({"members":[{"clientURLs":["http://10.0.0.1:2379","https://10.0.0.1:2380","unix://x","nonsense"]},{},{"clientURLs":["http://[::1]:2379"]},5]})");
  const auto endpoints = client_endpoints_of(list, nullptr);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(std::get<net::TcpEndpoint>(endpoints[0]).host, "10.0.0.1");
  EXPECT_EQ(std::get<net::TcpEndpoint>(endpoints[1]).host, "::1");
  EXPECT_EQ(std::get<net::TcpEndpoint>(endpoints[1]).port, 2379);
}

}  // namespace
}  // namespace matriarch::store::etcd
