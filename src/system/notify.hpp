// Tells the service manager how we are: the sd_notify(3) protocol, without its library.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "system/error.hpp"

namespace matriarch::system {

// Sends lines such as "READY=1", "STATUS=...", "MAINPID=...", "WATCHDOG=1". False when no manager listens
// (NOTIFY_SOCKET is not set).
SystemResult<bool> notify_service_manager(std::string_view state);

// The interval within which the manager expects "WATCHDOG=1" from this process; nothing when it does not.
std::optional<std::chrono::microseconds> service_watchdog_interval();

}  // namespace matriarch::system
