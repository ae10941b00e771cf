#include "guardian/last_resort.hpp"

#include <poll.h>

#include "guardian/instance.hpp"
#include "guardian/run_directory.hpp"
#include "guardian/marks.hpp"
#include "system/clock.hpp"

namespace matriarch::guardian {
namespace {

constexpr int kBetweenSweeps = 1;  // ms

}  // namespace

system::SystemResult<LastResort> LastResort::watch(const std::string& run_directory, const std::string& data_directory) {
  auto page = open_page(run_directory);
  if (!page) return tl::unexpected(page.error());
  const auto guardian = page->acknowledgement().read();
  if (guardian.status != ReadStatus::kGood) return system::failed_with(ESRCH, "find the guardian of " + run_directory);
  const ProcessRef& process = guardian.value.guardian;
  auto pidfd = system::open_pidfd_of({.pid = static_cast<pid_t>(process.pid), .start_ticks = process.start_ticks});
  if (!pidfd) return tl::unexpected(pidfd.error());
  return LastResort(std::move(*page), std::move(*pidfd), resolved(data_directory));
}

ProcessRef LastResort::postmaster() const {
  const auto told = page_.acknowledgement().read();
  if (told.status == ReadStatus::kGood && is_alive(told.value.postmaster)) return told.value.postmaster;
  const auto posture = page_.posture().read();
  if (posture.status == ReadStatus::kGood && is_alive(posture.value.postmaster)) return posture.value.postmaster;
  return {};
}

// As the guardian judges it, but for the lease: without a guardian nobody would keep its end.
bool LastResort::may_be_left_running() const {
  const auto posture = page_.posture().read();
  if (posture.status != ReadStatus::kGood) return false;
  const auto told = page_.acknowledgement().read();
  const bool foreign = told.status == ReadStatus::kGood && told.value.postmaster_is_foreign != 0;
  return foreign || !posture.value.needs_lease();
}

LastResort::Outcome LastResort::act(std::chrono::milliseconds limit) const {
  if (!may_be_left_running()) return fence(limit);
  return {.what = postmaster() ? Outcome::kLeftRunning : Outcome::kNothingRan};
}

LastResort::Outcome LastResort::fence(std::chrono::milliseconds limit) const {
  const auto began = system::boot_time();
  Instance instance(data_directory_);
  const ProcessRef running = postmaster();
  if (!running || !instance.adopt(running)) instance.assume_ended(running, Instant(began));
  instance.look({}, false);
  Outcome outcome;
  while (!instance.view().all_gone()) {
    outcome.what = Outcome::kFenced;
    instance.kill({});
    pollfd ended{.fd = instance.pidfd(), .events = POLLIN, .revents = 0};
    ::poll(&ended, 1, kBetweenSweeps);
    instance.note_pidfd(Instant(system::boot_time()));
    instance.look({}, true);
    if (system::boot_time() - began > limit) {
      outcome.what = Outcome::kNotGone;
      break;
    }
  }
  outcome.took = system::boot_time() - began;
  return outcome;
}

}  // namespace matriarch::guardian
