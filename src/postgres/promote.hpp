// From standby to primary.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

// The user's script; none, or exit code 0: success.
asio::awaitable<Outcome> run_pre_promote(std::shared_ptr<Site> site);
// Signals the server and returns when it has left recovery, that is, accepts writes.
asio::awaitable<Outcome> promote_server(std::shared_ptr<Site> site, model::Milliseconds timeout);

}  // namespace matriarch::postgres
