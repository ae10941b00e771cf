// Calls back when a descriptor becomes readable: the end of a process (pidfd), a change of a file (inotify).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "postgres/waiting.hpp"
#include "system/fd.hpp"

namespace matriarch::postgres {

class Watching {
 public:
  Watching() = default;
  // `on_ready` says whether to go on watching; it is never called after this object is gone, which it may itself destroy.
  Watching(asio::any_io_executor executor, system::Fd fd, std::function<bool()> on_ready);
  ~Watching();
  Watching(Watching&& other) noexcept = default;
  Watching& operator=(Watching&& other) noexcept;

  explicit operator bool() const { return state_ != nullptr; }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Tells of changes of a file, or of what is directly in a directory. Opened on a file thread; if the kernel has no more
// inotify instances the result never calls back, so that callers look from time to time as well.
asio::awaitable<Watching> watch_file(FileThreads& threads, std::string path, std::function<void()> on_change);

}  // namespace matriarch::postgres
