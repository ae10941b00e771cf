#include "ctl/store_members.hpp"

#include <gmock/gmock.h>

#include "unit/ctl/sample.hpp"

namespace matriarch::ctl {
namespace {

constexpr std::string_view kTwoOfThreeSilent = R"({"has_leader":false,"members":[{"name":"a","address":"h1:7400","role":"voter","alive":true},
  {"name":"b","address":"h2:7400","role":"voter","alive":false},{"name":"","address":"h3:7400","role":"voter","alive":false},
  {"name":"d","address":"h4:7400","role":"spare","alive":false}]})";

TEST(StoreMembers, AreCountedAndTheSilentOnesNamed) {
  const auto members = read_store_status(object(kTwoOfThreeSilent));
  EXPECT_TRUE(members.answered);
  EXPECT_EQ(members.voters, 3u);
  EXPECT_EQ(describe(members), "the embedded store has no majority: 2 of 3 voters of the store do not answer: b (h2:7400), h3:7400");
  EXPECT_THAT(members.silent_others, testing::ElementsAre("d (h4:7400)"));
  EXPECT_EQ(describe(read_store_status(object(R"({"has_leader":true,"members":[]})"))), "the embedded store has a majority");
  EXPECT_EQ(describe(read_store_status(object(R"({"obstacle":"nobody answers"})"))), "the store of this node is no member of a cluster yet: nobody answers");
  EXPECT_EQ(describe(StoreMembers{.error = "no socket"}), "no socket");
}

TEST(StoreMembers, ALostMajorityIsSaidInOurWords) {
  model::Settings settings;
  settings.store = model::EmbeddedStoreSettings{};
  for (const char* what : {"etcdserver: no leader", "POST /v3/kv/range to 127.0.0.1:7401: timed out", "status code=503, (DCS is not accessible)"}) {
    EXPECT_EQ(said_plainly(settings, what), "the embedded store has no majority (see matriarch store status)") << what;
  }
  EXPECT_EQ(said_plainly(settings, "connection refused"), "connection refused");
  settings.store = model::EtcdSettings{};
  EXPECT_EQ(said_plainly(settings, "etcdserver: no leader"), "etcdserver: no leader");
}

}  // namespace
}  // namespace matriarch::ctl
