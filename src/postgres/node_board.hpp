// What is known of the local server, published as immutable snapshots, and who is told of news.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "model/postgres.hpp"
#include "system/clock.hpp"

namespace matriarch::postgres {

inline model::Instant boot_now() { return model::Instant(system::boot_time()); }

class NodeBoard {
 public:
  explicit NodeBoard(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  const model::PostgresNode& now() const { return *node_; }
  std::shared_ptr<const model::PostgresNode> node() const { return node_; }

  template <typename Change>
  void change(Change change) {
    auto next = std::make_shared<model::PostgresNode>(*node_);
    change(*next);
    node_ = std::move(next);
  }
  // Stamps "time in state" even when the state stays.
  void set_state(model::PostgresState state) {
    change([&](model::PostgresNode& node) {
      node.state = state;
      node.state_since = boot_now();
    });
  }
  void set_role(model::PostgresRole role) {
    change([&](model::PostgresNode& node) {
      node.role = role;
      if (node.query_failed) node.is_primary = node.is_running && role == model::PostgresRole::kPrimary;
    });
  }

  void subscribe(std::function<void(std::string)> callback);
  // Delivered from the loop, never from within the caller.
  void tell(std::string event);

 private:
  boost::asio::any_io_executor executor_;
  std::shared_ptr<const model::PostgresNode> node_ = std::make_shared<model::PostgresNode>();
  std::shared_ptr<const std::function<void(std::string)>> subscriber_;
};

}  // namespace matriarch::postgres
