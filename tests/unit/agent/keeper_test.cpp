// The keeper of the lease against a store, a guardian and a clock that do what each test says.
#include <gmock/gmock.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <map>

#include "agent/keeper.hpp"

namespace matriarch::agent {
namespace {

namespace asio = boost::asio;
using model::Instant;
using model::LeaseOutcome;
using model::Milliseconds;
using ports::SessionGrant;
using ports::StoreError;
using ports::StoreFailure;
using ports::StoreResult;
using namespace std::chrono_literals;

// Waits until somebody opens it; a closed gate is how an answer stays away.
class Gate {
 public:
  explicit Gate(asio::io_context& io) : io_(io) {}
  asio::awaitable<void> pass() {
    while (closed) {
      asio::steady_timer& timer = timers_.emplace_back(io_, asio::steady_timer::time_point::max());
      (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
  void open() {
    closed = false;
    for (auto& timer : timers_) timer.cancel();
  }
  bool closed = false;

 private:
  asio::io_context& io_;
  std::list<asio::steady_timer> timers_;
};

class ManualClock : public ports::Clock {
 public:
  explicit ManualClock(asio::io_context& io) : io_(io) {}
  Instant now() const override { return now_; }
  model::WallTime wall_now() const override { return {}; }
  asio::awaitable<bool> sleep_until(Instant when) override {
    auto& sleeper = sleepers_.emplace_back(when, asio::steady_timer(io_, asio::steady_timer::time_point::max()));
    co_await asio::this_coro::throw_if_cancelled(false);
    if (when > now_) (void)co_await sleeper.second.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return now_ >= when;
  }
  void advance(Milliseconds by) {
    now_ += by;
    for (auto& [when, timer] : sleepers_) {
      if (when <= now_) timer.cancel();
    }
  }

 private:
  asio::io_context& io_;
  Instant now_{1h};
  std::list<std::pair<Instant, asio::steady_timer>> sleepers_;
};

struct ScriptedStore : ports::LeaseStore {
  explicit ScriptedStore(asio::io_context& io) : renewal(io), release_gate(io) {}

  asio::awaitable<StoreResult<SessionGrant>> open_session(Milliseconds ttl, Milliseconds) override {
    granted[++sessions] = ttl;
    if (failure) co_return tl::unexpected(StoreError{*failure, "as the test says"});
    co_return SessionGrant{.session = {sessions}, .ttl_granted = ttl};
  }
  asio::awaitable<StoreResult<SessionGrant>> renew(model::SessionToken session, model::MemberName, bool holding, Milliseconds) override {
    ++(holding ? held_renewals : renewals);
    co_await renewal.pass();
    if (failure) co_return tl::unexpected(StoreError{*failure, "as the test says"});
    co_return SessionGrant{.session = session, .ttl_granted = granted[session.value]};
  }
  asio::awaitable<StoreResult<model::Revision>> acquire(model::SessionToken, model::MemberName, model::AcquireLease guards, Milliseconds) override {
    acquisitions.push_back(guards);
    if (acquisition_failure) co_return tl::unexpected(StoreError{*acquisition_failure, "as the test says"});
    if (failure) co_return tl::unexpected(StoreError{*failure, "as the test says"});
    co_return model::Revision{7};
  }
  asio::awaitable<StoreResult<void>> release(model::MemberName, Milliseconds) override {
    ++releases;
    co_await release_gate.pass();
    co_return StoreResult<void>();
  }
  asio::awaitable<StoreResult<void>> close_session(model::SessionToken, Milliseconds) override { co_return StoreResult<void>(); }

  Gate renewal, release_gate;
  std::optional<StoreFailure> failure, acquisition_failure;
  std::int64_t sessions = 0;
  std::map<std::int64_t, Milliseconds> granted;
  int renewals = 0, held_renewals = 0, releases = 0;
  std::vector<model::AcquireLease> acquisitions;
};

struct RecordingGuardian : ports::Guardian {
  void note_sending() override {}
  void publish_lease(model::SessionToken, std::uint64_t published_term, Instant until) override { term = published_term, valid_until = until; }
  model::LeaseState resumable_lease() const override { return resumable; }
  asio::awaitable<model::Result<void, ports::GuardianError>> arm(std::uint64_t, Milliseconds) override {
    valid_until_when_armed = valid_until;
    ++asked_to_arm;
    if (!arms) co_return tl::unexpected(ports::GuardianError{"gone"});
    co_return model::Result<void, ports::GuardianError>();
  }
  void stand_down(std::string) override { stood_down = true; }
  void publish_writable(bool) override {}
  void publish_pause(bool) override {}
  Milliseconds fence_budget() const override { return 150ms; }

  model::LeaseState resumable;
  bool arms = true, stood_down = false;
  int asked_to_arm = 0;
  std::uint64_t term = 0;
  Instant valid_until{}, valid_until_when_armed{};
};

struct NoWatchdog : ports::Watchdog {
  void apply_settings(const model::WatchdogSettings&, const model::Timing&) override {}
  bool activate() override { return true; }
  void keep_alive(Instant, Instant) override {}
  void disable() override {}
  bool is_active() const override { return false; }
  bool is_healthy() const override { return true; }
};

struct OneBoard : ports::Board {
  void publish(std::shared_ptr<const ports::Snapshot>) override {}
  std::shared_ptr<const ports::Snapshot> latest() const override { return nullptr; }
  void publish_lease(model::LeaseState lease) override { last = lease; }
  model::LeaseState lease() const override { return last; }
  model::LeaseState last;
};

constexpr Milliseconds kRenewal{500};  // of a held lease, with a ttl of 2 s

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() { asio::co_spawn(io, keeper.run(), asio::detached); }

  // Everything that is ready; no time passes.
  void settle() {
    io.restart();
    io.poll();
  }
  void pass(Milliseconds time) {
    clock.advance(time);
    settle();
  }
  void lead() {
    settle();
    keeper.grant_permit(clock.now() + 1h);
    keeper.acquire({});
    settle();
    ASSERT_EQ(board.last.outcome, LeaseOutcome::kHeld);
  }
  // Of a request sent then, with a ttl of 2 s: less the clock-rate margin of 0.5 % and 1 ms.
  static Instant end_of(Instant sent) { return sent + 2s - 10ms - 1ms; }

  asio::io_context io;
  ManualClock clock{io};
  ScriptedStore store{io};
  RecordingGuardian guardian;
  NoWatchdog watchdog;
  OneBoard board;
  Keeper keeper{io.get_executor(), {store, clock, guardian, watchdog, board}, model::MemberName("node-1"), {.ttl = 2s, .loop_wait = 1s, .retry_timeout = 500ms}};
};

TEST_F(KeeperTest, TheLeaseIsOnThePageBeforeTheGuardianIsAskedToWatchIt) {
  lead();
  EXPECT_EQ(board.last.term, 7u);
  EXPECT_TRUE(board.last.armed);
  EXPECT_EQ(guardian.valid_until_when_armed, end_of(clock.now()));
}

TEST_F(KeeperTest, WithoutTheGuardiansWordTheLeaseIsNotArmed) {
  guardian.arms = false;
  lead();
  EXPECT_FALSE(board.last.armed);
}

// It may have seen a lease that was too short, or have been late itself: without another try the cluster would have a
// leader that never promotes.
TEST_F(KeeperTest, AGuardianThatRefusedIsAskedAgainWithTheNextRenewal) {
  guardian.arms = false;
  lead();
  guardian.arms = true;
  pass(kRenewal);
  EXPECT_TRUE(board.last.armed);
  EXPECT_EQ(guardian.asked_to_arm, 2);
  pass(kRenewal);
  EXPECT_EQ(guardian.asked_to_arm, 2);
}

TEST_F(KeeperTest, TheLeaseCountsFromTheSendingOfTheRenewal) {
  lead();
  store.renewal.closed = true;
  pass(kRenewal);
  ASSERT_EQ(store.held_renewals, 1);
  const Instant sent = clock.now();
  pass(300ms);
  store.renewal.open();
  settle();
  EXPECT_EQ(board.last.valid_until, end_of(sent));
  EXPECT_EQ(guardian.valid_until, end_of(sent));
}

TEST_F(KeeperTest, ARenewalOfUnknownOutcomeExtendsNothing) {
  lead();
  const Instant until = board.last.valid_until;
  store.failure = StoreFailure::kUnknown;
  pass(kRenewal);
  EXPECT_EQ(store.held_renewals, 1);
  EXPECT_EQ(board.last.valid_until, until);
  EXPECT_EQ(board.last.outcome, LeaseOutcome::kUnreachable);
  EXPECT_TRUE(board.last.holds(clock.now()));
}

TEST_F(KeeperTest, ADefiniteRefusalEndsTheLeaseAtOnce) {
  lead();
  store.failure = StoreFailure::kLost;
  pass(kRenewal);
  EXPECT_EQ(board.last.outcome, LeaseOutcome::kLost);
  EXPECT_FALSE(board.last.holds(clock.now()));
  EXPECT_LE(guardian.valid_until, clock.now());
}

TEST_F(KeeperTest, WithoutAPermitAHeldLeaseRunsOut) {
  lead();
  const Instant until = board.last.valid_until;
  keeper.grant_permit(Instant{});
  for (int i = 0; i < 3; ++i) pass(kRenewal);
  EXPECT_EQ(store.held_renewals, 0);
  EXPECT_EQ(board.last.valid_until, until);
  pass(kRenewal);
  EXPECT_EQ(board.last.outcome, LeaseOutcome::kLost);
}

// An agent that was just started resumes a lease before its rules have looked at anything.
TEST_F(KeeperTest, APermitThatComesLateIsUsedSoon) {
  lead();
  keeper.grant_permit(Instant{});
  pass(kRenewal);
  ASSERT_EQ(store.held_renewals, 0);
  keeper.grant_permit(clock.now() + 1h);
  pass(150ms);
  EXPECT_EQ(store.held_renewals, 1);
}

TEST_F(KeeperTest, ReleasingEndsLeadershipHereBeforeTheStoreAnswers) {
  lead();
  store.renewal.closed = true;
  pass(kRenewal);
  ASSERT_EQ(store.held_renewals, 1);  // and its answer stays away

  bool told = false;
  keeper.release([&] { told = true; });
  settle();
  EXPECT_EQ(board.last.outcome, LeaseOutcome::kReleased);
  EXPECT_TRUE(guardian.stood_down);
  EXPECT_EQ(guardian.valid_until, Instant{});
  EXPECT_FALSE(told);

  store.renewal.open();
  store.release_gate.closed = true;
  settle();
  EXPECT_EQ(store.releases, 1);
  EXPECT_EQ(board.last.outcome, LeaseOutcome::kReleased) << "the late answer of the renewal must not bring the lease back";
  EXPECT_FALSE(told);
  store.release_gate.open();
  settle();
  EXPECT_TRUE(told);
}

TEST_F(KeeperTest, AnAcquisitionIsForTheMomentItWasDecidedIn) {
  store.failure = StoreFailure::kUnreachable;
  settle();
  keeper.acquire({});
  settle();
  pass(kRenewal);
  EXPECT_FALSE(board.last.acquiring);
  store.failure.reset();
  pass(1s);
  pass(1s);
  EXPECT_TRUE(store.acquisitions.empty());
}

TEST_F(KeeperTest, ANewTtlMovesTheKeyOnlyIfItIsOurs) {
  lead();
  keeper.set_timing({.ttl = 3s, .loop_wait = 1s, .retry_timeout = 500ms});
  settle();
  ASSERT_EQ(store.acquisitions.size(), 2u);
  EXPECT_TRUE(store.acquisitions.back().only_if_ours);
  EXPECT_EQ(board.last.session.value, 2);
  EXPECT_EQ(board.last.ttl_granted, 3s);
}

// The store gives the key away when the new, shorter session ends: nobody here may count on the old one any more.
TEST_F(KeeperTest, AShorterTtlShortensTheLeaseBeforeTheKeyIsMoved) {
  lead();
  store.acquisition_failure = StoreFailure::kUnknown;
  keeper.set_timing({.ttl = 1s, .loop_wait = 1s, .retry_timeout = 500ms});
  settle();
  const Instant end = clock.now() + 1s - 5ms - 1ms;
  EXPECT_EQ(board.last.valid_until, end);
  EXPECT_EQ(guardian.valid_until, end);

  // The old session is still renewed, and says nothing of where the key will be.
  pass(200ms);
  EXPECT_GE(store.held_renewals, 1);
  EXPECT_EQ(guardian.valid_until, end);

  // That another attempt certainly failed says nothing of the first one.
  store.acquisition_failure = StoreFailure::kUnreachable;
  pass(200ms);
  EXPECT_EQ(guardian.valid_until, end);

  store.acquisition_failure.reset();
  pass(200ms);
  EXPECT_EQ(board.last.ttl_granted, 1s);
  EXPECT_EQ(guardian.valid_until, clock.now() + 1s - 5ms - 1ms);
}

TEST_F(KeeperTest, WithoutAPermitTheKeyIsNotMoved) {
  lead();
  keeper.grant_permit(Instant{});
  keeper.set_timing({.ttl = 3s, .loop_wait = 1s, .retry_timeout = 500ms});
  settle();
  EXPECT_EQ(store.acquisitions.size(), 1u);
}

TEST_F(KeeperTest, FailsafeExtendsOnlyWhatIsHeld) {
  settle();
  keeper.extend(clock.now());
  settle();
  EXPECT_EQ(board.last.valid_until, Instant{});
  lead();
  clock.advance(100ms);
  keeper.extend(clock.now());
  settle();
  EXPECT_EQ(board.last.valid_until, end_of(clock.now()));
}

}  // namespace
}  // namespace matriarch::agent
