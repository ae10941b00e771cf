// PostgreSQL as the guardian runs it: forked there at our request, adopted, fenced, and its end reported.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guardian/job.hpp"
#include "guardian/page.hpp"
#include "model/names.hpp"
#include "model/time.hpp"
#include "runtime/guardian_line.hpp"
#include "system/process.hpp"

namespace matriarch::runtime {

// Lives on the agent's main executor. Errors are one line for the operator.
class GuardedPostmaster {
 public:
  static model::Result<std::unique_ptr<GuardedPostmaster>, std::string> open(boost::asio::any_io_executor executor, std::string run_directory);

  // `output`: for its stdout and stderr; -1: ours. Waits a moment for what is left of the last one. Publish what may run
  // first: without a lease the guardian refuses a primary.
  boost::asio::awaitable<model::Result<guardian::ProcessRef, std::string>> launch(guardian::Launch launch, int output);
  // A postmaster found running that the guardian does not know. Guarded from its first lease on.
  boost::asio::awaitable<model::Result<void, std::string>> adopt(guardian::ProcessRef postmaster);
  // SIGKILL to all of it, whatever the lease says; returns when every process is gone.
  boost::asio::awaitable<model::Result<void, std::string>> fence(guardian::ProcessRef postmaster, model::Milliseconds limit);
  // How it ended, once it has; nothing when the guardian does not know (not its child). Waits some 2 ms at most: the guardian
  // learns of the end at the same moment as we do.
  std::optional<system::ExitStatus> exit_of(guardian::ProcessRef postmaster) const;
  // The agent is about to end, and the whole node with it, with this exit code.
  boost::asio::awaitable<model::Result<void, std::string>> say_goodbye(int exit_code, bool leaves_postgres);
  // The guardian's program is executed anew in its process.
  boost::asio::awaitable<model::Result<void, std::string>> replace_guardian();

  // Every process of the postmaster is gone. At most one callback; it runs on the executor.
  void on_end(std::function<void(guardian::ProcessRef)> callback);

 private:
  GuardedPostmaster(boost::asio::any_io_executor executor, const std::string& run_directory, guardian::Page page);
  boost::asio::awaitable<model::Result<void, std::string>> request(guardian::ControlMessage message);
  bool is_gone(const guardian::ProcessRef& postmaster) const;

  boost::asio::any_io_executor executor_;
  guardian::Page page_;
  GuardianLine line_;
  std::function<void(guardian::ProcessRef)> ended_;
};

}  // namespace matriarch::runtime
