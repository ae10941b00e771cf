// Several servers: the loss of some, of their leader, and of their quorum.
#include "conformance/fixture.hpp"

namespace matriarch::conformance {
namespace {

using std::chrono::steady_clock;

class ThreeServers : public Conformance {
 protected:
  ThreeServers() {
    wait_until([&] { return store_->connected(); });
    session_ = a_session(*leases_);
  }
  std::vector<std::uint16_t> ports() const { return {cluster_.port(0), cluster_.port(1), cluster_.port(2)}; }

  Cluster cluster_{kind_under_test(), 3};
  std::unique_ptr<store::etcd::Store> store_ = a_store(ports(), 2s);
  std::unique_ptr<store::etcd::LeaseStore> leases_ = a_lease_store(ports());
  SessionToken session_;
};

TEST_F(ThreeServers, TheLossOfAnyOneIsSurvived) {
  ASSERT_THAT(wait(leases_->acquire(session_, kMe, {}, kBudget)), Succeeded());
  for (int server = 0; server < 3; ++server) {
    cluster_.kill(server);
    // One of the three is their leader; a new one takes a while.
    EXPECT_THAT(wait(leases_->renew(session_, kMe, true, 10s)), Succeeded()) << server;
    EXPECT_THAT(wait(store_->write_status({.optime = {static_cast<std::uint64_t>(server) + 1}}, kMe, 10s)), Succeeded()) << server;
    wait_until([&] { return store_->connected(); });
    cluster_.start(server);
  }
}

TEST_F(ThreeServers, WithoutAQuorumNothingIsSaidToBeDone) {
  ASSERT_THAT(wait(leases_->acquire(session_, kMe, {}, kBudget)), Succeeded());
  cluster_.kill(1);
  cluster_.kill(2);
  EXPECT_THAT(wait(leases_->renew(session_, kMe, true, 1s)), FailedWith(StoreFailure::kUnreachable));
  const auto written = wait(store_->set_initialize("7412345678901234567", 1s));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().failure, testing::AnyOf(StoreFailure::kUnknown, StoreFailure::kUnreachable));
  EXPECT_THAT(wait(store_->read(1s)), FailedWith(StoreFailure::kUnreachable));
  wait_until([&] { return !store_->connected(); });
  EXPECT_NE(store_->view(), nullptr);
  cluster_.start(1);
  cluster_.start(2);
  wait_until([&] { return store_->connected(); });
  EXPECT_THAT(wait(store_->set_initialize("7412345678901234567", 10s)), Succeeded());
}

TEST_F(ThreeServers, OneThatIsSuspendedIsLeftAlone) {
  ASSERT_THAT(wait(leases_->acquire(session_, kMe, {}, kBudget)), Succeeded());
  cluster_.suspend(0);
  EXPECT_THAT(wait(leases_->renew(session_, kMe, true, 10s)), Succeeded());
  const auto began = steady_clock::now();
  for (int i = 0; i < 5; ++i) EXPECT_THAT(wait(leases_->renew(session_, kMe, true, 10s)), Succeeded());
  EXPECT_LE(steady_clock::now() - began, 1s);
  cluster_.resume(0);
}

TEST_F(ThreeServers, TheOthersAreFoundThroughTheMemberList) {
  auto settings = store::etcd::ClientSettings{.endpoints = {at(cluster_.port(0))}};
  store::etcd::LeaseStore leases(loop_.executor(), settings, prefix_);
  const auto session = a_session(leases);
  const auto before = leases.requests();
  wait_until([&] { return leases.requests() > before || wait(leases.renew(session, kMe, false, kBudget)).has_value(); });
  cluster_.kill(0);
  EXPECT_THAT(wait(leases.renew(session, kMe, false, 10s)), Succeeded());
}

}  // namespace
}  // namespace matriarch::conformance
