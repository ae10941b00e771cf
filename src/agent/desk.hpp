// Operator requests: what needs a rule becomes a wish, what does not is done here; each gets exactly one answer.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/world.hpp"
#include "model/observation.hpp"

namespace matriarch::agent {

class Desk {
 public:
  using Answer = std::function<void(ports::Reply)>;

  Desk(boost::asio::any_io_executor executor, World world, Notify notify)
      : executor_(std::move(executor)), world_(world), notify_(std::move(notify)) {}

  void apply(std::shared_ptr<const model::Settings> settings) { settings_ = std::move(settings); }
  // Called when somebody asks to read the configuration again.
  void on_reload(std::function<void()> callback) { reload_ = std::move(callback); }

  void receive(ports::Request request, Answer answer);

  const std::vector<model::OperatorWish>& wishes() const { return wishes_; }
  const std::optional<model::FailsafeRecord>& failsafe() const { return failsafe_; }
  void forget_failsafe() { failsafe_.reset(); }

  // A rule answered a wish.
  void answer(std::uint64_t id, int status, std::string text);
  // A rule started the task that a wish of this kind asked for; the first such wish leaves the desk. Nothing: none was waiting.
  Answer take(model::OperatorWish::Kind kind);

 private:
  void make_wish(model::OperatorWish::Kind kind, const ports::Request& request, Answer answer);
  void receive_failsafe(const boost::json::object& document, const Answer& answer);
  boost::asio::awaitable<void> write_failover(boost::json::object document, std::optional<model::Revision> expected, Answer answer);
  boost::asio::awaitable<void> write_config(boost::json::object body, bool patch, Answer answer);

  boost::asio::any_io_executor executor_;
  World world_;
  Notify notify_;
  std::function<void()> reload_;
  std::shared_ptr<const model::Settings> settings_;
  std::vector<model::OperatorWish> wishes_;
  std::map<std::uint64_t, Answer> answers_;
  std::uint64_t next_id_ = 1;
  std::optional<model::FailsafeRecord> failsafe_;
};

}  // namespace matriarch::agent
