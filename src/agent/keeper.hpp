// The keeper of the lease.
//
// It opens and renews the session, acquires and releases the leader key, and tells the guardian after every renewal how
// long PostgreSQL may go on. It runs on an executor of its own, so that nothing the agent does can delay a renewal
// (docs/invariants.md S25), and it renews a held lease only while the permit lasts, so that an agent that hangs cannot
// keep leadership for ever.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/alarm.hpp"
#include "model/decision.hpp"
#include "model/lease.hpp"
#include "model/settings.hpp"
#include "ports/board.hpp"
#include "ports/clock.hpp"
#include "ports/guardian.hpp"
#include "ports/store.hpp"
#include "ports/watchdog.hpp"

namespace matriarch::agent {

struct KeeperWorld {
  ports::LeaseStore& store;
  ports::Clock& clock;
  ports::Guardian& guardian;
  ports::Watchdog& watchdog;
  ports::Board& board;
};

// Bound on the relative clock rate error of two machines (docs/invariants.md S2).
inline constexpr double kClockRateMargin = 0.005;

class Keeper {
 public:
  Keeper(boost::asio::any_io_executor executor, KeeperWorld world, model::MemberName me, model::Timing timing);

  // Runs until stop(); spawn it on the keeper's executor.
  boost::asio::awaitable<void> run();

  // From any thread. Each takes effect on the keeper's executor.
  void grant_permit(model::Instant until) { permit_until_.store(until.time_since_epoch().count(), std::memory_order_release); }
  void set_timing(model::Timing timing);
  void acquire(model::AcquireLease guards);
  // Local leadership ends at once, whatever the keeper waits for; `done` is called on the keeper's executor when the store
  // has answered or its time is over.
  void release(std::function<void()> done);
  // Failsafe: all members agreed; sent_at is when the round was sent (docs/invariants.md S14).
  void extend(model::Instant sent_at);
  void stop(bool close_session);
  // The callback runs on the keeper's executor after each change that a decision may depend on.
  void on_change(std::function<void(model::LeaseState)> callback) { changed_ = std::move(callback); }
  // The last published state. Any thread.
  model::LeaseState state() const { return world_.board.lease(); }
  // From the call of acquire() on, also before the keeper's thread has heard of it. Any thread.
  bool is_acquiring() const { return asked_to_lead_ > 0 || state().acquiring; }

 private:
  boost::asio::awaitable<void> ensure_session();
  boost::asio::awaitable<void> renew();
  boost::asio::awaitable<void> do_acquire(model::AcquireLease guards);
  boost::asio::awaitable<void> became_holder(ports::StoreResult<model::Revision> outcome, model::Instant counted_from);
  boost::asio::awaitable<void> arm();
  boost::asio::awaitable<void> do_release();
  void end_leadership();
  boost::asio::awaitable<bool> refresh_session();
  boost::asio::awaitable<void> rebind_to_new_ttl();
  bool holding() const;
  bool has_permit() const;
  model::Milliseconds renew_interval() const;
  model::Milliseconds retry_pause() const;
  model::Milliseconds call_timeout() const;
  model::Instant end_of(model::Instant sent, model::Milliseconds ttl) const;
  void extend_to(model::Instant until);
  void keep_within_bound();
  void lost(const std::string& why);
  void publish(bool notify);

  boost::asio::any_io_executor executor_;
  KeeperWorld world_;
  model::MemberName me_;
  model::Timing timing_;
  Alarm alarm_;
  model::LeaseState state_;
  std::atomic<std::int64_t> permit_until_{0};
  std::atomic<int> asked_to_lead_{0};
  model::Instant next_renewal_{};
  model::Instant session_counted_from_{};  // send time of the session's last successful renewal
  // A move of the leader key to a session that ends then may have happened, or may still happen: no renewal of another
  // session counts beyond.
  std::optional<model::Instant> bound_by_a_move_;
  std::optional<model::AcquireLease> wants_acquire_;
  bool wants_release_ = false, wants_new_session_ = false;
  std::vector<std::function<void()>> released_;  // to be told
  bool stopping_ = false, close_session_ = false;
  std::function<void(model::LeaseState)> changed_;
};

}  // namespace matriarch::agent
