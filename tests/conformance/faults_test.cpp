// Lost answers, dead and hung servers: the outcome is what happened, or it is said to be unknown.
#include "conformance/fixture.hpp"
#include "conformance/proxy.hpp"

namespace matriarch::conformance {
namespace {

using std::chrono::steady_clock;

class Faults : public Conformance {
 protected:
  std::uint16_t good() { return the_server().port(0); }
  Proxy proxy_{the_server().port(0)};
};

TEST_F(Faults, AnAcquisitionWhoseAnswerWasLostIsOurs) {
  auto leases = a_lease_store({proxy_.port()});
  const auto session = a_session(*leases);
  proxy_.drop_answers_to("/kv/txn");
  const auto term = wait(leases->acquire(session, kMe, {}, kBudget));
  ASSERT_THAT(term, Succeeded());
  EXPECT_EQ(proxy_.dropped(), 1);
  EXPECT_EQ(record("leader")->mod_revision, term->value);
  EXPECT_EQ(record("leader")->create_revision, term->value);  // made once
}

TEST_F(Faults, AnAcquisitionThatNeverArrivedIsMadeAgain) {
  auto leases = a_lease_store({proxy_.port()});
  const auto session = a_session(*leases);
  proxy_.drop_requests_with("/kv/txn");
  EXPECT_THAT(wait(leases->acquire(session, kMe, {}, kBudget)), Succeeded());
  EXPECT_EQ(proxy_.dropped(), 1);
}

TEST_F(Faults, ALostAnswerDoesNotTurnAnothersKeyIntoOurs) {
  auto leases = a_lease_store({proxy_.port()});
  const auto session = a_session(*leases);
  put_record("leader", "pg2");
  proxy_.drop_answers_to("/kv/txn");
  EXPECT_THAT(wait(leases->acquire(session, kMe, {}, kBudget)), FailedWith(StoreFailure::kConflict));
}

// Else the key would stand under a session that ends before the one that its holder counts by (docs/invariants.md S2).
TEST_F(Faults, AMoveOfTheKeyThatArrivesLateDoesNotUndoALaterOne) {
  auto leases = a_lease_store({proxy_.port()});
  ASSERT_THAT(wait(leases->acquire(a_session(*leases), kMe, {}, kBudget)), Succeeded());
  const auto given_up = a_session(*leases), later = a_session(*leases);
  proxy_.drop_requests_with("/kv/txn", 1'000'000);
  EXPECT_THAT(wait(leases->acquire(given_up, kMe, {.only_if_ours = true}, 300ms)), FailedWith(StoreFailure::kUnknown));
  proxy_.drop_requests_with("");
  EXPECT_THAT(wait(leases->acquire(later, kMe, {.only_if_ours = true}, kBudget)), Succeeded());
  proxy_.deliver_dropped_request();
  EXPECT_EQ(record("leader")->lease, later.value);
}

TEST_F(Faults, AReleaseThatArrivesLateIsNoneOfALaterLease) {
  auto leases = a_lease_store({proxy_.port()});
  ASSERT_THAT(wait(leases->acquire(a_session(*leases), kMe, {}, kBudget)), Succeeded());
  proxy_.drop_requests_with("/kv/txn", 1'000'000);
  EXPECT_THAT(wait(leases->release(kMe, 300ms)), FailedWith(StoreFailure::kUnknown));
  proxy_.drop_requests_with("");
  const auto later = a_session(*leases);
  ASSERT_THAT(wait(leases->acquire(later, kMe, {}, kBudget)), Succeeded());
  proxy_.deliver_dropped_request();
  ASSERT_TRUE(record("leader"));
  EXPECT_EQ(record("leader")->lease, later.value);
}

TEST_F(Faults, AWriteWhoseAnswersAreAllLostIsUnknown) {
  auto leases = a_lease_store({proxy_.port()});
  const auto session = a_session(*leases);
  proxy_.drop_answers_to("/kv/txn", 1'000'000);
  EXPECT_THAT(wait(leases->acquire(session, kMe, {}, 300ms)), FailedWith(StoreFailure::kUnknown));
  EXPECT_EQ(record("leader")->value, "pg1");
}

TEST_F(Faults, ACompareAndSwapWhoseAnswerWasLostIsDone) {
  auto store = a_store({proxy_.port()});
  model::WriteSync write{.leader = kMe};
  const auto first = wait(store->write_sync(write, kBudget));
  ASSERT_THAT(first, Succeeded());
  proxy_.drop_answers_to("/kv/txn");
  write.voters = {kOther};
  write.expected = *first;
  const auto second = wait(store->write_sync(write, kBudget));
  ASSERT_THAT(second, Succeeded());
  EXPECT_EQ(proxy_.dropped(), 1);
  EXPECT_EQ(record("sync")->mod_revision, second->value);
  EXPECT_EQ(store->view()->sync.revision, *second);

  proxy_.drop_answers_to("/kv/txn");
  EXPECT_THAT(wait(store->delete_sync(*second, kBudget)), Succeeded());
  EXPECT_EQ(proxy_.dropped(), 2);
}

TEST_F(Faults, ACompareAndSwapThatLostIsAConflictEvenIfAnAnswerWasLost) {
  auto store = a_store({proxy_.port()});
  put_record("sync", R"({"leader":"pg2","quorum":0,"sync_standby":null})");
  proxy_.drop_answers_to("/kv/txn");
  model::WriteSync write{.leader = kMe};
  EXPECT_THAT(wait(store->write_sync(write, kBudget)), FailedWith(StoreFailure::kConflict));
}

TEST_F(Faults, InitializeIsCreatedOnceEvenIfTheAnswerWasLost) {
  auto store = a_store({proxy_.port()});
  auto leases = a_lease_store();
  const auto session = a_session(*leases);
  proxy_.drop_answers_to("/kv/txn");
  EXPECT_THAT(wait(store->create_initialize("", session, kBudget)), Succeeded());
  EXPECT_THAT(wait(store->create_initialize("", a_session(*leases), kBudget)), FailedWith(StoreFailure::kConflict));
}

TEST_F(Faults, ALostKeepAliveIsSentAgain) {
  auto leases = a_lease_store({proxy_.port()});
  const auto session = a_session(*leases);
  ASSERT_THAT(wait(leases->acquire(session, kMe, {}, kBudget)), Succeeded());
  proxy_.drop_requests_with("/kv/range");
  EXPECT_THAT(wait(leases->renew(session, kMe, true, kBudget)), Succeeded());
  proxy_.drop_answers_to("/lease/keepalive");
  EXPECT_THAT(wait(leases->renew(session, kMe, true, kBudget)), Succeeded());
  EXPECT_EQ(proxy_.dropped(), 2);
}

TEST_F(Faults, NobodyThereIsUnreachableAtTheDeadline) {
  const auto nobody = a_free_port();
  auto leases = a_lease_store({nobody});
  const auto began = steady_clock::now();
  EXPECT_THAT(wait(leases->open_session(10s, 300ms)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_THAT(wait(leases->renew({5}, kMe, true, 300ms)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_THAT(wait(leases->acquire({5}, kMe, {}, 300ms)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_LE(steady_clock::now() - began, 1'500ms);
  auto store = a_store({nobody});
  EXPECT_THAT(wait(store->read(300ms)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_THAT(wait(store->set_initialize("x", 300ms)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_FALSE(store->connected());
  EXPECT_EQ(store->view(), nullptr);
}

TEST_F(Faults, AHungServerIsUnreachableForRenewalAndUnknownForWrites) {
  auto leases = a_lease_store({proxy_.port()});
  const auto session = a_session(*leases);
  ASSERT_THAT(wait(leases->acquire(session, kMe, {}, kBudget)), Succeeded());
  proxy_.hang(true);
  const auto began = steady_clock::now();
  EXPECT_THAT(wait(leases->renew(session, kMe, true, 300ms)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_THAT(wait(leases->acquire(session, kMe, {}, 300ms)), FailedWith(StoreFailure::kUnknown));
  EXPECT_LE(steady_clock::now() - began, 1s);
}

TEST_F(Faults, ADeadServerCostsNothingWhenThereIsAnother) {
  auto leases = a_lease_store({a_free_port(), good()});
  const auto began = steady_clock::now();
  const auto session = a_session(*leases);
  EXPECT_THAT(wait(leases->acquire(session, kMe, {}, kBudget)), Succeeded());
  EXPECT_THAT(wait(leases->renew(session, kMe, true, kBudget)), Succeeded());
  EXPECT_LE(steady_clock::now() - began, 1s);
}

TEST_F(Faults, AHungServerCostsAtMostHalfOfOneBudget) {
  proxy_.hang(true);
  auto leases = a_lease_store({proxy_.port(), good()});
  const auto session = a_session(*leases);
  ASSERT_THAT(wait(leases->acquire(session, kMe, {}, kBudget)), Succeeded());
  // From now on the other one is asked first.
  const auto began = steady_clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_THAT(wait(leases->renew(session, kMe, true, kBudget)), Succeeded());
  EXPECT_LE(steady_clock::now() - began, 1s);
}

TEST_F(Faults, ABlackHoleCostsAtMostHalfOfOneBudget) {
  BlackHole hole;
  auto leases = a_lease_store({hole.port(), good()});
  auto store = a_store({hole.port(), good()});
  const auto session = a_session(*leases);
  EXPECT_THAT(wait(leases->acquire(session, kMe, {}, 1s)), Succeeded());
  EXPECT_THAT(wait(store->publish_member(kMe, {{"state", "running"}}, session, 1s)), Succeeded());
  wait_until([&] { return store->connected(); });
}

TEST_F(Faults, TheViewMovesToTheOtherServerWithoutBeingLost) {
  auto store = a_store({proxy_.port(), good()}, 1s);
  wait_until([&] { return store->connected(); });
  bool was_lost = false;
  store->on_change([&] { was_lost = was_lost || !store->connected(); });
  proxy_.hang(true);
  put_record("leader", "pg1");
  wait_until([&] { return store->view()->is_led_by(kMe); });
  EXPECT_FALSE(was_lost);
}

TEST_F(Faults, AStoreThatIsDestroyedUnderARequestLeavesNothingBehind) {
  proxy_.hang(true);
  {
    auto store = a_store({proxy_.port()});
    boost::asio::steady_timer timer(loop_.context(), 50ms);
    bool is_over = false;
    timer.async_wait([&](auto) { is_over = true; });
    wait_until([&] { return is_over; });
  }
  const auto began = steady_clock::now();
  loop_.context().restart();
  loop_.context().run_for(5s);
  EXPECT_LE(steady_clock::now() - began, 2s);  // nothing waits any more
}

}  // namespace
}  // namespace matriarch::conformance
