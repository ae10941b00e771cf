// Wakes coroutines of one executor when something happened on another thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>

#include "model/time.hpp"

namespace matriarch::rest {

class Bell {
 public:
  explicit Bell(boost::asio::any_io_executor executor);
  // Any thread. Everybody who waits goes on.
  void ring();
  // On the executor. Returns at the next ring or after `limit`; the caller looks for itself what is new.
  boost::asio::awaitable<void> wait(model::Milliseconds limit);

 private:
  struct State {
    std::list<boost::asio::steady_timer> waiting;  // executor only
  };
  boost::asio::any_io_executor executor_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace matriarch::rest
