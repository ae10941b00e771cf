#include "guardian/journal.hpp"

#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>

namespace matriarch::guardian {
namespace {

constexpr std::size_t kStackSize = 64 * 1024;  // locked memory: not the default of 8 MB
constexpr long kFinishWithin = 500'000'000;    // ns

void write_all(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(STDERR_FILENO, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody to tell it to
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

void* copy_to_stderr(void* queue) {
  const system::Fd read_end(static_cast<int>(reinterpret_cast<std::intptr_t>(queue)));
  std::array<char, 4096> lines{};
  while (true) {
    const ssize_t size = ::read(read_end.get(), lines.data(), lines.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return nullptr;
    write_all(lines.data(), static_cast<std::size_t>(size));
  }
}

// With every signal blocked: they belong to the main thread.
int start_thread(pthread_t& thread, int queue) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, std::max(kStackSize, static_cast<std::size_t>(PTHREAD_STACK_MIN)));
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int code =
      ::pthread_create(&thread, &attributes, copy_to_stderr, reinterpret_cast<void*>(static_cast<std::intptr_t>(queue)));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  return code;
}

}  // namespace

system::SystemResult<void> Journal::start() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system::failed("make the pipe of the journal");
  system::Fd read_end(ends[0]);
  system::Fd write_end(ends[1]);
  if (::fcntl(write_end.get(), F_SETFL, O_NONBLOCK) != 0) return system::failed("make the journal non-blocking");
  if (const int code = start_thread(writer_, read_end.get()); code != 0) {
    return system::failed_with(code, "start the journal's thread");
  }
  read_end.release();  // the thread's now
  has_writer_ = true;
  queue_ = std::move(write_end);
  return {};
}

void Journal::say(const char* format, ...) noexcept {
  constexpr std::string_view kPrefix = "guardian: ";
  std::array<char, 512> line{};
  std::copy(kPrefix.begin(), kPrefix.end(), line.begin());
  va_list arguments;
  va_start(arguments, format);
  const int wanted = std::vsnprintf(line.data() + kPrefix.size(), line.size() - kPrefix.size() - 1, format, arguments);
  va_end(arguments);
  const std::size_t most = line.size() - kPrefix.size() - 2;
  const std::size_t size = kPrefix.size() + std::min(static_cast<std::size_t>(std::max(wanted, 0)), most);
  line[size] = '\n';
  // Lines up to PIPE_BUF are written whole or not at all.
  if (!queue_ || ::write(queue_.get(), line.data(), size + 1) < 0) ++dropped_;
}

void Journal::finish() noexcept {
  if (!has_writer_) return;
  has_writer_ = false;
  queue_.reset();
  timespec deadline{};
  ::clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_nsec += kFinishWithin;
  if (deadline.tv_nsec >= 1'000'000'000) {
    deadline.tv_nsec -= 1'000'000'000;
    ++deadline.tv_sec;
  }
  // A thread that hangs in a write to a dead disk is left to the end of the process.
  if (::pthread_timedjoin_np(writer_, nullptr, &deadline) != 0) ::pthread_detach(writer_);
}

}  // namespace matriarch::guardian
