// A data directory that went another way than the leader's: seen, and turned back.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

asio::awaitable<model::DivergenceReport> check_divergence(std::shared_ptr<Site> site, ports::Source leader, Deadline deadline);

// pg_rewind against a healthy primary. Error `impossible`: it failed although the source is fine, or can never work; the
// data directory may be half rewritten and only a clone helps.
asio::awaitable<Outcome> rewind_data(std::shared_ptr<Site> site, ports::Source source);

// Replays WAL to its end in single-user mode, so that control data tell where it ends.
asio::awaitable<Outcome> recover_single_user(std::shared_ptr<Site> site);

}  // namespace matriarch::postgres
