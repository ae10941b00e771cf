// The user's scripts for what happens to the server. Run in the order of their events, one at a time, each within a
// limit; on_reload has its own line, so that neither holds up the other.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ports/journal.hpp"
#include "postgres/waiting.hpp"

namespace matriarch::postgres {

class Callbacks {
 public:
  Callbacks(asio::any_io_executor executor, FileThreads& threads, ports::Journal& journal);
  ~Callbacks();
  // Queued; a waiting call of the same event is replaced, because only the latest matters.
  void run(std::string event, std::vector<std::string> argv, model::Milliseconds limit);

 private:
  struct Line;
  std::shared_ptr<Line> events_, reloads_;
};

}  // namespace matriarch::postgres
