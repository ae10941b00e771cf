// One thread of a simulated process: a queue of handlers that the World runs one by one, in their order. What an
// io_context would do, without what a simulation never needs; above all it can be asked whether it has work.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <deque>
#include <memory>
#include <type_traits>
#include <utility>

namespace matriarch::simulation {

class Context : public boost::asio::execution_context {
 public:
  class Executor;
  using executor_type = boost::asio::any_io_executor;

  Context() = default;
  ~Context() {
    shutdown();
    // A handler that is destroyed may leave another one behind: a coroutine's locals cancel what they wait for.
    while (!handlers_.empty()) const auto dropped = take();
  }

  executor_type get_executor();
  bool has_work() const { return !handlers_.empty(); }
  void run_one() {
    const auto handler = take();
    runs_ = true;
    handler->run();
    runs_ = false;
  }

 private:
  struct Handler {
    virtual ~Handler() = default;
    virtual void run() = 0;
  };
  template <typename Function>
  struct Holding : Handler {
    explicit Holding(Function function) : function_(std::move(function)) {}
    void run() override { function_(); }
    Function function_;
  };
  std::unique_ptr<Handler> take() {
    auto first = std::move(handlers_.front());
    handlers_.pop_front();
    return first;
  }

  std::deque<std::unique_ptr<Handler>> handlers_;
  bool runs_ = false;  // a handler
};

// As an io_context's: a handler that need not wait runs at once when the thread is this one.
class Context::Executor {
 public:
  explicit Executor(Context& context, bool may_run_at_once = true) : context_(&context), may_run_at_once_(may_run_at_once) {}

  template <typename Function>
  void execute(Function&& function) const {
    using Own = std::decay_t<Function>;
    if (may_run_at_once_ && context_->runs_) {
      Own own(std::forward<Function>(function));
      own();
    } else {
      context_->handlers_.push_back(std::make_unique<Holding<Own>>(std::forward<Function>(function)));
    }
  }

  Context& query(boost::asio::execution::context_t) const noexcept { return *context_; }
  boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) const noexcept {
    if (may_run_at_once_) return boost::asio::execution::blocking.possibly;
    return boost::asio::execution::blocking.never;
  }
  Executor require(boost::asio::execution::blocking_t::possibly_t) const { return Executor(*context_, true); }
  Executor require(boost::asio::execution::blocking_t::never_t) const { return Executor(*context_, false); }
  bool operator==(const Executor& other) const noexcept = default;

 private:
  Context* context_;
  bool may_run_at_once_;
};

inline Context::executor_type Context::get_executor() { return Executor(*this); }

}  // namespace matriarch::simulation
