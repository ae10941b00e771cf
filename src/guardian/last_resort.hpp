// What the agent and the store do when the guardian dies: whoever is left ends a primary at once, and itself.
//
// A guardian that is gone cannot keep the lease's end, and a service manager may take its time to start another. So both
// programs watch its pidfd. They act without a word to each other: doing it twice does no harm.
#pragma once

#include <chrono>
#include <string>

#include "guardian/page.hpp"
#include "system/fd.hpp"

namespace matriarch::guardian {

class LastResort {
 public:
  // For a program that a guardian has started. Opens the page and a pidfd of the guardian that the page names.
  static system::SystemResult<LastResort> watch(const std::string& run_directory, const std::string& data_directory);

  // Readable (poll) once the guardian has ended. A guardian that replaces itself stays the same process.
  int fd() const noexcept { return guardian_.get(); }
  const Page& page() const noexcept { return page_; }

  struct Outcome {
    enum What {
      kNothingRan,
      kLeftRunning,  // a standby, or in pause: nobody's business
      kFenced,       // every process of PostgreSQL is gone
      kNotGone,      // some has SIGKILL pending after `limit`
    };
    What what = kNothingRan;
    std::chrono::nanoseconds took{};
  };
  // After the guardian's end. The caller then exits with kGuardianGone: the next guardian brings its own programs.
  // Blocks until done, `limit` at most.
  Outcome act(std::chrono::milliseconds limit = std::chrono::seconds(10)) const;
  // Kills PostgreSQL whatever the page says. Also for an agent whose guardian lives but does not answer.
  Outcome fence(std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

  // The exit code of a program that lost its guardian.
  static constexpr int kGuardianGone = 75;  // sysexits.h EX_TEMPFAIL

 private:
  LastResort(Page page, system::Fd guardian, std::string data_directory)
      : page_(std::move(page)), guardian_(std::move(guardian)), data_directory_(std::move(data_directory)) {}
  ProcessRef postmaster() const;
  bool may_be_left_running() const;

  Page page_;
  system::Fd guardian_;
  std::string data_directory_;
};

}  // namespace matriarch::guardian
