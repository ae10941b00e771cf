// Who forks the postmaster. In production the guardian does, at our request, so that it is the guardian's descendant; in
// tests, and where there is no guardian, we do (direct_launcher.hpp).
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::postgres {

// Names one process for ever: a pid alone may come back.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  bool operator==(const ProcessId&) const = default;
};

struct LaunchRequest {
  std::vector<std::string> argv;         // argv[0] is the program
  std::vector<std::string> environment;  // whole: "NAME=value" each
  std::string working_directory;
  int log_fd = -1;                       // its stdout and stderr; -1: those of whoever forks it
};

// Errors are one line for the operator. Every call ends by its own deadline of a few seconds if it names none.
class PostmasterLauncher {
 public:
  virtual ~PostmasterLauncher() = default;

  // Starts the program in a session of its own. It does not end with us.
  virtual boost::asio::awaitable<model::Result<ProcessId, std::string>> launch(LaunchRequest request) = 0;
  // A postmaster was found running: from now on it is watched, and fenced, like one that was launched.
  virtual boost::asio::awaitable<model::Result<void, std::string>> adopt(ProcessId process) = 0;
  // How it ended ("exited with code 1"), if the parent knows. Asked after its pidfd became readable.
  virtual std::optional<std::string> exit_of(ProcessId process) = 0;
  // SIGKILL to the postmaster, then to everything below it; returns when all are gone or the limit passed.
  virtual boost::asio::awaitable<model::Result<void, std::string>> fence(ProcessId process, model::Milliseconds limit) = 0;
};

}  // namespace matriarch::postgres
