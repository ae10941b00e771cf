#include "postgres/node_board.hpp"

#include <boost/asio/post.hpp>

namespace matriarch::postgres {

void NodeBoard::subscribe(std::function<void(std::string)> callback) {
  subscriber_ = std::make_shared<const std::function<void(std::string)>>(std::move(callback));
}

void NodeBoard::tell(std::string event) {
  if (!subscriber_ || !*subscriber_) return;
  boost::asio::post(executor_, [subscriber = std::weak_ptr(subscriber_), event = std::move(event)]() mutable {
    if (const auto callback = subscriber.lock()) (*callback)(std::move(event));
  });
}

}  // namespace matriarch::postgres
