// The guardian's lines to stderr, which may be a slow disk or a pipe that nobody reads: saying something never waits.
//
// The queue is a kernel pipe, written without blocking and copied to stderr by a thread that does nothing else. A line
// that finds the pipe full is dropped and counted.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <string_view>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::guardian {

class Journal {
 public:
  Journal() = default;
  ~Journal() { finish(); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Before this, and after finish(), lines are dropped.
  system::SystemResult<void> start();
  // "guardian: ..." and a newline; at most 500 characters.
  [[gnu::format(printf, 2, 3)]] void say(const char* format, ...) noexcept;
  // Lets the thread write what it has, half a second at most. Call it before exec and exit.
  void finish() noexcept;
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  system::Fd queue_;
  pthread_t writer_{};
  bool has_writer_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace matriarch::guardian
