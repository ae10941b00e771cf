// A process's clock: true time with a rate and an offset of its own, and sleeps in the World's heap.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>

#include "ports/clock.hpp"
#include "simulation/world.hpp"

namespace matriarch::simulation {

// One coroutine waits, somebody else completes it exactly once: with a value, or with the fallback when it is cancelled.
template <typename Handler, typename T>
class Pending : public Suspended {
 public:
  Pending(Handler handler, boost::asio::any_io_executor executor) : handler_(std::move(handler)), executor_(std::move(executor)) {}
  void complete(T value) {
    if (!handler_) return;
    auto handler = std::move(*handler_);
    handler_.reset();
    boost::asio::get_associated_cancellation_slot(handler).clear();
    boost::asio::post(executor_, boost::asio::append(std::move(handler), std::move(value)));
  }

 private:
  std::optional<Handler> handler_;
  boost::asio::any_io_executor executor_;
};

// Suspends the calling coroutine until `start`'s callback is called, or until it is cancelled (then: `on_cancel`).
// `start(complete)` is called once, at once; `complete` may be called at any later time, from anywhere, also never, also
// after the process has crashed: the World owns what is suspended and destroys it with its owner.
template <typename T, typename Start>
boost::asio::awaitable<T> suspend(World& world, Owner owner, boost::asio::any_io_executor executor, T on_cancel, Start start) {
  auto initiation = [&world, owner, executor, on_cancel, start = std::move(start)](auto handler) mutable {
        using Waiting = Pending<std::decay_t<decltype(handler)>, T>;
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto pending = std::make_shared<Waiting>(std::move(handler), executor);
        const std::uint64_t id = world.keep(owner, pending);
        const std::weak_ptr<Waiting> weak = pending;
        std::function<void(T)> complete = [&world, owner, id, weak](T value) {
          if (const auto waiting = weak.lock()) {
            world.drop(owner, id);
            waiting->complete(std::move(value));
          }
        };
        if (slot.is_connected()) {
          slot.assign([complete, on_cancel](boost::asio::cancellation_type) { complete(on_cancel); });
        }
        start(complete);
      };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(std::move(initiation), boost::asio::use_awaitable);
}

class SimClock : public ports::Clock {
 public:
  // `rate`: seconds of this clock in a true second. `offset` shifts it; it may be changed to suspend or jump.
  SimClock(World& world, Owner owner, boost::asio::any_io_executor executor, double rate, Milliseconds offset, Milliseconds wall_offset)
      : world_(world), owner_(owner), executor_(std::move(executor)), rate_(rate), offset_(offset), wall_offset_(wall_offset) {}

  Instant now() const override {
    const auto elapsed = world_.now().time_since_epoch();
    return Instant(std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(elapsed.count()) * rate_)) + offset_);
  }
  model::WallTime wall_now() const override {
    return model::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::hours(480'000) + world_.now().time_since_epoch() + wall_offset_));
  }
  // The true time at which this clock will show `when`.
  Instant true_time_of(Instant when) const {
    const auto shown = (when - offset_).time_since_epoch();
    // One nanosecond later rather than earlier: who wakes must see its time come.
    return Instant(std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(shown.count()) / rate_) + 1));
  }
  boost::asio::awaitable<bool> sleep_until(Instant when) override {
    const Instant true_when = true_time_of(when);
    return suspend<bool>(world_, owner_, executor_, false, [this, true_when](std::function<void(bool)> complete) {
      world_.at(true_when, owner_, [complete] { complete(true); });
    });
  }
  World& world() { return world_; }
  Owner owner() const { return owner_; }
  boost::asio::any_io_executor executor() const { return executor_; }
  void jump_wall(Milliseconds by) { wall_offset_ += by; }

 private:
  World& world_;
  Owner owner_;
  boost::asio::any_io_executor executor_;
  double rate_;
  Milliseconds offset_, wall_offset_;
};

}  // namespace matriarch::simulation
