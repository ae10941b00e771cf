#include "system/realtime.hpp"

#include <sched.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000  // sched.h hides it without _GNU_SOURCE
#endif

namespace matriarch::system {

SystemResult<void> request_realtime(int priority, Heirs heirs) {
  sched_param parameters{};
  parameters.sched_priority = priority;
  const int policy = heirs == Heirs::kNormal ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_FIFO;
  if (::sched_setscheduler(0, policy, &parameters) != 0) {
    return failed("get real-time priority", std::to_string(priority));
  }
  return {};
}

bool runs_in_realtime() noexcept {
  const int policy = ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  return policy == SCHED_FIFO || policy == SCHED_RR;
}

}  // namespace matriarch::system
