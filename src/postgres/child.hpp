// A program that we start, listen to, and never leave behind.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/names.hpp"
#include "postgres/waiting.hpp"
#include "system/process.hpp"

namespace matriarch::postgres {

// Output beyond this is cut off at its beginning.
inline constexpr std::size_t kMaxOutput = 1 << 20;

struct ChildRequest {
  std::vector<std::string> argv;
  std::vector<std::string> environment;    // "NAME=value", over ours
  std::string working_directory;           // empty: ours
  bool captures_output = true;             // false: the child writes where we do
  std::function<void(std::string_view line)> on_error_line;  // as it comes, ended by \n or \r
  model::Milliseconds grace{0};            // between SIGTERM and SIGKILL when it has to end; 0: SIGKILL at once
};

struct ChildOutcome {
  system::ExitStatus status;
  bool timed_out = false;                  // it was killed at the deadline
  std::string output, errors;
  bool success() const { return !timed_out && status.success(); }
  std::string reason() const;  // the line of its errors that tells most; empty: none
  // "exited with code 1: <reason>"
  std::string describe() const;
};

// Runs it to its end; the error says why it could not be started. At the deadline, and when the coroutine is cancelled, it is
// killed with every process below it, and reaped; a cancelled coroutine then throws.
asio::awaitable<model::Result<ChildOutcome, std::string>> run_child(FileThreads& threads, ChildRequest request, Deadline deadline);

// Our environment with these on top.
std::vector<std::string> environment_with(const std::vector<std::string>& changes);

}  // namespace matriarch::postgres
