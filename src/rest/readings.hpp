// Gathers readings: at once from what the agent published, or with positions asked from PostgreSQL now.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "rest/bell.hpp"
#include "rest/reading.hpp"

namespace matriarch::rest {

// Asks PostgreSQL now, within the time given; nothing when it did not answer.
using FreshStatus = std::function<boost::asio::awaitable<std::optional<model::PostgresNode>>(model::Milliseconds)>;

struct Clocks {
  std::function<model::Instant()> now;
  std::function<model::WallTime()> wall_now;
};

class Readings {
 public:
  Readings(boost::asio::any_io_executor executor, const ports::Board& board, const ports::Journal& journal, Clocks clocks, FreshStatus fresh_status,
           std::shared_ptr<const model::Settings> settings);

  Reading now() const;
  // Positions at most `max_age` old. Requests that come at once share one query, and no query outlasts kQueryLimit; without
  // an answer what the agent saw last is used as long as it is recent, else the reading has no positions.
  boost::asio::awaitable<Reading> live(model::Milliseconds max_age);

  // For the time before the first snapshot.
  void apply_settings(std::shared_ptr<const model::Settings> settings) { settings_ = std::move(settings); }

  // Peers give up after 2 s.
  static constexpr model::Milliseconds kQueryLimit{1200};

 private:
  boost::asio::awaitable<void> query();
  boost::asio::awaitable<void> ensure_asked(model::Milliseconds max_age);

  boost::asio::any_io_executor executor_;
  const ports::Board& board_;
  const ports::Journal& journal_;
  Clocks clocks_;
  FreshStatus fresh_status_;
  std::shared_ptr<const model::Settings> settings_;
  std::optional<model::PostgresNode> live_;
  model::Instant asked_at_{}, answered_for_{};  // start of the query under way or last; of the one that live_ is from
  bool asking_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Bell answered_;
};

}  // namespace matriarch::rest
