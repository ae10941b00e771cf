#pragma once
#include <boost/json.hpp>
#include <string>

namespace matriarch::ports {

enum class Level { kDebug, kInfo, kWarning, kError, kFatal };

class Journal {
 public:
  virtual ~Journal() = default;
  // Never blocks: asynchronous, bounded, drops the oldest.
  virtual void log(Level level, std::string text) = 0;
  // A structured record for /matriarch/events; kept in memory (bounded) and logged at debug.
  virtual void event(std::string kind, boost::json::object details) = 0;
};

}  // namespace matriarch::ports
