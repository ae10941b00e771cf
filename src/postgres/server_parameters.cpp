#include "postgres/server_parameters.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "model/quantity.hpp"
#include "postgres/setting_text.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using Values = std::map<std::string, std::string>;

struct Controlled {
  std::string_view name;
  std::string_view fallback;   // empty: always given by us
  std::int64_t minimum;        // of whole numbers; negative: not a number
  bool on_command_line;
};

// In the order of the command line.
constexpr std::array kControlled = {
    Controlled{"listen_addresses", "", -1, true},
    Controlled{"port", "", -1, true},
    Controlled{"cluster_name", "", -1, true},
    Controlled{"wal_level", "replica", -1, true},
    Controlled{"hot_standby", "on", -1, true},
    Controlled{"max_connections", "100", 25, true},
    Controlled{"max_wal_senders", "10", 3, true},
    Controlled{"max_prepared_transactions", "0", 0, true},
    Controlled{"max_locks_per_transaction", "64", 32, true},
    Controlled{"track_commit_timestamp", "off", -1, true},
    Controlled{"max_replication_slots", "10", 4, true},
    Controlled{"max_worker_processes", "8", 2, true},
    Controlled{"wal_log_hints", "on", -1, true},
    Controlled{"wal_keep_segments", "8", 1, false},
    Controlled{"wal_keep_size", "128MB", 16, false},
};

const Controlled* find_controlled(std::string_view name) {
  const auto found = std::find_if(kControlled.begin(), kControlled.end(), [&](const Controlled& c) { return equals_without_case(c.name, name); });
  return found == kControlled.end() ? nullptr : &*found;
}

// The configured value if it is allowed, else nothing.
std::optional<std::string> validated(const Controlled& controlled, const std::string& value) {
  if (controlled.name == "wal_level") {
    const std::string level = to_lower(value);
    if (level == "hot_standby" || level == "replica") return "replica";
    return level == "logical" ? std::optional<std::string>(level) : std::nullopt;
  }
  if (controlled.name == "hot_standby") return parse_bool(value) == true ? std::optional<std::string>("on") : std::nullopt;
  if (controlled.minimum < 0) return parse_bool(value) ? std::optional(value) : std::nullopt;
  const std::string_view unit = controlled.name == "wal_keep_size" ? "MB" : "";
  const auto number = model::parse_integer(value, unit);
  if (!number || *number < controlled.minimum) return std::nullopt;
  const auto plain = model::parse_integer(value);
  return plain ? fmt::format("{}", *plain) : value;
}

void apply_configured(const ParameterInputs& inputs, ServerParameters& result) {
  const auto& postgresql = inputs.settings.postgresql;
  for (const auto& [name, value] : postgresql.parameters) {
    const Controlled* controlled = find_controlled(name);
    if (controlled == nullptr) {
      result.values[name] = value;
    } else if (!controlled->fallback.empty()) {
      if (auto text = validated(*controlled, value)) {
        result.values[std::string(controlled->name)] = *text;
      } else {
        result.complaints.push_back(fmt::format("postgresql parameter {}={} failed validation, defaulting to {}", name, value, controlled->fallback));
      }
    }
  }
  const auto overrides = postgresql.role_parameters.find(std::string(role_suffix(inputs.role)));
  if (overrides == postgresql.role_parameters.end()) return;
  for (const auto& [name, value] : overrides->second) {
    if (is_controlled(name)) {
      result.complaints.push_back(fmt::format("Role-based config attempted to override protected parameter '{}', ignoring", name));
    } else {
      result.values[name] = value;
    }
  }
}

void apply_own(const ParameterInputs& inputs, Values& values) {
  const auto& postgresql = inputs.settings.postgresql;
  for (const Controlled& controlled : kControlled) {
    const bool is_wal_keep = !controlled.on_command_line;
    if (!controlled.fallback.empty() && !is_wal_keep) values.emplace(controlled.name, controlled.fallback);
  }
  values["cluster_name"] = inputs.settings.scope;
  values["listen_addresses"] = postgresql.listen_addresses;
  values["port"] = fmt::format("{}", postgresql.port);
  if (inputs.hot_standby_off) values["hot_standby"] = "off";
  if (inputs.hot_standby_feedback) values["hot_standby_feedback"] = "on";
  // A startup process that cannot reach its upstream sleeps this long, and only then looks at a promotion request:
  // with the default of 5 s a failover takes 5 s longer.
  values.emplace("wal_retrieve_retry_interval", "100ms");
}

