// Writes PostgreSQL's configuration files. Blocking: for the file threads only.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/config_text.hpp"
#include "postgres/data_directory.hpp"

namespace matriarch::postgres {

struct ConfigPaths {
  std::string data_directory, config_directory, base_name, custom_conf;
  std::string conf() const { return config_directory + "/" + base_name + ".conf"; }
  std::string base_conf() const { return config_directory + "/" + base_name + ".base.conf"; }
  std::string hba() const { return config_directory + "/pg_hba.conf"; }
  std::string ident() const { return config_directory + "/pg_ident.conf"; }
};

struct ConfigFiles {
  ConfigPaths paths;
  PostgresqlConf conf;                              // `include` is filled in here
  std::optional<std::vector<std::string>> hba, ident;  // nothing: not ours
  bool cleans_auto_conf = true;                     // removes recovery settings from postgresql.auto.conf
  std::optional<std::pair<std::string, std::string>> passfile;  // path, content; 0600
  std::vector<std::string> directories;             // to be there and writable; relative ones are below the data directory
};
// Each file atomically, and only if its content differs. A postgresql.conf that we have not written is first renamed to
// postgresql.base.conf and included. True when something was written.
model::Result<bool, std::string> write_config(const ConfigFiles& files);

// Copies beside the data, so that a base backup carries configuration that lives elsewhere, and back where one is
// missing after a clone (then pg_ident.conf is made empty if there is no copy).
FileResult save_config_backups(const ConfigPaths& paths);
FileResult restore_config_backups(const ConfigPaths& paths);

FileResult append_lines(const std::string& path, const std::vector<std::string>& lines);

}  // namespace matriarch::postgres
