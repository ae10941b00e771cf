// Sessions, and the leader key: who gets it, who keeps it, how it is lost.
#include "conformance/fixture.hpp"

namespace matriarch::conformance {
namespace {

class Lease : public Conformance {
 protected:
  std::unique_ptr<store::etcd::LeaseStore> leases_ = a_lease_store();
};

TEST_F(Lease, TheGrantSaysWhatTheStoreCountsBy) {
  const auto grant = wait(leases_->open_session(2'500ms, kBudget));
  ASSERT_THAT(grant, Succeeded());
  EXPECT_TRUE(grant->session.valid());
  EXPECT_EQ(grant->ttl_granted, abilities_of(kind_under_test()).counts_milliseconds ? 2'500ms : 3'000ms);
  const auto renewed = wait(leases_->renew(grant->session, kMe, false, kBudget));
  ASSERT_THAT(renewed, Succeeded());
  EXPECT_EQ(renewed->ttl_granted, grant->ttl_granted);
}

TEST_F(Lease, AnUnknownSessionIsLost) {
  EXPECT_THAT(wait(leases_->renew({4711}, kMe, false, kBudget)), FailedWith(StoreFailure::kLost));
  EXPECT_THAT(wait(leases_->acquire({4711}, kMe, {}, kBudget)), FailedWith(StoreFailure::kLost));
  EXPECT_THAT(wait(leases_->close_session({4711}, kBudget)), Succeeded());
}

TEST_F(Lease, OnlyOneOfTwoGetsTheLeaderKey) {
  const auto mine = a_session(*leases_);
  const auto other = a_session(*leases_);
  const auto term = wait(leases_->acquire(mine, kMe, {}, kBudget));
  ASSERT_THAT(term, Succeeded());
  EXPECT_EQ(record("leader")->mod_revision, term->value);
  EXPECT_EQ(record("leader")->lease, mine.value);
  EXPECT_THAT(wait(leases_->acquire(other, kOther, {}, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_EQ(record("leader")->value, "pg1");
}

TEST_F(Lease, TwoClientsRaceAndOneWins) {
  auto rival = a_lease_store();
  for (int round = 0; round < 20; ++round) {
    const auto mine = a_session(*leases_);
    const auto other = a_session(*rival);
    std::optional<ports::StoreResult<Revision>> first, second;
    boost::asio::co_spawn(loop_.context(), leases_->acquire(mine, kMe, {}, kBudget), [&](std::exception_ptr, auto result) { first = result; });
    boost::asio::co_spawn(loop_.context(), rival->acquire(other, kOther, {}, kBudget), [&](std::exception_ptr, auto result) { second = result; });
    wait_until([&] { return first && second; });
    ASSERT_NE(first->has_value(), second->has_value());
    EXPECT_EQ(record("leader")->value, *first ? "pg1" : "pg2");
    ASSERT_THAT(wait(*first ? leases_->release(kMe, kBudget) : rival->release(kOther, kBudget)), Succeeded());
  }
}

TEST_F(Lease, AcquiringAgainChangesNothing) {
  const auto session = a_session(*leases_);
  const auto term = wait(leases_->acquire(session, kMe, {}, kBudget));
  const auto again = wait(leases_->acquire(session, kMe, {}, kBudget));
  ASSERT_THAT(again, Succeeded());
  EXPECT_EQ(*again, *term);
}

TEST_F(Lease, AKeyOfOursIsBoundToTheNewSession) {
  const auto before = a_session(*leases_);
  const auto term = wait(leases_->acquire(before, kMe, {}, kBudget));
  const auto after = a_session(*leases_);
  const auto again = wait(leases_->acquire(after, kMe, {}, kBudget));
  ASSERT_THAT(again, Succeeded());
  EXPECT_GT(again->value, term->value);
  EXPECT_EQ(record("leader")->lease, after.value);
  // The end of the old session does not take the key along.
  ASSERT_THAT(wait(leases_->close_session(before, kBudget)), Succeeded());
  EXPECT_THAT(wait(leases_->renew(after, kMe, true, kBudget)), Succeeded());
}

TEST_F(Lease, RenewalBindsAKeyOfOursToo) {
  const auto before = a_session(*leases_);
  ASSERT_THAT(wait(leases_->acquire(before, kMe, {}, kBudget)), Succeeded());
  const auto after = a_session(*leases_);
  EXPECT_THAT(wait(leases_->renew(after, kMe, true, kBudget)), Succeeded());
  EXPECT_EQ(record("leader")->lease, after.value);
}

TEST_F(Lease, TheGuardsHoldAcquisitionBack) {
  auto store = a_store();
  const auto session = a_session(*leases_);
  model::WriteSync write{.leader = kOther, .voters = {kMe}};
  const auto sync = wait(store->write_sync(write, kBudget));
  ASSERT_THAT(sync, Succeeded());

  AcquireLease stale{.sync_revision = Revision{}, .failover_revision = Revision{}};
  EXPECT_THAT(wait(leases_->acquire(session, kMe, stale, kBudget)), FailedWith(StoreFailure::kConflict));
  EXPECT_FALSE(record("leader"));
  AcquireLease fresh{.sync_revision = *sync, .failover_revision = Revision{}};
  EXPECT_THAT(wait(leases_->acquire(session, kMe, fresh, kBudget)), Succeeded());

  ASSERT_THAT(wait(leases_->release(kMe, kBudget)), Succeeded());
  put_record("failover", R"({"member":"pg2"})");
  EXPECT_THAT(wait(leases_->acquire(session, kMe, fresh, kBudget)), FailedWith(StoreFailure::kConflict));
}

TEST_F(Lease, ReleaseRemovesOnlyOurKey) {
  put_record("leader", "pg2");
  EXPECT_THAT(wait(leases_->release(kMe, kBudget)), Succeeded());
  EXPECT_EQ(record("leader")->value, "pg2");
  EXPECT_THAT(wait(leases_->release(kOther, kBudget)), Succeeded());
  EXPECT_FALSE(record("leader"));
  EXPECT_THAT(wait(leases_->release(kOther, kBudget)), Succeeded());
}

TEST_F(Lease, AHolderLearnsThatTheKeyIsGoneOrAnothers) {
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(leases_->acquire(session, kMe, {}, kBudget)), Succeeded());
  EXPECT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), Succeeded());
  put_record("leader", "pg2");
  EXPECT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), FailedWith(StoreFailure::kLost));
  EXPECT_THAT(wait(leases_->renew(session, kMe, false, kBudget)), Succeeded());
  ask("/kv/deleterange", store::etcd::delete_key(prefix_ + "leader"));
  EXPECT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), FailedWith(StoreFailure::kLost));
}

