// Real-time scheduling for the threads that must wake in time. Best effort, and never an argument for safety.
#pragma once

#include <sys/types.h>

#include "system/error.hpp"

namespace matriarch::system {

// What threads and processes made later start with. A thread that spins while another finishes (libuv does, for its workers)
// must not outrank it: on one processor it would spin until the kernel throttles it.
enum class Heirs { kNormal, kTheSame };

// Puts the calling thread under SCHED_FIFO at that priority (1 to 99). Needs CAP_SYS_NICE or RLIMIT_RTPRIO; EPERM otherwise,
// and then nothing has changed.
SystemResult<void> request_realtime(int priority, Heirs heirs = Heirs::kNormal);

// Whether the calling thread runs under a real-time policy, for the metric.
bool runs_in_realtime() noexcept;

}  // namespace matriarch::system
