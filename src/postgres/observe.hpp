// Keeping node() true: the status query, and events between two of them.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

// Asks the running server; a stopped one is looked at through its files. A server that rejects connections becomes
// `starting` again. Errors leave node() with query_failed.
asio::awaitable<Outcome> refresh(std::shared_ptr<Site> site, Deadline deadline);

// Only the query; node() gets what it says. Also watches the processes at the other ends of replication, so that their
// end is an event.
asio::awaitable<Outcome> query_status(std::shared_ptr<Site> site, Deadline deadline);

// Looks several times a second while something matters that no process tells: senders of a primary with synchronous
// replication, a standby that does not stream. Ends with the postmaster.
asio::awaitable<void> watch_replication(std::shared_ptr<Site> site, ProcessId process);

// Whether the server answers that it does not accept connections now (it is starting, recovering or stopping).
asio::awaitable<bool> is_rejecting(Site& site);

}  // namespace matriarch::postgres
