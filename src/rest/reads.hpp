// Answers to requests that change nothing.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "rest/answer.hpp"
#include "rest/metrics.hpp"
#include "rest/readings.hpp"
#include "rest/routes.hpp"
#include "rest/target.hpp"

namespace matriarch::rest {

class Reads {
 public:
  explicit Reads(Readings& readings, model::Instant started_at) : readings_(readings), started_at_(started_at) {}
  // `route` is one of those that answer GET; `counters` and `more_metrics` are for /metrics.
  boost::asio::awaitable<Answer> answer(Route route, Target target, const ApiCounters& counters, std::string more_metrics);

 private:
  boost::asio::awaitable<Reading> reading_for(Route route, const Target& target);

  Readings& readings_;
  model::Instant started_at_;
};

}  // namespace matriarch::rest