// What the synchronous replication logic set stays until it takes it back: were it dropped at once when the mode is
// switched off, commits would wait for nobody while /sync still promises a standby that has everything.
void apply_synchronous(const ParameterInputs& inputs, Values& values) {
  if (inputs.sync_names && !inputs.sync_names->empty()) {
    values["synchronous_standby_names"] = *inputs.sync_names;
    return;
  }
  if (!inputs.settings.dynamic.synchronous()) return;
  values.erase("synchronous_standby_names");
  const bool is_primary = inputs.role == model::PostgresRole::kPrimary || inputs.role == model::PostgresRole::kPromoted;
  const bool is_strict = inputs.settings.dynamic.synchronous_mode_strict;
  if (!inputs.sync_names && is_strict && is_primary) values["synchronous_standby_names"] = kStrictPlaceholder;
}

// One of the two exists, by version; the other is translated. Segments have 16 MB here, as in Patroni.
void apply_wal_keep(int major_version, Values& values) {
  const auto segments = values.extract("wal_keep_segments");
  const auto size = values.extract("wal_keep_size");
  if (major_version == 0 || major_version >= 130000) {
    const std::int64_t count = segments ? model::parse_integer(segments.mapped()).value_or(8) : 8;
    values["wal_keep_size"] = size ? size.mapped() : fmt::format("{}MB", count * 16);
  } else {
    const std::int64_t megabytes = size ? model::parse_integer(size.mapped(), "MB").value_or(128) : 128;
    values["wal_keep_segments"] = segments ? segments.mapped() : fmt::format("{}", (megabytes + 8) / 16);
  }
}

void join_relative(Values& values, const std::string& name, const std::string& directory) {
  const auto found = values.find(name);
  if (found != values.end() && !found->second.starts_with('/')) found->second = directory + "/" + found->second;
}

// A standby refuses to start with less shared memory for these than the primary had (pg_control remembers).
void raise_to_control_values(const model::ControlData& control, ServerParameters& result) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kBounds = {{{"max_connections", "max_connections"},
                                                                           {"max_prepared_transactions", "max_prepared_xacts"},
                                                                           {"max_locks_per_transaction", "max_locks_per_xact"},
                                                                           {"max_worker_processes", "max_worker_processes"},
                                                                           {"max_wal_senders", "max_wal_senders"}}};
  for (const auto& [guc, line] : kBounds) {
    const auto found = control.settings.find(line);
    if (found == control.settings.end()) {
      result.complaints.push_back(fmt::format("{} setting is missing from pg_controldata output", line));
      continue;
    }
    const auto recorded = model::parse_integer(found->second);
    const std::string configured = result.values[guc];
    if (!recorded || *recorded <= model::parse_integer(configured).value_or(0)) continue;
    result.complaints.push_back(fmt::format("{} value in pg_controldata: {}, in the global configuration: {}. pg_controldata value will be used. Setting "
                                            "'Pending restart' flag", guc, found->second, configured));
    result.pending_restart[guc] = {found->second, configured};
    result.values[guc] = found->second;
  }
}

}  // namespace

ServerParameters compute_parameters(const ParameterInputs& inputs) {
  ServerParameters result;
  apply_configured(inputs, result);
  apply_own(inputs, result.values);
  apply_synchronous(inputs, result.values);
  apply_wal_keep(inputs.major_version, result.values);
  join_relative(result.values, "hba_file", inputs.settings.postgresql.config_dir);
  join_relative(result.values, "ident_file", inputs.settings.postgresql.config_dir);
  if (inputs.control != nullptr && inputs.role != model::PostgresRole::kPrimary) raise_to_control_values(*inputs.control, result);
  return result;
}

std::vector<std::string> command_line_parameters(const Values& values) {
  std::vector<std::string> arguments;
  for (const Controlled& controlled : kControlled) {
    const auto found = values.find(std::string(controlled.name));
    if (controlled.on_command_line && found != values.end()) arguments.push_back(fmt::format("--{}={}", controlled.name, found->second));
  }
  return arguments;
}

bool is_controlled(std::string_view name) { return find_controlled(name) != nullptr; }

std::string_view role_suffix(model::PostgresRole role) {
  switch (role) {
    case model::PostgresRole::kPrimary:
    case model::PostgresRole::kPromoted: return "primary";
    case model::PostgresRole::kReplica:
    case model::PostgresRole::kDemoted: return "replica";
    case model::PostgresRole::kStandbyLeader: return "standby_leader";
    case model::PostgresRole::kUninitialized: return "";
  }
  return "";
}

}  // namespace matriarch::postgres
