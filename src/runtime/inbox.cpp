#include "runtime/inbox.hpp"

#include <boost/asio/post.hpp>

namespace matriarch::runtime {
namespace {
constexpr int kMaxWaiting = 64;
}

Inbox::Inbox(boost::asio::any_io_executor agent_executor) : executor_(std::move(agent_executor)) {}

void Inbox::on_request(std::function<void(ports::Request, std::function<void(ports::Reply)>)> callback) {
  state_->callback = std::move(callback);
}

void Inbox::post(ports::Request request, std::function<void(ports::Reply)> reply) {
  if (state_->waiting.fetch_add(1) >= kMaxWaiting) {
    state_->waiting.fetch_sub(1);
    return reply({.status = 503, .text = "too many requests are waiting"});
  }
  auto answer = [state = state_, reply = std::move(reply)](ports::Reply with) {
    state->waiting.fetch_sub(1);
    reply(std::move(with));
  };
  boost::asio::post(executor_, [state = state_, request = std::move(request), answer = std::move(answer)]() mutable {
    if (!state->callback) return answer({.status = 503, .text = "the agent is starting"});
    state->callback(std::move(request), std::move(answer));
  });
}

}  // namespace matriarch::runtime
