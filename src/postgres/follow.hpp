// Quick changes of a running server's configuration: another upstream, another set of synchronous standbys.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

ports::FollowChange follow_change(const Site& site, const std::optional<model::Upstream>& wanted);
asio::awaitable<Outcome> follow_by_reload(std::shared_ptr<Site> site, model::Upstream upstream);
// Returns when the server has it in effect.
asio::awaitable<Outcome> set_sync_names(std::shared_ptr<Site> site, std::string text);
asio::awaitable<Outcome> resume_replay(std::shared_ptr<Site> site);

}  // namespace matriarch::postgres
