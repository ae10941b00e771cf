// Forks the postmaster itself: for tests, and for a node without a guardian.
#pragma once

#include <map>

#include "postgres/launcher.hpp"
#include "postgres/waiting.hpp"
#include "system/process.hpp"

namespace matriarch::postgres {

class DirectLauncher final : public PostmasterLauncher {
 public:
  explicit DirectLauncher(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  asio::awaitable<model::Result<ProcessId, std::string>> launch(LaunchRequest request) override;
  asio::awaitable<model::Result<void, std::string>> adopt(ProcessId process) override;
  std::optional<std::string> exit_of(ProcessId process) override;
  asio::awaitable<model::Result<void, std::string>> fence(ProcessId process, model::Milliseconds limit) override;

 private:
  asio::any_io_executor executor_;
  FileThreads threads_{1};
  std::map<pid_t, system::Child> children_;  // not reaped yet
};

}  // namespace matriarch::postgres
