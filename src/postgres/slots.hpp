// Replication slots: made, advanced, dropped and copied so that any member may lead next.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

asio::awaitable<Outcome> sync_slots(std::shared_ptr<Site> site, std::shared_ptr<const model::Cluster> view);
// Stops the server, puts the leader's slot files in place, starts it as it was.
asio::awaitable<Outcome> copy_logical_slots(std::shared_ptr<Site> site, ports::Source leader, std::vector<std::string> names);

}  // namespace matriarch::postgres
