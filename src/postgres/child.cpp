#include "postgres/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include "postgres/text.hpp"
#include "system/process_tree.hpp"

extern char** environ;  // NOLINT: as POSIX declares it

namespace matriarch::postgres {
namespace {

struct Pipe {
  system::Fd read, write;
};
std::optional<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{system::Fd(ends[0]), system::Fd(ends[1])};
}

// Reads a pipe as it fills, on the loop; keeps the last kMaxOutput bytes and tells of each line. Lives as long as its
// read is under way, therefore shared.
class Collector : public std::enable_shared_from_this<Collector> {
 public:
  Collector(const asio::any_io_executor& executor, system::Fd fd, std::function<void(std::string_view)> on_line)
      : pipe_(executor, fd.release()), on_line_(std::move(on_line)) {}

  void begin() {
    pipe_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
      if (!error && self->drain()) self->begin();
    });
  }
  // The child has ended: what it wrote is in the pipe. Others may hold the pipe open, nobody waits for them.
  std::string finish() {
    if (pipe_.is_open()) drain();
    boost::system::error_code ignored;  // closing a pipe's read end tells nothing
    pipe_.close(ignored);
    if (on_line_ && !line_.empty()) on_line_(line_);
    on_line_ = nullptr;
    return std::move(content_);
  }

 private:
  // False at the end of the pipe.
  bool drain() {
    std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t count = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
      if (count > 0) {
        keep({buffer.data(), static_cast<std::size_t>(count)});
      } else if (count < 0 && errno == EINTR) {
        continue;
      } else {
        return count < 0 && errno == EAGAIN;
      }
    }
  }
  void keep(std::string_view bytes) {
    content_ += bytes;
    if (content_.size() > kMaxOutput) content_.erase(0, content_.size() - kMaxOutput / 2);
    if (!on_line_) return;
    for (const char c : bytes) {
      if (c != '\n' && c != '\r') {
        line_ += c;
      } else if (!line_.empty()) {
        on_line_(std::exchange(line_, {}));
      }
    }
  }

  asio::posix::stream_descriptor pipe_;
  std::function<void(std::string_view)> on_line_;
  std::string content_, line_;
};

// The collector as its coroutine holds it: nothing is told of lines any more once the coroutine is gone.
class Listening {
 public:
  Listening(const asio::any_io_executor& executor, system::Fd fd, std::function<void(std::string_view)> on_line) {
    if (!fd) return;
    collector_ = std::make_shared<Collector>(executor, std::move(fd), std::move(on_line));
    collector_->begin();
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { (void)finish(); }
  std::string finish() {
    const auto collector = std::exchange(collector_, nullptr);
    return collector ? collector->finish() : std::string{};
  }

 private:
  std::shared_ptr<Collector> collector_;
};

// Kills the program's session and everything that descends from it. The root is stopped first, so that nothing forks
// away while the tree is read.
void kill_tree(const system::Child& child) {
  (void)system::send_signal(child.pidfd, SIGSTOP);
  system::ProcessTree tree(256);
  tree.signal_descendants(child.pid, SIGKILL);
  (void)system::send_signal(child.pidfd, SIGKILL);
  ::kill(-child.pid, SIGKILL);
}

// Owns the process: if the coroutine that runs it is torn down, the program dies and is reaped all the same.
class Running {
 public:
  Running(asio::any_io_executor executor, system::Child child) : executor_(std::move(executor)), child_(std::move(child)) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (!child_.pidfd) return;
    kill_tree(child_);
    // A killed process ends within moments unless the kernel holds it; then it stays a zombie of ours, which is harmless.
    if (system::wait_for_end(child_.pidfd, model::Milliseconds(20)).value_or(false)) (void)system::try_reap(child_.pidfd);
  }

  const system::Child& child() const { return child_; }
  // Waits on a duplicate: the descriptor object closes what it is given.
  asio::awaitable<bool> wait_until(Deadline deadline) {
    asio::posix::stream_descriptor end(executor_, ::fcntl(child_.pidfd.get(), F_DUPFD_CLOEXEC, 0));
    const bool ended = co_await wait_ready(end, asio::posix::stream_descriptor::wait_read, deadline);
    co_return ended;
  }
  std::optional<system::ExitStatus> reap() {
    auto status = system::try_reap(child_.pidfd);
    if (status && !*status) return std::nullopt;
    child_.pidfd.reset();
    // Without a status somebody else reaped it: we cannot know that it succeeded.
    return status ? **status : system::ExitStatus{.by_signal = false, .value = 255};
  }

 private:
  asio::any_io_executor executor_;
  system::Child child_;
};

