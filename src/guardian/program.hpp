// One of the guardian's two programs, agent or store: started, signalled, and seen to end. Decides nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardian/marks.hpp"
#include "guardian/supervision.hpp"
#include "system/process.hpp"

namespace matriarch::guardian {

class Program {
 public:
  // `argv` empty: not wanted. `environment` is the guardian's own.
  Program(std::vector<std::string> argv, const std::vector<std::string>& environment, Ward ward,
          std::string_view run_directory);

  // A failure to start counts as an end with exit code 127, so that it is tried again later.
  system::SystemResult<void> start();
  // A child that a guardian before us (the same process, replaced) had started.
  void take_over(const ProcessRef& running);
  // Nothing happens when it does not run.
  void signal(int number) noexcept;
  // The child with that pid was reaped: true when it was this one.
  bool note_reaped(pid_t pid, const system::ExitStatus& status) noexcept;

  // What the policy sees; the end is told once.
  ChildView take_view() noexcept;
  bool running() const noexcept { return static_cast<bool>(process_); }
  const ProcessRef& process() const noexcept { return process_; }
  std::uint64_t starts() const noexcept { return starts_; }
  void set_starts(std::uint64_t starts) noexcept { starts_ = starts; }

 private:
  std::vector<std::string> argv_;
  std::vector<std::string> environment_;
  ProcessRef process_;
  std::uint64_t starts_ = 0;
  std::optional<int> ended_with_;
};

}  // namespace matriarch::guardian
