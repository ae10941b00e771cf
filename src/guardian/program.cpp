#include "guardian/program.hpp"

#include <csignal>

namespace matriarch::guardian {
namespace {

constexpr int kCannotStart = 127;  // as a shell says it
constexpr int kKilled = 128;       // plus the signal's number, as a shell says it

}  // namespace

Program::Program(std::vector<std::string> argv, const std::vector<std::string>& environment, Ward ward,
                 std::string_view run_directory)
    : argv_(std::move(argv)), environment_(marked_environment(environment, ward, run_directory)) {}

system::SystemResult<void> Program::start() {
  // A session of its own: Ctrl-C in a terminal reaches the guardian alone, which ends everything in order.
  // Not waiting for exec: the disk with the program may hang, and the fence must not.
  const auto child = system::spawn({.argv = argv_, .environment = environment_, .new_session = true, .await_exec = false});
  if (!child) {
    ended_with_ = kCannotStart;
    return tl::unexpected(child.error());
  }
  process_ = identify(child->pid).value_or(ProcessRef{.pid = child->pid});
  ++starts_;
  return {};
}

void Program::take_over(const ProcessRef& running) {
  process_ = running;
}

void Program::signal(int number) noexcept {
  // Our child keeps its number until we reap it.
  if (process_) ::kill(static_cast<pid_t>(process_.pid), number);
}

bool Program::note_reaped(pid_t pid, const system::ExitStatus& status) noexcept {
  if (!process_ || process_.pid != pid) return false;
  process_ = ProcessRef{};
  ended_with_ = status.by_signal ? kKilled + status.value : status.value;
  return true;
}

ChildView Program::take_view() noexcept {
  const ChildView view{.wanted = !argv_.empty(),
                       .running = running(),
                       .ended = ended_with_.has_value(),
                       .exit_code = ended_with_.value_or(0)};
  ended_with_.reset();
  return view;
}

}  // namespace matriarch::guardian
