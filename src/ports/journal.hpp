#pragma once
#include <boost/json.hpp>
#include <cstddef>
#include <string>

namespace matriarch::ports {

enum class Level { kDebug, kInfo, kWarning, kError, kFatal };

// Lines that wait to be written, and those that were dropped because too many did.
struct LogQueue {
  std::size_t waiting = 0, lost = 0;
};

class Journal {
 public:
  virtual ~Journal() = default;
  // Never blocks: asynchronous, bounded, drops the oldest.
  virtual void log(Level level, std::string text) = 0;
  // A structured record for /matriarch/events; kept in memory (bounded) and logged at debug.
  virtual void event(std::string kind, boost::json::object details) = 0;
  virtual LogQueue queue() const { return {}; }  // any thread
};

}  // namespace matriarch::ports
