// How this room waits: for a descriptor, a moment, an event, or work on the file threads. Nothing waits without a
// deadline. Everything throws boost::system::system_error(operation_aborted) when its coroutine is cancelled.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <type_traits>
#include <utility>

#include "model/time.hpp"

namespace matriarch::postgres {

namespace asio = boost::asio;
using Deadline = std::chrono::steady_clock::time_point;

inline constexpr Deadline kNever = Deadline::max();
inline Deadline deadline_in(model::Milliseconds limit) { return std::chrono::steady_clock::now() + limit; }
// 0 when it has passed.
model::Milliseconds left_until(Deadline deadline);

// True when the descriptor is ready, false when the deadline passed first.
asio::awaitable<bool> wait_ready(asio::posix::stream_descriptor& descriptor, asio::posix::stream_descriptor::wait_type what, Deadline deadline);
asio::awaitable<void> sleep_until(Deadline when);
inline asio::awaitable<void> sleep_for(model::Milliseconds duration) { return sleep_until(deadline_in(duration)); }

// Something that happens again and again, counted, so that nobody misses what happened while he did something else. For
// one executor only. Must outlive those who wait.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void notify_all();
  std::uint64_t count() const { return count_; }
  // True when it has happened more than `seen` times, false at the deadline.
  asio::awaitable<bool> wait_beyond(std::uint64_t seen, Deadline deadline);

 private:
  class Waiter;
  std::uint64_t count_ = 0;
  std::list<Waiter*> waiters_;
};

// One at a time.
class Turn {
 public:
  class Held {
   public:
    explicit Held(Turn& turn) : turn_(&turn) {}
    Held(Held&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held() { if (turn_ != nullptr) turn_->release(); }

   private:
    Turn* turn_;
  };
  // Nothing at the deadline.
  asio::awaitable<std::optional<Held>> take(Deadline deadline);

 private:
  void release();
  bool taken_ = false;
  Event released_;
};

// The threads on which files of PGDATA are touched: a disk that hangs must not hold up the loop.
class FileThreads {
 public:
  explicit FileThreads(std::size_t count) : pool_(count) {}
  // Waits for what is under way; nothing begins after it. To be called while the loop still exists: a result that arrives
  // when it is gone has nowhere to go, and work that never runs would keep its coroutine, and with it these threads.
  void close() {
    closed_ = true;
    pool_.join();
  }
  bool closed() const { return closed_; }
  template <typename Work>
  void post(Work work) { asio::post(pool_, std::move(work)); }

 private:
  asio::thread_pool pool_;
  bool closed_ = false;  // of the loop's thread
};

[[noreturn]] void throw_cancelled();

// Runs `work` on a file thread. Cannot be interrupted: a cancelled coroutine notices after it. `work` owns what it uses,
// and its result can be made from nothing. Throws as if cancelled when the threads are closed.
template <typename Work>
asio::awaitable<std::invoke_result_t<Work>> on_file_thread(FileThreads& threads, Work work) {
  using Outcome = std::invoke_result_t<Work>;
  if (threads.closed()) throw_cancelled();
  auto executor = co_await asio::this_coro::executor;
  auto initiate = [&threads, executor](auto handler, Work job) {
    threads.post([handler = std::move(handler), job = std::move(job), guard = asio::make_work_guard(executor)]() mutable {
      std::exception_ptr failure;
      Outcome outcome{};
      try {
        outcome = job();
      } catch (...) {
        failure = std::current_exception();
      }
      asio::post(guard.get_executor(), [handler = std::move(handler), failure, outcome = std::move(outcome)]() mutable {
        handler(failure, std::move(outcome));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, Outcome)>(std::move(initiate), asio::use_awaitable,
                                                                                                           std::move(work));
}

// For work that yields nothing.
struct Done {};

}  // namespace matriarch::postgres
