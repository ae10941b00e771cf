// Real-time scheduling for the threads that must wake in time. Best effort, and never an argument for safety.
#pragma once

#include <sys/types.h>

#include "system/error.hpp"

namespace matriarch::system {

// Puts the calling thread under SCHED_FIFO at that priority (1 to 99). Threads and processes that it makes later start
// under the normal policy. Needs CAP_SYS_NICE or RLIMIT_RTPRIO; EPERM otherwise, and then nothing has changed.
SystemResult<void> request_realtime(int priority);

// Whether the calling thread runs under a real-time policy, for the metric.
bool runs_in_realtime() noexcept;

}  // namespace matriarch::system
