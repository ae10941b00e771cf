// Stopping the server.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

struct StopOptions {
  ports::StopRequest request;
  bool is_restart = false;  // neither states nor callbacks of a stop
};
// Returns once no postmaster is left; the positions are known after a clean shutdown only. An error: it still runs.
asio::awaitable<ports::PostgresResult<ports::ShutdownPositions>> stop_server(std::shared_ptr<Site> site, StopOptions options);

// CHECKPOINT on a connection of its own, without a limit for the statement.
asio::awaitable<Outcome> run_checkpoint(std::shared_ptr<Site> site, Deadline deadline);

// Where a cleanly shut down server ended, from its control data and WAL.
asio::awaitable<std::optional<ports::ShutdownPositions>> shutdown_positions(Site& site);

}  // namespace matriarch::postgres
