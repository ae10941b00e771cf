// Writes to the store: each kind at most once under way, results reported as events.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <set>
#include <string>

#include "agent/world.hpp"
#include "model/decision.hpp"
#include "model/observation.hpp"

namespace matriarch::agent {

class Writer {
 public:
  Writer(boost::asio::any_io_executor executor, World world, Notify notify)
      : executor_(std::move(executor)), world_(world), notify_(std::move(notify)) {}

  void apply(std::shared_ptr<const model::Settings> settings) { settings_ = std::move(settings); }
  const std::set<model::WriteKind>& under_way() const { return under_way_; }

  // Each returns at once; a write of a kind that is under way is dropped (the rules see it in under_way()).
  void write(const model::CreateInitialize& action);
  void write(const model::SetInitialize& action);
  void write(const model::CancelInitialize& action);
  void write(const model::WriteConfig& action);
  void write(const model::PublishMember& action);
  void write(const model::WriteStatus& action);
  void write(const model::WriteFailsafe& action);
  void write(const model::WriteSync& action);
  void write(const model::DeleteSync& action);
  void write(const model::ClearFailover& action);
  void write(const model::WriteHistory& action);
  // Status first, so that the position is there when the key is gone; then the key.
  void release(const model::ReleaseLease& action);

 private:
  using Write = boost::asio::awaitable<ports::StoreResult<model::Revision>>;
  void spawn(model::WriteKind kind, std::string what, Write write);
  boost::asio::awaitable<void> carry_out(model::WriteKind kind, std::string what, Write write);
  boost::asio::awaitable<void> release_with_status(std::optional<model::Lsn> optime);
  model::Milliseconds timeout() const { return settings_->dynamic.timing.retry_timeout; }

  boost::asio::any_io_executor executor_;
  World world_;
  Notify notify_;
  std::shared_ptr<const model::Settings> settings_;
  std::set<model::WriteKind> under_way_;
  std::string published_member_;  // the last document and session that were written
  std::int64_t refused_session_ = 0;       // under which the member key could not be written
  model::Instant member_again_at_{};
};

}  // namespace matriarch::agent
