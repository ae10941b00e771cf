// Signals as readable events: blocked for every thread, read from a descriptor.
#pragma once

#include <sys/signalfd.h>

#include <initializer_list>
#include <optional>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

// Blocks the signals in the calling thread (before other threads start, so that they inherit it) and returns a
// non-blocking descriptor that delivers them. Spawned programs start with nothing blocked (process.hpp).
SystemResult<Fd> receive_signals(std::initializer_list<int> signals);

// The next pending signal, or nothing. Signals of one number coalesce: one SIGCHLD may stand for many children.
std::optional<signalfd_siginfo> next_signal(const Fd& signals) noexcept;

// A write to a closed pipe or socket becomes EPIPE instead of death.
void ignore_sigpipe() noexcept;

}  // namespace matriarch::system
