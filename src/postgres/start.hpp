// Starting the server, and following it from then on.
#pragma once

#include <optional>

#include "postgres/site.hpp"

namespace matriarch::postgres {

struct StartRequest {
  model::PostgresRole role = model::PostgresRole::kReplica;
  std::optional<model::Upstream> upstream;              // of a standby
  std::optional<model::Milliseconds> timeout;           // nothing: pg_ctl_timeout
  bool keeps_recovery = false;                          // custom bootstrap: its recovery settings stay as they are
  std::string callback = "on_start";                    // once it runs; empty: none
  model::PostgresState state = model::PostgresState::kStarting;  // meanwhile
};

// Writes the files, has the postmaster forked, waits until it accepts connections. A primary starts with the signal
// files as they are; every other role gets standby.signal. Error `still_starting`: the time passed, it goes on starting.
asio::awaitable<Outcome> start_server(std::shared_ptr<Site> site, StartRequest request);

// Finds a postmaster that runs already and follows it; false when there is none.
asio::awaitable<bool> adopt_running(std::shared_ptr<Site> site);

}  // namespace matriarch::postgres
