// Operator requests on their way from the API's thread to the agent.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "model/names.hpp"

namespace matriarch::ports {

struct Request {
  enum class Kind {
    kRestart,            // body: filters; answered when the restart is over
    kScheduleRestart,
    kUnscheduleRestart,
    kReinitialize,       // body: {"force": bool, "from-leader": bool}
    kReload,
    kFailsafe,           // body: the document of a primary without store
    kWriteFailover,      // body: {"leader","member","scheduled_at"}; {} clears
    kPatchConfig,        // body: patch
    kPutConfig,          // body: document
    kWake,               // look now
  };
  Kind kind = Kind::kWake;
  boost::json::object body;
  std::optional<model::Revision> expected;  // kWriteFailover: only if the key still has this revision, else 409
};

struct Reply {
  int status = 200;
  std::string text;
  std::optional<boost::json::object> document;
  std::optional<std::uint64_t> lsn;  // failsafe
};

class Inbox {
 public:
  virtual ~Inbox() = default;
  // Called by the agent at start, on its executor; the callback runs there for every request. The agent calls the
  // reply function exactly once, from its executor; the adapter carries the reply back. Bounded: a full inbox answers 503.
  virtual void on_request(std::function<void(Request, std::function<void(Reply)>)> callback) = 0;
};

}  // namespace matriarch::ports
