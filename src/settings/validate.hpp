// `--validate-config`: every problem of a local configuration at once, in the order of the schema and in Patroni's words.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "settings/complaint.hpp"
#include "settings/local.hpp"

namespace matriarch::settings {

// Questions to the world that this room does not ask itself. An empty function: the check is left out (`--offline`).
struct Probes {
  std::function<bool(const std::string& host, std::uint16_t port)> accepts_connections;
  // Major version of DIR/NAME (or NAME in PATH when dir is empty): "15"; nothing when it cannot be run.
  std::function<std::optional<std::string>(const std::string& dir, const std::string& name)> postgres_major_version;
};

struct ValidateRules {
  bool ignore_listen_port = false;  // `-i`: a port in use is no problem
  bool check_files = true;          // data_dir, bin_dir, programs
  bool strict = false;              // unknown keys are errors, not warnings
};

// A voter of the embedded store without PostgreSQL: nothing of a database node is asked for.
bool is_witness(const boost::json::object& local);

// Errors first make the exit code 1; warnings do not. Nothing is written.
Complaints validate(const boost::json::object& local, const Probes& probes, const ValidateRules& rules);

}  // namespace matriarch::settings
