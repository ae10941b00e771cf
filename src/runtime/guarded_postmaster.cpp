#include "runtime/guarded_postmaster.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <thread>

#include "guardian/run_directory.hpp"
#include "system/memory.hpp"

namespace matriarch::runtime {

namespace asio = boost::asio;
using guardian::ControlMessage;
using guardian::MessageKind;
using namespace std::chrono_literals;

namespace {

constexpr model::Milliseconds kAnswerTimeout = 5000ms;
constexpr model::Milliseconds kBetweenLooks = 3ms;
constexpr auto kLeftoverPatience = std::chrono::seconds(2);

asio::awaitable<void> pause(asio::any_io_executor executor, model::Milliseconds time) {
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

std::string refusal(const ControlMessage& answer) {
  return "the guardian refused: " + std::string(answer.words());
}

}  // namespace

model::Result<std::unique_ptr<GuardedPostmaster>, std::string> GuardedPostmaster::open(asio::any_io_executor executor, std::string run_directory) {
  auto page = guardian::open_page(run_directory);
  if (!page) return tl::unexpected("cannot find the guardian: " + page.error().message());
  return std::unique_ptr<GuardedPostmaster>(new GuardedPostmaster(std::move(executor), run_directory, std::move(*page)));
}

GuardedPostmaster::GuardedPostmaster(asio::any_io_executor executor, const std::string& run_directory, guardian::Page page)
    : executor_(executor), page_(std::move(page)), line_(std::move(executor), run_directory) {
  line_.on_news([this](const ControlMessage& news) {
    if (news.kind == MessageKind::kPostmasterEnded && ended_) ended_(news.process);
  });
}

asio::awaitable<model::Result<guardian::ProcessRef, std::string>> GuardedPostmaster::launch(guardian::Launch launch, int output) {
  const std::string text = guardian::serialize(launch);
  const auto patience = std::chrono::steady_clock::now() + kLeftoverPatience;
  while (true) {
    auto content = system::make_sealed_memfd("matriarch launch", text);
    if (!content) co_return tl::unexpected(content.error().message());
    std::vector<system::Fd> fds;
    fds.push_back(std::move(*content));
    fds.emplace_back(::fcntl(output >= 0 ? output : STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    const ControlMessage fork{.kind = MessageKind::kFork};
    const auto answer = co_await line_.ask(fork, std::move(fds), kAnswerTimeout);
    if (!answer) co_return tl::unexpected(answer.error());
    if (answer->kind == MessageKind::kDone) co_return answer->process;
    const bool something_is_left = answer->status == EAGAIN && std::chrono::steady_clock::now() < patience;
    if (!something_is_left) co_return tl::unexpected(refusal(*answer));
    co_await pause(executor_, kBetweenLooks);
  }
}

asio::awaitable<model::Result<void, std::string>> GuardedPostmaster::adopt(guardian::ProcessRef postmaster) {
  const ControlMessage adopt{.kind = MessageKind::kAdopt, .process = postmaster};
  return request(adopt);
}

asio::awaitable<model::Result<void, std::string>> GuardedPostmaster::fence(guardian::ProcessRef postmaster, model::Milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  if (is_gone(postmaster)) co_return model::Result<void, std::string>();
  const ControlMessage fence{.kind = MessageKind::kFence};
  std::vector<system::Fd> none;
  const auto answer = co_await line_.ask(fence, std::move(none), limit);
  if (!answer) co_return tl::unexpected(answer.error());
  if (answer->kind == MessageKind::kRefused) co_return tl::unexpected(refusal(*answer));
  while (!is_gone(postmaster)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      co_return tl::unexpected(std::string("SIGKILL is pending for processes of PostgreSQL that the kernel holds"));
    }
    co_await pause(executor_, kBetweenLooks);
  }
  co_return model::Result<void, std::string>();
}

std::optional<system::ExitStatus> GuardedPostmaster::exit_of(guardian::ProcessRef postmaster) const {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto told = page_.acknowledgement().read().value;
    if (told.last_exit_pid == static_cast<std::uint64_t>(postmaster.pid)) {
      if (told.last_exit_status < 0) return std::nullopt;
      const int status = static_cast<int>(told.last_exit_status);
      const bool by_signal = WIFSIGNALED(status);
      return system::ExitStatus{.by_signal = by_signal, .value = by_signal ? WTERMSIG(status) : WEXITSTATUS(status)};
    }
    std::this_thread::sleep_for(200us);
  }
  return std::nullopt;
}

asio::awaitable<model::Result<void, std::string>> GuardedPostmaster::say_goodbye(int exit_code, bool leaves_postgres) {
  const ControlMessage goodbye{.kind = leaves_postgres ? MessageKind::kGoodbyeLeaving : MessageKind::kGoodbye, .status = exit_code};
  return request(goodbye);
}

asio::awaitable<model::Result<void, std::string>> GuardedPostmaster::replace_guardian() {
  const ControlMessage replace{.kind = MessageKind::kReplace};
  return request(replace);
}

void GuardedPostmaster::on_end(std::function<void(guardian::ProcessRef)> callback) { ended_ = std::move(callback); }

asio::awaitable<model::Result<void, std::string>> GuardedPostmaster::request(ControlMessage message) {
  std::vector<system::Fd> none;
  const auto answer = co_await line_.ask(message, std::move(none), kAnswerTimeout);
  if (!answer) co_return tl::unexpected(answer.error());
  if (answer->kind == MessageKind::kRefused) co_return tl::unexpected(refusal(*answer));
  co_return model::Result<void, std::string>();
}

// The guardian's view: no living postmaster of that name, nothing left of it, and no fence going on.
bool GuardedPostmaster::is_gone(const guardian::ProcessRef& postmaster) const {
  const auto told = page_.acknowledgement().read().value;
  return told.postmaster != postmaster && told.left_behind == 0 && told.phase == guardian::FencePhase::kWatching;
}

}  // namespace matriarch::runtime
