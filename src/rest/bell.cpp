#include "rest/bell.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace matriarch::rest {

namespace asio = boost::asio;

Bell::Bell(asio::any_io_executor executor) : executor_(std::move(executor)) {}

void Bell::ring() {
  asio::post(executor_, [state = state_] {
    for (auto& timer : state->waiting) timer.cancel();
  });
}

asio::awaitable<void> Bell::wait(model::Milliseconds limit) {
  const auto state = state_;
  const auto mine = state->waiting.emplace(state->waiting.end(), executor_, limit);
  // The entry goes with the coroutine, also when that is cancelled or destroyed.
  const auto leave = std::shared_ptr<void>(nullptr, [state, mine](void*) { state->waiting.erase(mine); });
  boost::system::error_code rung;
  co_await mine->async_wait(asio::redirect_error(asio::use_awaitable, rung));
}

}  // namespace matriarch::rest
