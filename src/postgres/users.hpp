// The three roles that the agents of a cluster use.
#pragma once

#include "postgres/connection.hpp"
#include "postgres/site.hpp"

namespace matriarch::postgres {

// Creates or alters the role. The password reaches the server as a verifier and no log at all.
asio::awaitable<Outcome> make_role(Connection& connection, model::Credentials credentials, std::string options, Deadline deadline);
// What pg_rewind may do without being a superuser.
asio::awaitable<Outcome> grant_rewind(Connection& connection, std::string role, Deadline deadline);
// Nothing of what follows on this connection is logged by the server or its extensions.
asio::awaitable<Outcome> silence_logging(Connection& connection, Deadline deadline);

}  // namespace matriarch::postgres
