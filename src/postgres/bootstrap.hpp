// A new cluster: initdb or the user's own method, then users.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

// Up to a started server; with a custom method it may still be recovering.
asio::awaitable<Outcome> bootstrap_cluster(std::shared_ptr<Site> site, model::BootstrapSettings how);
// On the new primary: superuser, the user's script, replication and rewind users, and the end of custom mode.
asio::awaitable<Outcome> finish_bootstrap(std::shared_ptr<Site> site);

}  // namespace matriarch::postgres
