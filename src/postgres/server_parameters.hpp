// Which parameters the server is started with, and which of them cannot be changed behind our back.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/postgres.hpp"
#include "model/settings.hpp"

namespace matriarch::postgres {

// In force until the synchronous replication logic has named its first standby: strict mode must not acknowledge a
// commit before. Python members write the same text.
inline constexpr std::string_view kStrictPlaceholder = "__patroni_strict_sync_replica_placeholder__";

struct ParameterInputs {
  const model::Settings& settings;
  model::PostgresRole role;
  int major_version = 0;                             // 150000; 0: the data directory is empty
  const model::ControlData* control = nullptr;       // lower bounds for a standby; null: not looked up
  const std::optional<std::string>& sync_names;      // what the synchronous replication logic set last
  bool hot_standby_feedback = false;                 // forced on
  bool hot_standby_off = false;                      // custom bootstrap only
};

struct ServerParameters {
  std::map<std::string, std::string> values;         // not yet checked against the version's table (guc_check.hpp)
  std::map<std::string, std::pair<std::string, std::string>> pending_restart;  // raised to what pg_control demands
  std::vector<std::string> complaints;
};

ServerParameters compute_parameters(const ParameterInputs& inputs);

// Passed on the command line, where ALTER SYSTEM cannot reach them: "--listen_addresses=...", in this order.
std::vector<std::string> command_line_parameters(const std::map<std::string, std::string>& values);
bool is_controlled(std::string_view name);

// "parameters_replica" and the like: which override applies to a role; empty for a node without data.
std::string_view role_suffix(model::PostgresRole role);

}  // namespace matriarch::postgres
