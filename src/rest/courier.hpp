// Carries a request to the agent's thread and the reply back.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>

#include "model/time.hpp"
#include "ports/inbox.hpp"

namespace matriarch::rest {

// Any thread; calls the reply function exactly once, on any thread (runtime::Inbox::post).
using PostRequest = std::function<void(ports::Request, std::function<void(ports::Reply)>)>;

class Courier {
 public:
  Courier(boost::asio::any_io_executor executor, PostRequest post);
  // Never later than `limit`: then 503 with words that say so; the request itself goes on.
  boost::asio::awaitable<ports::Reply> ask(ports::Request request, model::Milliseconds limit);

 private:
  boost::asio::any_io_executor executor_;
  PostRequest post_;
};

}  // namespace matriarch::rest
