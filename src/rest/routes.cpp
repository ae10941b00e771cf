#include "rest/routes.hpp"

#include <algorithm>
#include <array>

namespace matriarch::rest {
namespace {

struct Row {
  std::string_view method, segment;
  Route route;
  bool is_unsafe = false;
};

constexpr std::array kRows{
    Row{"GET", "liveness", Route::kLiveness},
    Row{"GET", "readiness", Route::kReadiness},
    Row{"GET", "patroni", Route::kPatroni},
    Row{"GET", "cluster", Route::kCluster},
    Row{"GET", "history", Route::kHistory},
    Row{"GET", "metrics", Route::kMetrics},
    Row{"GET", "config", Route::kGetConfig},
    Row{"GET", "failsafe", Route::kGetFailsafe},
    Row{"PATCH", "config", Route::kPatchConfig, true},
    Row{"PUT", "config", Route::kPutConfig, true},
    Row{"POST", "failsafe", Route::kPostFailsafe, true},
    Row{"POST", "restart", Route::kPostRestart, true},
    Row{"DELETE", "restart", Route::kDeleteRestart, true},
    Row{"POST", "switchover", Route::kPostSwitchover, true},
    Row{"DELETE", "switchover", Route::kDeleteSwitchover, true},
    Row{"POST", "failover", Route::kPostFailover, true},
    Row{"POST", "reinitialize", Route::kReinitialize, true},
    Row{"POST", "reload", Route::kReload, true},
    Row{"POST", "sigterm", Route::kSigterm, true},
    Row{"POST", "citus", Route::kMpp, true},
    Row{"POST", "mpp", Route::kMpp, true},
};

Route own_route(std::string_view path) {
  if (path == "/matriarch/decisions") return Route::kDecisions;
  if (path == "/matriarch/events") return Route::kEvents;
  if (path == "/matriarch/status") return Route::kStatus;
  return Route::kHealth;
}

const Row* find(std::string_view method, std::string_view segment) {
  const auto found = std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.method == method && row.segment == segment; });
  return found == kRows.end() ? nullptr : &*found;
}

}  // namespace

Routed route(std::string_view method, const Target& target) {
  const bool asks_for_status = method == "HEAD" || method == "OPTIONS";
  if (const auto* row = find(asks_for_status ? "GET" : method, target.segment)) return {row->route, asks_for_status, row->is_unsafe};
  if (method != "GET" && !asks_for_status) return {};
  const Route own = own_route(target.path);
  if (own != Route::kHealth) return {own, asks_for_status};
  return {asks_for_status ? Route::kHealthStatus : Route::kHealth, asks_for_status};
}

}  // namespace matriarch::rest
