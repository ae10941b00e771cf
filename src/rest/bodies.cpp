#include "rest/bodies.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "model/json_merge.hpp"
#include "model/json_text.hpp"
#include "model/member_view.hpp"
#include "model/quantity.hpp"
#include "model/timestamp.hpp"

namespace matriarch::rest {
namespace {

namespace json = boost::json;
using tl::unexpected;

bool announces_body(const net::HttpRequest& request) {
  return net::find_header(request.headers, "Content-Length") || net::find_header(request.headers, "Transfer-Encoding");
}

Checked<json::object> parse_object(std::string_view body) {
  auto value = model::read_json(body);
  if (!value) return unexpected(page(400, fmt::format("The body is not one JSON document of at most {} levels", model::kMaxJsonDepth)));
  if (!value->is_object()) return unexpected(page(400, "The body is not a JSON object"));
  return std::move(value->get_object());
}

bool is_present(const json::object& body, std::string_view key) {
  const auto* value = body.if_contains(key);
  if (!value || value->is_null()) return false;
  return !value->is_string() || !value->get_string().empty();
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_position(const json::value& lsn) { return lsn.is_uint64() || (lsn.is_int64() && lsn.get_int64() >= 0); }

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "16.4", or "9.6.24" of the days when the second part was part of the major version.
Checked<void> check_version(const json::value& value) {
  if (!value.is_string()) return unexpected(text(400, "Invalid PostgreSQL version: " + model::comparison_text(value)));
  const std::string version(value.get_string());
  const auto parts = split(version, '.');
  if (!std::all_of(parts.begin(), parts.end(), is_number)) return unexpected(text(400, "Invalid PostgreSQL version: " + version));
  const bool is_modern = parts.size() == 2 && std::stoi(std::string(parts[0])) >= 10;
  if (is_modern || parts.size() == 3) return {};
  return unexpected(text(400, "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: " + version));
}

Checked<void> add_role(const json::value& value, RestartOrder& order) {
  const auto role = value.is_string() ? std::string_view(value.get_string()) : std::string_view{};
  if (role != "primary" && role != "standby_leader" && role != "replica") {
    return unexpected(text(400, "PostgreSQL role should be either primary, standby_leader, or replica"));
  }
  order.filters["role"] = value;
  return {};
}

Checked<void> add_timeout(const json::value& value, RestartOrder& order) {
  const auto seconds = value.is_bool() ? std::nullopt : model::parse_integer(model::comparison_text(value), "s");
  constexpr std::int64_t kLongest = 365 * 24 * 3600;
  if (!seconds || *seconds <= 0 || *seconds > kLongest) return unexpected(text(400, "Timeout should be a positive number of seconds"));
  order.timeout = std::chrono::seconds{*seconds};
  order.filters["timeout"] = *seconds;
  return {};
}

Checked<void> add_filter(std::string_view key, const json::value& value, bool paused, model::WallTime now, RestartOrder& order) {
  if (key == "schedule") {
    if (paused) return unexpected(text(500, "Can't schedule restart in the paused state"));
    auto schedule = check_schedule(value, "restart", now);
    if (!schedule) return unexpected(schedule.error());
    order.schedule = std::move(*schedule);
    return {};
  }
  if (key == "role") return add_role(value, order);
  if (key == "timeout") return add_timeout(value, order);
  if (key == "postgres_version") {
    if (auto checked = check_version(value); !checked) return checked;
    order.filters["postgres_version"] = value;
    return {};
  }
  if (key == "restart_pending") {
    if (model::to_boolean(value).value_or(false)) order.filters["restart_pending"] = true;
    return {};
  }
  return unexpected(text(400, fmt::format("Unknown filter for the scheduled restart: {}", key)));
}

// Order and wording are Patroni's: clients match them.
std::optional<Answer> refuse_handover(const HandoverOrder& order, bool asked_as_switchover, bool scheduled, bool paused) {
  if (!asked_as_switchover && order.candidate.empty()) return text(400, "Failover could be performed only to a specific candidate");
  if (asked_as_switchover && order.leader.empty()) return text(400, "Switchover could be performed only from a specific leader");
  if (!asked_as_switchover && scheduled) return text(400, "Failover can't be scheduled");
  if (scheduled && paused) return text(400, "Can't schedule switchover in the paused state");
  return std::nullopt;
}

}  // namespace

Checked<json::object> required_object(const net::HttpRequest& request) {
  if (request.body.empty() && !announces_body(request)) return unexpected(page(411));
  auto object = parse_object(request.body);
  if (object && object->empty()) return unexpected(page(400, "The body is an empty JSON object"));
  return object;
}

Checked<json::object> optional_object(const net::HttpRequest& request) {
  if (request.body.empty()) return json::object{};
  return parse_object(request.body);
}

Checked<Schedule> check_schedule(const json::value& value, std::string_view action, model::WallTime now) {
  const auto written = value.is_string() ? model::parse_written_time(std::string_view(value.get_string())) : std::nullopt;
  if (!written) {
    return unexpected(text(422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"));
  }
  if (!written->offset) return unexpected(text(400, fmt::format("Timezone information is mandatory for the scheduled {}", action)));
  if (written->at < now) return unexpected(text(422, fmt::format("Cannot schedule {} in the past", action)));
  return Schedule{written->at, model::format_timestamp(written->at, *written->offset)};
}

Checked<RestartOrder> check_restart(const json::object& body, bool paused, model::WallTime now) {
  RestartOrder order;
  for (const auto& member : body) {
    auto added = add_filter(member.key(), member.value(), paused, now, order);
    if (!added) return unexpected(added.error());
  }
  return order;
}

json::object HandoverOrder::key() const {
  json::object value;
  if (!leader.empty()) value["leader"] = leader.text;
  if (!candidate.empty()) value["member"] = candidate.text;
  if (schedule) value["scheduled_at"] = schedule->text;
  return value;
}

Checked<HandoverOrder> check_handover(const json::object& body, bool asked_as_switchover, bool paused, model::WallTime now) {
  HandoverOrder order{.leader = model::MemberName(model::text_at(body, "leader")), .candidate = model::MemberName(model::text_at(body, "candidate"))};
  if (order.candidate.empty()) order.candidate = model::MemberName(model::text_at(body, "member"));
  const bool scheduled = is_present(body, "scheduled_at");
  if (auto refused = refuse_handover(order, asked_as_switchover, scheduled, paused)) return unexpected(*refused);
  if (scheduled) {
    auto schedule = check_schedule(body.at("scheduled_at"), "switchover", now);
    if (!schedule) return unexpected(schedule.error());
    order.schedule = std::move(*schedule);
  }
  if (paused && order.candidate.empty()) return unexpected(text(400, "Switchover is possible only to a specific candidate in a paused state"));
  order.is_switchover = !order.leader.empty();
  if (order.is_switchover && order.leader == order.candidate) return unexpected(text(400, "Switchover target and source are the same"));
  return order;
}

ReinitializeOrder read_reinitialize(const json::object& body) {
  const auto flag = [&](std::string_view key) {
    const auto* value = body.if_contains(key);
    return value && model::to_boolean(*value).value_or(false);
  };
  return {.force = flag("force"), .from_leader = flag("from_leader")};
}

// A slot that cannot be used is no reason to leave the primary without this member's word: only the others are kept.
Checked<json::object> check_failsafe(const json::object& body) {
  for (const std::string_view key : {"name", "conn_url", "api_url"}) {
    if (model::text_at(body, key).empty()) return unexpected(text(400, fmt::format("\"{}\" is missing or not a text", key)));
  }
  json::object slots;
  if (const auto* given = body.if_contains("slots"); given && given->is_object()) slots = given->get_object();
  json::object usable;
  for (const auto& slot : slots) {
    if (is_position(slot.value())) usable.insert(slot);
  }
  json::object checked = body;
  checked["slots"] = std::move(usable);
  return checked;
}

Checked<void> check_mpp_event(const json::object& body) {
  for (const std::string_view key : {"type", "group", "leader", "timeout", "cooldown"}) {
    if (!body.contains(key)) return unexpected(text(400, fmt::format("\"{}\" is missing", key)));
  }
  return {};
}

}  // namespace matriarch::rest
