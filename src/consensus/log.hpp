// What the store says of itself, given to whoever logs.
#pragma once

#include <functional>
#include <string>

namespace matriarch::consensus {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
using Log = std::function<void(LogLevel, std::string)>;

}  // namespace matriarch::consensus
