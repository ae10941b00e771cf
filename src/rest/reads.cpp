#include "rest/reads.hpp"

#include <fmt/format.h>

#include "model/quantity.hpp"
#include "rest/cluster_document.hpp"
#include "rest/health.hpp"
#include "rest/node_document.hpp"
#include "rest/own_documents.hpp"

namespace matriarch::rest {

namespace asio = boost::asio;

namespace {

// Peers decide on these positions.
constexpr model::Milliseconds kForOwnServer{100};
constexpr model::Milliseconds kForChecks{1000};
constexpr std::size_t kDecisions = 20, kMostDecisions = 1000;

Answer get_config(const Reading& reading) {
  const auto* cluster = reading.cluster();
  if (!cluster) return no_store();
  if (!cluster->config || !cluster->config->valid) return page(502, "The configuration in the store is missing or not a JSON object");
  return document(200, cluster->config->document);
}

// What was last seen, however long ago: the failsafe topology must outlive the store.
Answer get_failsafe(const Reading& reading) {
  boost::json::object members;
  const auto* cluster = reading.last_known_cluster();
  if (!cluster) return document(200, members);
  if (!cluster->failsafe) return page(502, "There is no failsafe topology in the store");
  for (const auto& [name, url] : *cluster->failsafe) members[name.text] = url;
  return document(200, members);
}

Answer get_health(const Reading& reading, const Target& target, bool with_body) {
  const auto status = status_of(reading);
  const unsigned code = health_code(status, reading.settings->tags, target);
  return with_body ? document(code, node_document(reading, status)) : status_only(code);
}

Answer get_metrics(const Reading& reading, const ApiCounters& counters, const std::string& more) {
  Answer answer = text(200, metrics_text(reading, status_of(reading), counters) + more);
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return answer;
}

std::size_t decisions_wanted(const Target& target) {
  const auto n = target.parameter("n");
  const auto count = n ? model::parse_integer(*n) : std::nullopt;
  if (!count || *count < 0) return kDecisions;
  return std::min(static_cast<std::size_t>(*count), kMostDecisions);
}

}  // namespace

asio::awaitable<Reading> Reads::reading_for(Route route, const Target& target) {
  switch (route) {
    case Route::kPatroni: co_return co_await readings_.live(kForOwnServer);
    case Route::kHealth:
    case Route::kReadiness:
    case Route::kMetrics:
    case Route::kStatus: co_return co_await readings_.live(kForChecks);
    case Route::kHealthStatus:
      if (needs_positions(target)) co_return co_await readings_.live(kForChecks);
      co_return readings_.now();
    default: co_return readings_.now();
  }
}

// Such a limit limits nothing, and whoever wrote "lag=10M" believes otherwise.
void Reads::warn_of_unreadable_limit(const Target& target) {
  constexpr std::size_t kMost = 16;
  const auto text = target.parameter("lag");
  if (!text || text->size() > 32 || unreadable_limits_.size() >= kMost || model::parse_integer(*text, "B")) return;
  if (unreadable_limits_.emplace(*text).second) {
    journal_.log(ports::Level::kWarning, fmt::format("API: lag={} is not a size (as in 10MB) and limits nothing", *text));
  }
}

asio::awaitable<Answer> Reads::answer(Route route, Target target, const ApiCounters& counters, std::string more_metrics) {
  warn_of_unreadable_limit(target);
  const Reading reading = co_await reading_for(route, target);
  switch (route) {
    case Route::kHealth: co_return get_health(reading, target, true);
    case Route::kHealthStatus: co_return get_health(reading, target, false);
    case Route::kLiveness: co_return status_only(liveness_code(reading, started_at_));
    case Route::kReadiness: co_return status_only(readiness_code(reading, status_of(reading), target));
    case Route::kPatroni: co_return document(200, node_document(reading, status_of(reading)));
    case Route::kCluster: co_return reading.cluster() ? document(200, cluster_document(*reading.cluster(), reading.settings->scope)) : no_store();
    case Route::kHistory: co_return reading.cluster() ? document(200, history_document(*reading.cluster())) : no_store();
    case Route::kMetrics: co_return get_metrics(reading, counters, more_metrics);
    case Route::kGetConfig: co_return get_config(reading);
    case Route::kGetFailsafe: co_return get_failsafe(reading);
    case Route::kDecisions: co_return document(200, decisions_document(reading, decisions_wanted(target)));
    case Route::kStatus: co_return document(200, status_document(reading, status_of(reading)));
    default: co_return page(501);
  }
}

}  // namespace matriarch::rest
