#include "peers/status.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "model/timestamp.hpp"

namespace matriarch::peers {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 16;

std::optional<std::uint64_t> to_position(const json::object& positions, std::string_view name) {
  const auto* value = positions.if_contains(name);
  if (!value) return std::nullopt;
  if (value->is_int64() && value->as_int64() >= 0) return static_cast<std::uint64_t>(value->as_int64());
  if (value->is_uint64()) return value->as_uint64();
  return std::nullopt;
}

const json::object* positions_of(const json::object& document) {
  for (const char* name : {"wal", "xlog"}) {
    const auto* value = document.if_contains(name);
    if (value && value->is_object() && !value->as_object().empty()) return &value->as_object();
  }
  return nullptr;
}

model::PeerStatus unreachable(std::string why) { return {.error = std::move(why)}; }

}  // namespace

model::PeerStatus parse_status(std::string_view body) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code failed;
  const json::value parsed = json::parse(body, failed, {}, options);
  if (failed || !parsed.is_object()) return unreachable("the answer is not a JSON object");
  const json::object& document = parsed.as_object();
  const json::object* positions = positions_of(document);
  if (!positions) return unreachable("PostgreSQL does not serve there");

  model::PeerStatus status{.reachable = true};
  const auto* role = document.if_contains("role");
  const bool called_primary = role && role->is_string() && (role->as_string() == "primary" || role->as_string() == "master");
  const auto location = to_position(*positions, "location");
  status.in_recovery = !(called_primary || location.value_or(0) > 0);
  if (*status.in_recovery) {
    const auto received = to_position(*positions, "received_location");
    const auto replayed = to_position(*positions, "replayed_location");
    if (!received && !replayed) return unreachable("the answer has no positions");
    status.lsn = {std::max(received.value_or(0), replayed.value_or(0))};
  }
  if (const auto timeline = to_position(document, "timeline")) status.timeline = {static_cast<std::uint32_t>(*timeline)};
  if (const auto* tags = document.if_contains("tags"); tags && tags->is_object()) status.tags.custom = tags->as_object();
  if (const auto* failed_watchdog = document.if_contains("watchdog_failed")) status.watchdog_failed = failed_watchdog->is_bool() && failed_watchdog->as_bool();
  if (const auto* seen = document.if_contains("dcs_last_seen"); seen && seen->is_int64()) {
    status.dcs_last_seen = model::WallTime(std::chrono::seconds(seen->as_int64()));
  }
  return status;
}

}  // namespace matriarch::peers
