// What a running server says of itself that nobody manages yet: what a configuration for it is made from.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.hpp"

namespace matriarch::postgres {

struct ServerDescription {
  std::map<std::string, std::string> parameters;  // as SHOW prints them
  std::vector<std::string> hba, ident;            // lines of the files in the data directory, without comments; empty: the files lie elsewhere
  std::string bin_dir;                            // of the postmaster's executable; empty: it does not run here, or cannot be looked at
};

// The parameters that somebody has set for the whole server, where the server's files are, and those that are `wanted` by name.
// The user of the connection must be a superuser. The error is a sentence.
asio::awaitable<model::Result<ServerDescription, std::string>> describe_server(Conninfo conninfo, std::function<bool(std::string_view)> wanted,
                                                                              Deadline deadline);

// Lines of pg_hba.conf that are entries, for that version of the server.
std::vector<std::string> hba_entries(std::string_view content, int version);
// Lines of pg_ident.conf that are no comments.
std::vector<std::string> ident_entries(std::string_view content);

}  // namespace matriarch::postgres
