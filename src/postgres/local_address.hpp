// How the agent reaches its own server.
#pragma once

#include <string>

#include "model/settings.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/postmaster_file.hpp"

namespace matriarch::postgres {

// What the running postmaster says of itself, or, while it has not, what the settings say.
struct LocalAddress {
  std::string host;      // empty: libpq's default socket directory
  std::string hostaddr;  // empty: as resolved
  std::string port;
  bool operator==(const LocalAddress&) const = default;
};
LocalAddress local_address(const model::Settings& settings, const PostmasterFile& file, bool by_unix_socket);

// The superuser's connection to the local server, made for short statements. `purpose` completes the application name.
Conninfo local_conninfo(const model::Settings& settings, const PostmasterFile& file, const std::string& purpose);
// The same without a limit for a statement's time, in another database if one is named.
Conninfo unhurried_conninfo(const model::Settings& settings, const PostmasterFile& file, const std::string& database);
Conninfo local_replication_conninfo(const model::Settings& settings, const PostmasterFile& file);

}  // namespace matriarch::postgres
