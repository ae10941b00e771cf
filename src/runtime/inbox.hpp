#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "ports/inbox.hpp"

namespace matriarch::runtime {

// Carries requests from any thread to the agent's executor, and the replies back to whoever asked.
class Inbox : public ports::Inbox {
 public:
  explicit Inbox(boost::asio::any_io_executor agent_executor);

  void on_request(std::function<void(ports::Request, std::function<void(ports::Reply)>)> callback) override;

  // Any thread. `reply` is called exactly once, on the agent's thread or, when the inbox is full (more than 64 requests
  // without an answer) or nobody listens yet, at once with 503.
  void post(ports::Request request, std::function<void(ports::Reply)> reply);

 private:
  struct State {
    std::function<void(ports::Request, std::function<void(ports::Reply)>)> callback;  // agent's executor only
    std::atomic<int> waiting{0};
  };
  boost::asio::any_io_executor executor_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace matriarch::runtime