struct Waited {
  bool ended = false;
  bool cancelled = false;
};
asio::awaitable<Waited> wait_for_end(Running& running, Deadline deadline) {
  Waited waited;
  try {
    waited.ended = co_await running.wait_until(deadline);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
    waited.cancelled = true;
  }
  co_return waited;
}

// SIGTERM, the grace, then SIGKILL to the tree. A second cancellation cuts the grace short.
asio::awaitable<void> end(Running& running, model::Milliseconds grace) {
  if (grace.count() > 0) {
    ::kill(-running.child().pid, SIGTERM);
    const Waited asked = co_await wait_for_end(running, deadline_in(grace));
    if (asked.ended) co_return;
  }
  kill_tree(running.child());
  co_await wait_for_end(running, deadline_in(model::Milliseconds(1000)));
}

struct Started {
  system::Child child;
  system::Fd output, errors;  // read ends
};
model::Result<Started, std::string> start(const ChildRequest& request) {
  system::SpawnOptions options{.argv = request.argv, .environment = environment_with(request.environment), .working_directory = request.working_directory,
                               .new_session = true};
  const system::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::optional<Pipe> output, errors;
  options.redirections.push_back({.target = 0, .source = null.get()});
  if (request.captures_output) {
    output = make_pipe();
    errors = make_pipe();
    if (!output || !errors) return tl::unexpected(std::string("no pipe: too many open files"));
    options.redirections.push_back({.target = 1, .source = output->write.get()});
    options.redirections.push_back({.target = 2, .source = errors->write.get()});
  }
  auto child = system::spawn(options);
  if (!child) return tl::unexpected(child.error().message());
  Started started{.child = std::move(*child), .output = {}, .errors = {}};
  if (output) started.output = std::move(output->read);
  if (errors) started.errors = std::move(errors->read);
  return started;
}

}  // namespace

// The last line that names an error; tools end with what they did about it ("removing contents of ..."). That a helper process
// of theirs ended is a consequence: the helper wrote its reason before.
std::string ChildOutcome::reason() const {
  const auto lines = lines_of(trim(errors));
  const auto is_error = [](std::string_view line) {
    const std::string text = to_lower(line);
    return text.find("error:") != std::string::npos || text.find("fatal:") != std::string::npos || text.find("panic:") != std::string::npos;
  };
  const auto is_cause = [&](std::string_view line) { return is_error(line) && line.find("background process terminated") == std::string_view::npos; };
  auto found = std::find_if(lines.rbegin(), lines.rend(), is_cause);
  if (found == lines.rend()) found = std::find_if(lines.rbegin(), lines.rend(), is_error);
  if (found != lines.rend()) return std::string(trim(*found));
  return lines.empty() ? std::string{} : std::string(trim(lines.back()));
}

std::string ChildOutcome::describe() const {
  const std::string text = timed_out ? std::string("timed out and was killed") : system::describe(status), why = reason();
  return why.empty() ? text : fmt::format("{}: {}", text, why);
}

asio::awaitable<model::Result<ChildOutcome, std::string>> run_child(FileThreads& threads, ChildRequest request, Deadline deadline) {
  // exec reads a file: not on the loop.
  auto work = std::make_shared<ChildRequest>(std::move(request));
  auto launch = [work] { return std::make_shared<model::Result<Started, std::string>>(start(*work)); };
  const auto executor = co_await asio::this_coro::executor;
  const auto started = co_await on_file_thread(threads, std::move(launch));
  if (!*started) co_return tl::unexpected(started->error());

  Running running(executor, std::move((*started)->child));
  Listening output(executor, std::move((*started)->output), nullptr);
  Listening errors(executor, std::move((*started)->errors), work->on_error_line);

  co_await asio::this_coro::throw_if_cancelled(false);
  Waited waited;
  const auto state = co_await asio::this_coro::cancellation_state;
  waited.cancelled = state.cancelled() != asio::cancellation_type::none;
  if (!waited.cancelled) waited = co_await wait_for_end(running, deadline);
  if (!waited.ended) co_await end(running, work->grace);
  co_await asio::this_coro::throw_if_cancelled(true);

  ChildOutcome outcome{.status = running.reap().value_or(system::ExitStatus{.by_signal = true, .value = SIGKILL}),
                       .timed_out = !waited.ended && !waited.cancelled};
  outcome.output = output.finish();
  outcome.errors = errors.finish();
  if (waited.cancelled) throw boost::system::system_error(asio::error::operation_aborted);
  co_return outcome;
}

std::vector<std::string> environment_with(const std::vector<std::string>& changes) {
  std::vector<std::string> result;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool replaced = false;
    for (const auto& change : changes) replaced = replaced || name_of(change) == name_of(text);
    if (!replaced) result.emplace_back(text);
  }
  result.insert(result.end(), changes.begin(), changes.end());
  return result;
}

}  // namespace matriarch::postgres
