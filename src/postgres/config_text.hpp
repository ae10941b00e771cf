// The text of PostgreSQL's configuration files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::postgres {

struct PostgresqlConf {
  std::string include;                                // file read before everything else
  std::map<std::string, std::string> parameters;
  std::string hba_file, ident_file;                   // empty: given among the parameters
  std::map<std::string, std::string> recovery;        // of a standby
};
// Header, include, sorted parameters as name = 'value' with ' and \ doubled, files, recovery section.
std::string render(const PostgresqlConf& conf);

// The value that a text from render() gives to a parameter; empty: none.
std::string written_parameter(std::string_view conf, std::string_view name);

// pg_hba.conf, pg_ident.conf: the header and the lines as they are.
std::string render_lines(const std::vector<std::string>& lines);

// postgresql.auto.conf without the lines that assign settings of a standby (pg_basebackup -R and ALTER SYSTEM write
// them, and they would win over ours); nothing when there are none.
std::optional<std::string> without_recovery_settings(std::string_view auto_conf);

}  // namespace matriarch::postgres
