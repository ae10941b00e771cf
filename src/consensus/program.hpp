// The store as a program: 'matriarch store' and 'matriarch witness' are this, with their settings.
#pragma once

#include <optional>
#include <string>

#include "consensus/log.hpp"
#include "consensus/server/access.hpp"
#include "consensus/settings.hpp"
#include "net/tls.hpp"

namespace matriarch::consensus {

struct StoreProgramSettings {
  MemberSettings member;

  std::string unix_socket;                  // for the agent of this node; empty = none
  std::optional<HostPort> client_listen;    // embedded.client_listen; port 0 = any free one
  // Certificates of the client port; clients then need one of the CA's unless only a certfile is given with a user.
  std::optional<net::TlsServerSettings> client_tls;
  std::optional<server::ClientUser> client_user;

  Log log;  // called on the program's thread
  // Best effort: real-time priority for the thread (0 = do not ask).
  int realtime_priority = 0;
};

// Runs until SIGTERM or SIGINT (exit code 0: leadership is handed over first) or until it cannot go on (exit code 1;
// the reason is logged as an error). Takes over the process: signals, allocator settings, SIGPIPE, SIGABRT.
int run_store(StoreProgramSettings settings);

}  // namespace matriarch::consensus
