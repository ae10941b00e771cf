// Bodies of requests, checked before anything is done: a wrong one gets an answer that says why, and has no effect.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "model/names.hpp"
#include "model/time.hpp"
#include "net/http.hpp"
#include "rest/answer.hpp"

namespace matriarch::rest {

template <typename T>
using Checked = tl::expected<T, Answer>;

// The body as a JSON object: 411 when there can be none, 400 when it is empty, not JSON, nested too deeply or not an object.
Checked<boost::json::object> required_object(const net::HttpRequest& request);
// The same where a body is optional: absent or empty is {}.
Checked<boost::json::object> optional_object(const net::HttpRequest& request);

// A time in the future, with its zone. `action` is "restart" or "switchover".
struct Schedule {
  model::WallTime at{};
  std::string text;  // ISO 8601 in the zone that was given
  bool operator==(const Schedule&) const = default;
};
Checked<Schedule> check_schedule(const boost::json::value& value, std::string_view action, model::WallTime now);

// POST /restart: conditions, and the time for later.
struct RestartOrder {
  boost::json::object filters;  // role, postgres_version, timeout (whole seconds), restart_pending
  std::optional<Schedule> schedule;
  std::optional<std::chrono::seconds> timeout;
};
Checked<RestartOrder> check_restart(const boost::json::object& body, bool paused, model::WallTime now);

// POST /switchover and /failover. A failover that names the leader is a switchover.
struct HandoverOrder {
  bool is_switchover = false;
  model::MemberName leader, candidate;
  std::optional<Schedule> schedule;
  std::string_view action() const { return is_switchover ? "switchover" : "failover"; }
  boost::json::object key() const;  // value of the key `failover`
};
Checked<HandoverOrder> check_handover(const boost::json::object& body, bool asked_as_switchover, bool paused, model::WallTime now);

struct ReinitializeOrder {
  bool force = false, from_leader = false;
};
ReinitializeOrder read_reinitialize(const boost::json::object& body);

// POST /failsafe: 400 when a required key is missing or no text; "slots" are always there, with the positions that are numbers.
Checked<boost::json::object> check_failsafe(const boost::json::object& body);
// POST /mpp and /citus.
Checked<void> check_mpp_event(const boost::json::object& body);

}  // namespace matriarch::rest
