// The configuration of this process: read once, read again on request, merged with the dynamic document.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/settings.hpp"
#include "settings/effective.hpp"
#include "settings/local.hpp"

namespace matriarch::main {

settings::Environment process_environment();
// Whether the variables PATRONI_* (MATRIARCH_*) alone say anything.
bool names_configuration(const settings::Environment& environment);
// Why this file or directory cannot be taken, with its name. One that does not exist can, where the environment speaks instead.
std::optional<std::string> why_unusable(const std::string& path, const settings::Environment& environment);

class Configuration {
 public:
  // Reads the file (or directory; empty or missing: the environment alone). The error is every complaint, one a line.
  static tl::expected<Configuration, std::string> read(const std::string& path, settings::Purpose purpose);

  std::shared_ptr<const model::Settings> settings() const { return settings_; }
  // One line each; for the log of whoever starts.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::string& path() const { return source_.path; }
  // So that no callback or script finds passwords in its environment. Before there are other threads.
  void clear_environment() const;

  // The effective settings for a document from the store (nothing: the one accepted last). `reread` reads the local
  // sources again first. On error nothing changes.
  tl::expected<std::shared_ptr<const model::Settings>, std::string> make(std::optional<boost::json::object> document, bool reread);

 private:
  settings::LocalSource source_;
  settings::Loaded loaded_;
  settings::Circumstances circumstances_;
  settings::DynamicSources dynamic_;
  std::shared_ptr<const model::Settings> settings_;
  std::vector<std::string> warnings_;
};

// Where the run directory may be: settings.run_dir, else /run/matriarch/SCOPE-NAME, else beside PGDATA.
std::vector<std::string> run_directories(const model::Settings& settings);
// The first of them that can be used; created 0700.
tl::expected<std::string, std::string> make_run_directory(const model::Settings& settings);

// Where the agent of this node reaches the store of this node.
std::string store_socket(const std::string& run_directory);

}  // namespace matriarch::main
