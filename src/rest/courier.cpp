#include "rest/courier.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace matriarch::rest {

namespace asio = boost::asio;

namespace {
struct Delivery {
  explicit Delivery(const asio::any_io_executor& executor) : arrival(executor) {}
  asio::steady_timer arrival;
  std::optional<ports::Reply> reply;
};
}  // namespace

Courier::Courier(asio::any_io_executor executor, PostRequest post) : executor_(std::move(executor)), post_(std::move(post)) {}

asio::awaitable<ports::Reply> Courier::ask(ports::Request request, model::Milliseconds limit) {
  const auto delivery = std::make_shared<Delivery>(executor_);
  delivery->arrival.expires_after(limit);
  // The reply comes by a post to this executor and therefore never before the wait below has begun.
  post_(std::move(request), [executor = executor_, delivery](ports::Reply reply) {
    asio::post(executor, [delivery, reply = std::move(reply)]() mutable {
      delivery->reply = std::move(reply);
      delivery->arrival.cancel();
    });
  });
  boost::system::error_code arrived;
  co_await delivery->arrival.async_wait(asio::redirect_error(asio::use_awaitable, arrived));
  if (delivery->reply) co_return std::move(*delivery->reply);
  ports::Reply late;
  late.status = 503;
  late.text = fmt::format("no answer from the agent within {} s; the operation may still be in progress",
                          std::chrono::duration_cast<std::chrono::seconds>(limit).count());
  co_return late;
}

}  // namespace matriarch::rest
