// The view: complete, in order, and honest about being connected.
#include "conformance/fixture.hpp"
#include "conformance/proxy.hpp"

namespace matriarch::conformance {
namespace {

class Watch : public Conformance {};

TEST_F(Watch, ContinuesWhereItStoodAfterAnInterruption) {
  Proxy proxy(the_server().port(0));
  auto store = a_store({proxy.port()});
  wait_until([&] { return store->connected(); });
  // The connection breaks on the next request that goes through it, while records change behind its back.
  proxy.drop_requests_with("/kv/range", 1);
  put_record("leader", "pg1");
  (void)wait(store->read(kBudget));
  put_record("sync", R"({"leader":"pg1","quorum":0,"sync_standby":"pg2"})");
  wait_until([&] { return store->view()->sync.active(); });
  EXPECT_TRUE(store->view()->is_led_by(MemberName("pg1")));
}

TEST_F(Watch, SeesEveryKindOfChange) {
  auto store = a_store();
  wait_until([&] { return store->connected(); });
  put_record("leader", "pg1");
  wait_until([&] { return store->view()->is_led_by(MemberName("pg1")); });
  put_record("leader", "pg2");
  wait_until([&] { return store->view()->is_led_by(MemberName("pg2")); });
  ask("/kv/deleterange", store::etcd::delete_key(prefix_ + "leader"));
  wait_until([&] { return store->view()->is_unlocked(); });
}

TEST_F(Watch, SurvivesCompaction) {
  Proxy proxy(the_server().port(0));
  auto store = a_store({proxy.port()}, 1'000ms);
  wait_until([&] { return store->connected(); });
  // The watch is cut; what it would continue from is compacted meanwhile.
  proxy.hang(true);
  wait_until([&] { return !store->connected(); });
  put_record("leader", "pg1");
  put_record("leader", "pg2");
  const auto revision = record("leader")->mod_revision;
  ask("/kv/compaction", {{"revision", std::to_string(revision)}});
  proxy.hang(false);
  wait_until([&] { return store->connected() && store->view()->is_led_by(MemberName("pg2")); });
  put_record("leader", "pg3");
  wait_until([&] { return store->view()->is_led_by(MemberName("pg3")); });
}

TEST_F(Watch, AServerThatHangsIsNoticedWithinTheBound) {
  Proxy proxy(the_server().port(0));
  auto store = a_store({proxy.port()}, 1'000ms);
  wait_until([&] { return store->connected(); });
  bool was_told = false;
  store->on_change([&] { was_told = true; });
  const auto began = std::chrono::steady_clock::now();
  proxy.hang(true);
  wait_until([&] { return !store->connected(); });
  EXPECT_TRUE(was_told);
  EXPECT_LE(std::chrono::steady_clock::now() - began, 1'500ms);
  EXPECT_NE(store->view(), nullptr);  // the last one stays
  proxy.hang(false);
  wait_until([&] { return store->connected(); });
}

TEST_F(Watch, AQuietClusterStaysConnectedAndCostsNoReads) {
  auto store = a_store({the_server().port(0)}, 600ms);
  wait_until([&] { return store->connected(); });
  bool was_lost = false;
  store->on_change([&] { was_lost = was_lost || !store->connected(); });
  const auto before = store->requests();
  boost::asio::steady_timer timer(loop_.context(), 3s);
  bool is_over = false;
  timer.async_wait([&](auto) { is_over = true; });
  wait_until([&] { return is_over; });
  EXPECT_FALSE(was_lost);
  EXPECT_LE(store->requests() - before, abilities_of(kind_under_test()).sends_progress_often ? 0u : 11u);
}

TEST_F(Watch, ALargeClusterArrivesWhole) {
  auto store = a_store();
  wait_until([&] { return store->connected(); });
  const std::string padding(1000, 'x');
  for (int i = 0; i < 200; ++i) put_record("members/m" + std::to_string(i), R"({"state":"running","padding":")" + padding + "\"}");
  wait_until([&] { return store->view()->members.size() == 200; });
  auto later = a_store();
  wait_until([&] { return later->view() && later->view()->members.size() == 200; });
}

}  // namespace
}  // namespace matriarch::conformance
