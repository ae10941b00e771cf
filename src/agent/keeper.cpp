#include "agent/keeper.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace matriarch::agent {

namespace asio = boost::asio;
using model::Instant;
using model::LeaseOutcome;
using model::Milliseconds;
using ports::StoreFailure;

Keeper::Keeper(asio::any_io_executor executor, KeeperWorld world, model::MemberName me, model::Timing timing)
    : executor_(executor), world_(world), me_(std::move(me)), timing_(timing), alarm_(executor, world.clock) {}

// ---- commands, from any thread -------------------------------------------------------------------------------------

void Keeper::set_timing(model::Timing timing) {
  asio::post(executor_, [this, timing] {
    if (timing.ttl != timing_.ttl && state_.session.valid()) wants_new_session_ = true;
    timing_ = timing;
    alarm_.ring();
  });
}

void Keeper::acquire(model::AcquireLease guards) {
  ++asked_to_lead_;
  asio::post(executor_, [this, guards] {
    wants_acquire_ = guards;
    state_.acquiring = true;
    publish(false);
    --asked_to_lead_;
    alarm_.ring();
  });
}

void Keeper::release(std::function<void()> done) {
  asio::post(executor_, [this, done = std::move(done)] {
    end_leadership();
    wants_release_ = true;
    released_.push_back(done);
    alarm_.ring();
  });
}

void Keeper::extend(Instant sent_at) {
  asio::post(executor_, [this, sent_at] {
    if (!holding()) return;
    // A ttl that was just raised may not have reached those who agreed.
    const Milliseconds agreed = state_.ttl_granted.count() > 0 ? std::min(timing_.ttl, state_.ttl_granted) : timing_.ttl;
    extend_to(end_of(sent_at, agreed));
    publish(true);
  });
}

void Keeper::stop(bool close_session) {
  asio::post(executor_, [this, close_session] {
    stopping_ = true;
    close_session_ = close_session;
    alarm_.ring();
  });
}

// ---- the loop ------------------------------------------------------------------------------------------------------

asio::awaitable<void> Keeper::run() {
  state_ = world_.guardian.resumable_lease();
  publish(true);
  while (!stopping_) {
    if (wants_release_) co_await do_release();
    if (!state_.session.valid()) co_await ensure_session();
    if (state_.session.valid()) {
      if (wants_new_session_) co_await rebind_to_new_ttl();
      if (wants_acquire_) {
        auto guards = *wants_acquire_;
        wants_acquire_.reset();
        co_await do_acquire(guards);
      }
      if (world_.clock.now() >= next_renewal_) co_await renew();
    }
    co_await alarm_.sleep_until(next_renewal_);
  }
  if (close_session_ && state_.session.valid()) co_await world_.store.close_session(state_.session, call_timeout());
}

asio::awaitable<void> Keeper::ensure_session() {
  const Instant sent = world_.clock.now();
  world_.guardian.note_sending();
  auto granted = co_await world_.store.open_session(timing_.ttl, call_timeout());
  if (!granted) {
    if (state_.outcome == LeaseOutcome::kNone) state_.outcome = LeaseOutcome::kUnreachable;
    // An acquisition is for the moment it was decided in: without a session it is dropped, not kept for later.
    wants_acquire_.reset();
    state_.acquiring = false;
    next_renewal_ = world_.clock.now() + std::min<Milliseconds>(timing_.retry_timeout / 4, Milliseconds(1000));
    publish(true);
    co_return;
  }
  state_.session = granted->session;
  state_.ttl_granted = granted->ttl_granted;
  state_.last_contact = session_counted_from_ = sent;
  if (state_.outcome == LeaseOutcome::kUnreachable) state_.outcome = LeaseOutcome::kNone;
  next_renewal_ = sent + renew_interval();
  publish(true);
}

