#include "main/guarded_launcher.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "guardian/marks.hpp"
#include "system/memory.hpp"

namespace matriarch::main {

namespace asio = boost::asio;
using guardian::ControlMessage;
using guardian::MessageKind;
using model::Milliseconds;
using postgres::ProcessId;

namespace {

constexpr Milliseconds kAnswerLimit{5'000};
constexpr Milliseconds kLook{5};
constexpr std::size_t kRememberedEnds = 64;

std::string describe_end(std::int64_t status) {
  if (status < 0) return "ended, nobody knows how";
  const int code = static_cast<int>(status);
  if (WIFSIGNALED(code)) return fmt::format("killed by signal {}", WTERMSIG(code));
  return fmt::format("exited with code {}", WEXITSTATUS(code));
}

}  // namespace

void GuardedLauncher::heard(const ControlMessage& news) {
  if (news.kind != MessageKind::kPostmasterEnded) return;
  if (ends_.size() >= kRememberedEnds) ends_.clear();
  ends_[news.process.pid] = describe_end(news.status);
}

asio::awaitable<model::Result<ProcessId, std::string>> GuardedLauncher::launch(postgres::LaunchRequest request) {
  guardian::Launch launch{.argv = std::move(request.argv), .environment = std::move(request.environment), .working_directory = std::move(request.working_directory)};
  auto text = system::make_sealed_memfd("launch", guardian::serialize(launch));
  if (!text) co_return tl::unexpected(text.error().message());
  ControlMessage fork{.kind = MessageKind::kFork};
  std::vector<int> fds{text->get(), request.log_fd >= 0 ? request.log_fd : STDERR_FILENO};
  auto answer = co_await link_.ask(fork, std::move(fds), kAnswerLimit);
  if (!answer) co_return tl::unexpected(answer.error().what);
  ends_.erase(answer->process.pid);
  co_return ProcessId{.pid = static_cast<pid_t>(answer->process.pid), .start_ticks = answer->process.start_ticks};
}

asio::awaitable<model::Result<void, std::string>> GuardedLauncher::adopt(ProcessId process) {
  ControlMessage adopt{.kind = MessageKind::kAdopt, .process = {.pid = process.pid, .start_ticks = process.start_ticks}};
  std::vector<int> none;
  auto answer = co_await link_.ask(adopt, std::move(none), kAnswerLimit);
  if (!answer) co_return tl::unexpected(answer.error().what);
  co_return model::Result<void, std::string>{};
}

std::optional<std::string> GuardedLauncher::exit_of(ProcessId process) {
  const auto end = ends_.find(process.pid);
  if (end == ends_.end()) return std::nullopt;
  return end->second;
}

asio::awaitable<model::Result<void, std::string>> GuardedLauncher::fence(ProcessId process, Milliseconds limit) {
  ControlMessage fence{.kind = MessageKind::kFence, .process = {.pid = process.pid, .start_ticks = process.start_ticks}};
  std::vector<int> none;
  auto begun = co_await link_.ask(fence, std::move(none), limit);
  if (!begun) co_return tl::unexpected(begun.error().what);
  // The guardian kills everything below the postmaster; its end is reported only when all is gone.
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const auto end = std::chrono::steady_clock::now() + limit;
  while (guardian::is_alive({.pid = process.pid, .start_ticks = process.start_ticks}) && !ends_.contains(process.pid)) {
    if (std::chrono::steady_clock::now() > end) co_return tl::unexpected(std::string("SIGKILL is pending, the kernel holds the postmaster"));
    timer.expires_after(kLook);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return model::Result<void, std::string>{};
}

}  // namespace matriarch::main
