#include "rest/readings.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace matriarch::rest {

namespace asio = boost::asio;

namespace {

bool may_answer(const model::PostgresNode& node) {
  return node.state == model::PostgresState::kRunning || node.state == model::PostgresState::kStarting ||
         node.state == model::PostgresState::kRestarting;
}

// What the agent saw at its last beat is better than nothing, but not for long.
std::shared_ptr<const model::PostgresNode> recent_or_unknown(const Reading& reading) {
  const auto& timing = reading.dynamic().timing;
  if (reading.now - reading.postgres->observed_at <= timing.loop_wait + timing.retry_timeout) return reading.postgres;
  auto unknown = std::make_shared<model::PostgresNode>(*reading.postgres);
  unknown->query_failed = true;
  return unknown;
}

}  // namespace

Readings::Readings(asio::any_io_executor executor, const ports::Board& board, const ports::Journal& journal, Clocks clocks, FreshStatus fresh_status,
                   std::shared_ptr<const model::Settings> settings)
    : executor_(executor), board_(board), journal_(journal), clocks_(std::move(clocks)), fresh_status_(std::move(fresh_status)),
      settings_(std::move(settings)), answered_(executor) {}

Reading Readings::now() const {
  Reading reading{.snapshot = board_.latest(), .lease = board_.lease()};
  reading.settings = reading.snapshot && reading.snapshot->seen.settings ? reading.snapshot->seen.settings : settings_;
  reading.postgres = node_of(reading.snapshot);
  // Last: what was read above must not be younger than the moment it is judged at.
  reading.now = clocks_.now();
  reading.wall_now = clocks_.wall_now();
  reading.log_queue = journal_.queue();
  return reading;
}

asio::awaitable<Reading> Readings::live(model::Milliseconds max_age) {
  Reading before = now();
  if (!fresh_status_ || !may_answer(*before.postgres)) co_return before;
  co_await ensure_asked(max_age);
  Reading reading = now();  // the lease may have ended while PostgreSQL was asked
  const bool is_live = live_ && reading.now - answered_for_ <= max_age + kQueryLimit && live_->observed_at >= reading.postgres->observed_at;
  if (is_live) {
    reading.postgres = std::make_shared<const model::PostgresNode>(with_live_positions(*reading.postgres, *live_));
  } else {
    reading.postgres = recent_or_unknown(reading);
  }
  co_return reading;
}

asio::awaitable<void> Readings::ensure_asked(model::Milliseconds max_age) {
  if (live_ && clocks_.now() - answered_for_ <= max_age) co_return;
  if (!asking_) {
    asking_ = true;
    asked_at_ = clocks_.now();
    asio::co_spawn(executor_, query(), asio::detached);
  }
  co_await answered_.wait(kQueryLimit);
}

// Runs apart from whoever asked first, so that a client that goes away cancels nobody else's answer.
asio::awaitable<void> Readings::query() {
  const auto alive = alive_;
  std::optional<model::PostgresNode> node;
  try {
    node = co_await fresh_status_(kQueryLimit);
  } catch (const std::exception&) {
    node.reset();  // no answer; the reading says so
  }
  if (alive.use_count() == 1) co_return;  // the API is gone
  asking_ = false;
  if (node) node->observed_at = asked_at_;  // not older than that; both clocks are the same
  live_ = std::move(node);
  answered_for_ = asked_at_;
  answered_.ring();
}

}  // namespace matriarch::rest
