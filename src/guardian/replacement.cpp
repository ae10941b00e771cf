// How the guardian becomes a new version of itself without losing its pid, and with it its children, the page and the
// agent's connections. Part of the class in guardian.hpp.
//
// The new program is first tried as a child ("--understands N"): one that cannot even start, or that reads another page,
// must not get the pid. Then this process executes it. Between the two programs nobody looks at the page, for about as
// long as the exec takes (measured: some milliseconds); the lease's fence budget is larger, and no replacement begins
// when less than kEnoughLease is left.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "guardian/guardian.hpp"
#include "guardian/wall_offset.hpp"
#include "system/memory.hpp"

namespace matriarch::guardian {
namespace {

constexpr Duration kEnoughLease = std::chrono::milliseconds(300);

bool keep_over_exec(int fd, bool keep) {
  return ::fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC) == 0;
}

std::vector<char*> pointers(std::vector<std::string>& arguments) {
  std::vector<char*> result;
  for (std::string& argument : arguments) result.push_back(argument.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

ControlMessage Guardian::try_successor() {
  if (trial_) return refused(EALREADY, "a replacement is under way");
  if (state_.supervision.phase != StopPhase::kServing) return refused(EBUSY, "the guardian is stopping");
  auto trial = system::spawn({.argv = {job_.program, "--understands", std::to_string(kUnderstands)}, .await_exec = false});
  if (!trial) {
    journal_.say("cannot replace itself: %s", trial.error().message().c_str());
    return refused(trial.error().code, trial.error().message());
  }
  trial_ = trial->pid;
  return {.kind = MessageKind::kDone};
}

void Guardian::on_successor_tried(const system::ExitStatus& status) {
  trial_.reset();
  if (!status.success()) {
    journal_.say("does not replace itself: the trial of %s %s", job_.program.c_str(), system::describe(status).c_str());
    return;
  }
  const FenceInput seen = look_at_page();
  const Judgement judgement = judge(seen);
  const bool too_late = judgement.ground == Ground::kHeld && judgement.ends - seen.now < kEnoughLease;
  if (too_late || state_.fence.phase != FencePhase::kWatching || state_.supervision.phase != StopPhase::kServing) {
    journal_.say("does not replace itself now: it is fencing, stopping, or close to the end of a lease");
    return;
  }
  become_successor();
}

void Guardian::become_successor() {
  auto job = system::make_sealed_memfd("matriarch job", serialize(job_), true);
  if (!job) {
    journal_.say("cannot replace itself: %s", job.error().message().c_str());
    return;
  }
  std::vector<int> kept = {page_.fd(), control_.listener()};
  std::vector<std::string> arguments = {job_.program, "--job", std::to_string(job->get()), "--inherit",
                                        std::to_string(page_.fd()), std::to_string(control_.listener())};
  for (const auto& [connection, wants_news] : control_.connections()) {
    kept.push_back(connection);
    arguments.push_back(std::to_string(connection) + (wants_news ? "+" : ""));
  }
  for (const int fd : kept) keep_over_exec(fd, true);

  journal_.say("replaces itself by %s", job_.program.c_str());
  journal_.finish();
  ::execv(job_.program.c_str(), pointers(arguments).data());

  const int code = errno;
  for (const int fd : kept) keep_over_exec(fd, false);
  [[maybe_unused]] const auto started = journal_.start();
  journal_.say("cannot replace itself: exec %s: %s", job_.program.c_str(), std::strerror(code));
}

}  // namespace matriarch::guardian
