#include "settings/parameters.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

#include "model/json_merge.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

// How a controlled parameter may be changed in the dynamic configuration.
enum class Accepts { kNever, kWalLevel, kTrue, kNumber, kBoolean };

struct Controlled {
  std::string_view name;
  Accepts accepts;
  std::string_view default_value;
  std::int64_t least = 0;
  std::string_view unit = {};
};

constexpr std::array kControlled = std::to_array<Controlled>({
    {"listen_addresses", Accepts::kNever, ""},
    {"port", Accepts::kNever, ""},
    {"cluster_name", Accepts::kNever, ""},
    {"wal_level", Accepts::kWalLevel, "hot_standby"},
    {"hot_standby", Accepts::kTrue, "on"},
    {"max_connections", Accepts::kNumber, "100", 25},
    {"max_wal_senders", Accepts::kNumber, "10", 3},
    {"wal_keep_segments", Accepts::kNumber, "8", 1},
    {"wal_keep_size", Accepts::kNumber, "128MB", 16, "MB"},
    {"max_prepared_transactions", Accepts::kNumber, "0", 0},
    {"max_locks_per_transaction", Accepts::kNumber, "64", 32},
    {"track_commit_timestamp", Accepts::kBoolean, "off"},
    {"max_replication_slots", Accepts::kNumber, "10", 4},
    {"max_worker_processes", Accepts::kNumber, "8", 2},
    {"wal_log_hints", Accepts::kBoolean, "on"},
});

const Controlled* controlled(std::string_view name) {
  const std::string key = lower_case(name);
  const auto found = std::find_if(kControlled.begin(), kControlled.end(), [&](const Controlled& row) { return row.name == key; });
  return found == kControlled.end() ? nullptr : &*found;
}

bool is_acceptable(const Controlled& row, const json::value& value) {
  switch (row.accepts) {
    case Accepts::kNever: return false;
    case Accepts::kWalLevel: {
      const std::string level = lower_case(model::comparison_text(value));
      return level == "hot_standby" || level == "replica" || level == "logical";
    }
    case Accepts::kTrue: return parse_bool(value) == true;
    case Accepts::kBoolean: return parse_bool(value).has_value();
    case Accepts::kNumber: {
      const auto number = parse_int(value, row.unit);
      return number && *number >= row.least;
    }
  }
  return false;
}

// "7" and "100.5" become 7 and 100; what has a unit stays as it is written.
std::string normalised(const Controlled& row, const json::value& value) {
  if (row.accepts == Accepts::kNumber) {
    if (const auto number = parse_int(value)) return fmt::format("{}", *number);
  }
  return model::comparison_text(value);
}

// PostgreSQL has no settings with such values; their text would only break the server's start.
bool is_scalar(const std::string& path, std::string_view name, const json::value& value, Complaints& complaints) {
  if (!value.is_structured()) return true;
  const std::string full = fmt::format("{}.{}", path, name);
  complaints.push_back({.path = full,
                        .value = shown_value(full, value),
                        .wrong = fmt::format("is a {}, but a setting has one value", value.is_array() ? "list" : "mapping"),
                        .right = "expected text, a number or a boolean"});
  return false;
}

}  // namespace

void Parameters::set(std::string_view name, std::string value) { entries_[lower_case(name)] = {std::string(name), std::move(value)}; }
void Parameters::remove(std::string_view name) { entries_.erase(lower_case(name)); }

std::map<std::string, std::string> Parameters::by_name() const {
  std::map<std::string, std::string> result;
  for (const auto& [key, entry] : entries_) result[entry.name] = entry.value;
  return result;
}

bool is_controlled(std::string_view name) { return controlled(name) != nullptr; }

Parameters default_parameters() {
  Parameters parameters;
  for (const Controlled& row : kControlled) {
    // wal_keep_* depends on PostgreSQL's version and is left to postgres/.
    if (row.accepts != Accepts::kNever && !row.name.starts_with("wal_keep")) parameters.set(row.name, std::string(row.default_value));
  }
  return parameters;
}

void overlay_dynamic(Parameters& parameters, const json::object& values, const std::string& path, Complaints& complaints) {
  for (const auto& [name, value] : values) {
    if (!is_scalar(path, name, value, complaints)) continue;
    const Controlled* row = controlled(name);
    if (row == nullptr) {
      if (value.is_null()) parameters.remove(name);
      else parameters.set(name, model::comparison_text(value));
    } else if (row->accepts == Accepts::kNever) {
      complaints.push_back({.severity = Severity::kWarning,
                            .path = fmt::format("{}.{}", path, std::string_view(name)),
                            .wrong = "has no effect",
                            .right = "it follows from postgresql.listen and scope of each node"});
    } else if (is_acceptable(*row, value)) {
      parameters.set(row->name, normalised(*row, value));
    } else if (!value.is_null()) {
      const std::string full = fmt::format("{}.{}", path, std::string_view(name));
      complaints.push_back({.severity = Severity::kWarning,
                            .path = full,
                            .value = shown_value(full, value),
                            .wrong = fmt::format("failed validation, defaulting to {}", row->default_value)});
      parameters.set(row->name, std::string(row->default_value));
    }
  }
}

void overlay_local(Parameters& parameters, const json::object& values, const std::string& path, Complaints& complaints) {
  for (const auto& [name, value] : values) {
    if (!is_scalar(path, name, value, complaints)) continue;
    if (is_controlled(name)) {
      complaints.push_back({.severity = Severity::kWarning,
                            .path = fmt::format("{}.{}", path, std::string_view(name)),
                            .wrong = "has no effect",
                            .right = "all nodes must agree on it: set it in the dynamic configuration"});
    } else if (value.is_null()) {
      parameters.remove(name);
    } else {
      parameters.set(name, model::comparison_text(value));
    }
  }
}

std::map<std::string, std::string> role_parameters(const json::object& values, const std::string& path, Complaints& complaints) {
  Parameters parameters;
  for (const auto& [name, value] : values) {
    if (!is_scalar(path, name, value, complaints)) continue;
    if (is_controlled(name)) {
      complaints.push_back({.severity = Severity::kWarning,
                            .path = fmt::format("{}.{}", path, std::string_view(name)),
                            .wrong = fmt::format("Role-based config attempted to override protected parameter '{}', ignoring",
                                                 std::string_view(name))});
    } else if (!value.is_null()) {
      parameters.set(name, model::comparison_text(value));
    }
  }
  return parameters.by_name();
}

}  // namespace matriarch::settings
