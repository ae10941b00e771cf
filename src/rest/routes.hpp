// Which request goes where.
#pragma once

#include <string_view>

#include "rest/target.hpp"

namespace matriarch::rest {

enum class Route {
  kHealth,           // GET: any path that is not named below, with the status document
  kHealthStatus,     // HEAD and OPTIONS of the same
  kLiveness, kReadiness, kPatroni, kCluster, kHistory, kMetrics, kGetConfig, kGetFailsafe,
  kPatchConfig, kPutConfig, kPostFailsafe,
  kPostRestart, kDeleteRestart, kPostSwitchover, kDeleteSwitchover, kPostFailover,
  kReinitialize, kReload, kSigterm, kMpp,
  kDecisions, kEvents, kStatus,  // below /matriarch/
  kNotSupported,     // 501
};

struct Routed {
  Route route = Route::kNotSupported;
  bool status_only = false;  // HEAD or OPTIONS of a route that answers GET: its code alone
  bool is_unsafe = false;    // changes something: access control applies
  bool operator==(const Routed&) const = default;
};

Routed route(std::string_view method, const Target& target);

}  // namespace matriarch::rest
