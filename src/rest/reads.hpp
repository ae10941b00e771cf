// Answers to requests that change nothing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <set>

#include "ports/journal.hpp"
#include "rest/answer.hpp"
#include "rest/metrics.hpp"
#include "rest/readings.hpp"
#include "rest/routes.hpp"
#include "rest/target.hpp"

namespace matriarch::rest {

class Reads {
 public:
  Reads(Readings& readings, ports::Journal& journal, model::Instant started_at) : readings_(readings), journal_(journal), started_at_(started_at) {}
  // `route` is one of those that answer GET; `counters` and `more_metrics` are for /metrics.
  boost::asio::awaitable<Answer> answer(Route route, Target target, const ApiCounters& counters, std::string more_metrics);

 private:
  boost::asio::awaitable<Reading> reading_for(Route route, const Target& target);
  void warn_of_unreadable_limit(const Target& target);

  Readings& readings_;
  ports::Journal& journal_;
  model::Instant started_at_;
  std::set<std::string> unreadable_limits_;  // those already reported; bounded
};

}  // namespace matriarch::rest