// A held lease is renewed only with a permit; without one it simply runs out, and the guardian sees to the rest.
asio::awaitable<void> Keeper::renew() {
  const Instant sent = world_.clock.now();
  next_renewal_ = sent + renew_interval();
  if (holding() && !has_permit()) {
    next_renewal_ = sent + retry_pause();  // the permit may come any moment, as to an agent that has just been started
    // Once it has run out this node is no holder any more: a session of its own time goes on without the lease.
    if (sent >= state_.valid_until) lost("the permit ran out");
    co_return;
  }
  const bool held = holding();
  auto renewed = co_await world_.store.renew(state_.session, me_, held, call_timeout());
  const bool outcome_changed = held && !holding();  // released meanwhile
  if (outcome_changed) co_return;
  if (renewed) {
    bool is_news = state_.outcome == LeaseOutcome::kUnreachable || (held && state_.outcome != LeaseOutcome::kHeld);
    state_.last_contact = session_counted_from_ = sent;
    state_.ttl_granted = renewed->ttl_granted;
    if (held) {
      state_.outcome = LeaseOutcome::kHeld;
      extend_to(end_of(sent, state_.ttl_granted));
      if (!state_.armed) {
        co_await arm();
        is_news = is_news || state_.armed;
      }
    } else if (state_.outcome == LeaseOutcome::kUnreachable) {
      state_.outcome = LeaseOutcome::kNone;
    }
    publish(is_news);
    co_return;
  }
  if (renewed.error().failure == StoreFailure::kLost) {
    lost(renewed.error().what);
    co_return;
  }
  // Unreachable, unknown or rejected: what was granted still runs; ask again soon.
  const bool first = state_.outcome != LeaseOutcome::kUnreachable;
  state_.outcome = LeaseOutcome::kUnreachable;
  next_renewal_ = world_.clock.now() + retry_pause();
  publish(first);
}

// ---- becoming and ceasing to be the holder -------------------------------------------------------------------------

// The lease counts from the session's last renewal: creating the leader key does not prolong the session.
asio::awaitable<bool> Keeper::refresh_session() {
  const Instant sent = world_.clock.now();
  world_.guardian.note_sending();
  auto renewed = co_await world_.store.renew(state_.session, me_, false, call_timeout());
  if (renewed) {
    state_.last_contact = session_counted_from_ = sent;
    state_.ttl_granted = renewed->ttl_granted;
    next_renewal_ = sent + renew_interval();
    co_return true;
  }
  if (renewed.error().failure == StoreFailure::kLost) {
    state_.session = {};
    co_await ensure_session();
    co_return state_.session.valid();
  }
  co_return false;
}

asio::awaitable<void> Keeper::do_acquire(model::AcquireLease guards) {
  if (!co_await refresh_session()) {
    state_.acquiring = false;
    publish(true);
    co_return;
  }
  const Instant counted_from = session_counted_from_;
  auto outcome = co_await world_.store.acquire(state_.session, me_, guards, call_timeout());
  co_await became_holder(outcome, counted_from);
}

// Order matters (docs/invariants.md S4): the key, then the page, then the guardian's word that it watches this term.
asio::awaitable<void> Keeper::became_holder(ports::StoreResult<model::Revision> outcome, Instant counted_from) {
  // Given up while the request was on its way: the key goes back before anybody takes it for ours.
  if (outcome && !wants_release_) {
    state_.outcome = LeaseOutcome::kHeld;
    state_.term = static_cast<std::uint64_t>(outcome->value);
    state_.armed = false;
    state_.valid_until = end_of(counted_from, state_.ttl_granted);
    next_renewal_ = std::min(next_renewal_, counted_from + renew_interval());
    // Until the first decision as a holder grants one, the permit of the decision that asked for the lease counts.
    world_.guardian.publish_lease(state_.session, state_.term, state_.valid_until);
    co_await arm();
  }
  state_.acquiring = false;
  publish(true);
}

// What the guardian refused once, because the lease it saw was too short or it was late itself, is asked again with each renewal.
asio::awaitable<void> Keeper::arm() {
  auto armed = co_await world_.guardian.arm(state_.term, call_timeout());
  state_.armed = armed.has_value() && holding();
}

asio::awaitable<void> Keeper::do_release() {
  wants_release_ = false;
  auto released = co_await world_.store.release(me_, call_timeout());
  if (!released) {
    // The key stays until the session ends; a session that is not renewed any more takes it along.
    state_.session = {};
  }
  publish(true);
  for (const auto& done : std::exchange(released_, {})) done();
}

// Before the request to the store: whatever its fate, nobody here relies on the lease any more.
void Keeper::end_leadership() {
  bound_by_a_move_.reset();
  wants_acquire_.reset();
  state_.outcome = LeaseOutcome::kReleased;
  state_.valid_until = Instant{};
  state_.armed = false;
  state_.acquiring = false;
  world_.guardian.stand_down("lease released");
  world_.guardian.publish_lease(state_.session, state_.term, state_.valid_until);
  publish(true);
}