TEST_F(Lease, TheKeyEndsWithItsSession) {
  auto store = a_store();
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(leases_->acquire(session, kMe, {}, kBudget)), Succeeded());
  wait_until([&] { return store->view() && store->view()->is_led_by(kMe); });
  ASSERT_THAT(wait(leases_->close_session(session, kBudget)), Succeeded());
  wait_until([&] { return store->view()->is_unlocked(); });
  EXPECT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), FailedWith(StoreFailure::kLost));
}

TEST_F(Lease, TheKeyRunsOutWhenNobodyRenewsAndNotBefore) {
  auto store = a_store();
  const Milliseconds ttl = abilities_of(kind_under_test()).counts_milliseconds ? 700ms : 2'000ms;
  const auto session = a_session(*leases_, ttl);
  ASSERT_THAT(wait(leases_->acquire(session, kMe, {}, kBudget)), Succeeded());
  wait_until([&] { return store->view() && store->view()->is_led_by(kMe); });
  // Renewed for longer than its ttl it stays.
  auto renewed_at = std::chrono::steady_clock::now();
  const auto until = renewed_at + ttl * 3 / 2;
  while (std::chrono::steady_clock::now() < until) {
    renewed_at = std::chrono::steady_clock::now();
    ASSERT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), Succeeded());
    boost::asio::steady_timer timer(loop_.context(), ttl / 5);
    bool is_over = false;
    timer.async_wait([&](auto) { is_over = true; });
    wait_until([&] { return is_over; });
    ASSERT_TRUE(store->view()->is_led_by(kMe));
  }
  wait_until([&] { return store->view()->is_unlocked(); });
  EXPECT_GE(std::chrono::steady_clock::now() - renewed_at, ttl);
  EXPECT_LE(std::chrono::steady_clock::now() - renewed_at, ttl + 2s);
}

// Two where the answer to the first does not say whose the leader key is.
TEST_F(Lease, ARenewalOfAHeldLeaseIsOneRequestOrTwo) {
  const auto session = a_session(*leases_);
  ASSERT_THAT(wait(leases_->acquire(session, kMe, {}, kBudget)), Succeeded());
  ASSERT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), Succeeded());  // learns which
  const auto before = leases_->requests();
  for (int i = 0; i < 10; ++i) ASSERT_THAT(wait(leases_->renew(session, kMe, true, kBudget)), Succeeded());
  EXPECT_EQ(leases_->requests() - before, kind_under_test() == Kind::kEmbedded ? 10u : 20u);
}

}  // namespace
}  // namespace matriarch::conformance
