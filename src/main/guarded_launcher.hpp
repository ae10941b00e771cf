// PostgreSQL's launcher, by way of the guardian.
#pragma once

#include "postgres/launcher.hpp"
#include "runtime/guarded_postmaster.hpp"

namespace matriarch {

class GuardedLauncher final : public postgres::PostmasterLauncher {
 public:
  explicit GuardedLauncher(runtime::GuardedPostmaster& guardian) : guardian_(guardian) {}

  boost::asio::awaitable<model::Result<postgres::ProcessId, std::string>> launch(postgres::LaunchRequest request) override {
    guardian::Launch launch{.argv = std::move(request.argv),
                            .environment = std::move(request.environment),
                            .working_directory = std::move(request.working_directory)};
    const auto started = co_await guardian_.launch(std::move(launch), request.log_fd);
    if (!started) co_return tl::unexpected(started.error());
    co_return postgres::ProcessId{.pid = static_cast<pid_t>(started->pid), .start_ticks = started->start_ticks};
  }
  boost::asio::awaitable<model::Result<void, std::string>> adopt(postgres::ProcessId process) override {
    return guardian_.adopt(named(process));
  }
  std::optional<std::string> exit_of(postgres::ProcessId process) override {
    const auto status = guardian_.exit_of(named(process));
    if (!status) return std::nullopt;
    return system::describe(*status);
  }
  boost::asio::awaitable<model::Result<void, std::string>> fence(postgres::ProcessId process, model::Milliseconds limit) override {
    return guardian_.fence(named(process), limit);
  }

 private:
  static guardian::ProcessRef named(const postgres::ProcessId& process) {
    return {.pid = process.pid, .start_ticks = process.start_ticks};
  }
  runtime::GuardedPostmaster& guardian_;
};

}  // namespace matriarch