// The ttl belongs to the session, so a new ttl needs a new session; the leader key is moved to it in one transaction.
asio::awaitable<void> Keeper::rebind_to_new_ttl() {
  if (holding() && !has_permit()) co_return;  // moving the key would prolong the lease
  wants_new_session_ = false;
  const Instant sent = world_.clock.now();
  auto granted = co_await world_.store.open_session(timing_.ttl, call_timeout());
  if (!granted) {
    wants_new_session_ = true;
    next_renewal_ = std::min(next_renewal_, world_.clock.now() + retry_pause());
    co_return;
  }
  if (holding()) {
    const Instant end = end_of(sent, granted->ttl_granted);
    const auto bound_before = bound_by_a_move_;  // by an earlier move whose fate is unknown still
    bound_by_a_move_ = std::min(bound_by_a_move_.value_or(end), end);
    keep_within_bound();
    model::AcquireLease only_ours{.only_if_ours = true};
    auto moved = co_await world_.store.acquire(granted->session, me_, std::move(only_ours), call_timeout());
    if (moved) bound_by_a_move_.reset();
    else if (moved.error().failure != StoreFailure::kUnknown) bound_by_a_move_ = bound_before;
    if (!moved) {
      wants_new_session_ = true;
      next_renewal_ = std::min(next_renewal_, world_.clock.now() + retry_pause());
      co_return;
    }
    if (holding()) extend_to(end);
  }
  // The member key moves with the next publication; the old session is left to run out.
  state_.session = granted->session;
  state_.ttl_granted = granted->ttl_granted;
  session_counted_from_ = sent;
  next_renewal_ = std::min(next_renewal_, sent + renew_interval());
  publish(true);
}

// ---- small parts ---------------------------------------------------------------------------------------------------

bool Keeper::holding() const {
  return state_.term != 0 && state_.outcome != LeaseOutcome::kLost && state_.outcome != LeaseOutcome::kReleased &&
         state_.valid_until != Instant{};
}

bool Keeper::has_permit() const {
  return world_.clock.now().time_since_epoch().count() < permit_until_.load(std::memory_order_acquire);
}

// A session without the lease carries the member key alone: it is renewed less often, which spares the store many an entry.
Milliseconds Keeper::renew_interval() const { return std::max<Milliseconds>(holding() ? timing_.ttl / 4 : timing_.ttl * 2 / 5, Milliseconds(50)); }

Milliseconds Keeper::retry_pause() const { return std::clamp<Milliseconds>(timing_.ttl / 20, Milliseconds(20), Milliseconds(1000)); }

Milliseconds Keeper::call_timeout() const {
  return std::min(timing_.retry_timeout, std::max<Milliseconds>(timing_.ttl / 4, Milliseconds(200)));
}

Instant Keeper::end_of(Instant sent, Milliseconds ttl) const {
  const auto margin = std::chrono::duration_cast<Instant::duration>(ttl * kClockRateMargin) + Milliseconds(1);
  return sent + ttl - margin;
}

void Keeper::extend_to(Instant until) {
  if (bound_by_a_move_) until = std::min(until, *bound_by_a_move_);
  state_.valid_until = std::max(state_.valid_until, until);
  world_.guardian.publish_lease(state_.session, state_.term, state_.valid_until);
  world_.watchdog.keep_alive(world_.clock.now(), state_.valid_until);
}

// Before the request is sent: from the moment the store reads it the key may end with the new session.
void Keeper::keep_within_bound() {
  if (*bound_by_a_move_ >= state_.valid_until) return;
  state_.valid_until = *bound_by_a_move_;
  world_.guardian.publish_lease(state_.session, state_.term, state_.valid_until);
  publish(true);
}

void Keeper::lost(const std::string&) {
  const bool was_holding = holding();
  bound_by_a_move_.reset();
  state_.session = {};
  state_.armed = false;
  if (was_holding) {
    state_.outcome = LeaseOutcome::kLost;
    state_.valid_until = world_.clock.now();
    world_.guardian.publish_lease(state_.session, state_.term, state_.valid_until);
  }
  next_renewal_ = world_.clock.now();
  publish(true);
}

void Keeper::publish(bool notify) {
  world_.board.publish_lease(state_);
  if (notify && changed_) changed_(state_);
}

}  // namespace matriarch::agent
