#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/settings.hpp"
#include "model/time.hpp"
#include "ports/journal.hpp"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace matriarch::runtime {

struct Event {
  std::uint64_t id = 0;  // counts from 1
  model::WallTime at{};
  std::string kind;
  boost::json::object details;
};

// Asynchronous logging: a bounded queue that drops its oldest lines, one writing thread; and the last events in memory.
class Journal : public ports::Journal {
 public:
  explicit Journal(const model::LogSettings& settings);
  ~Journal() override;

  // Takes a new level, format or destination; the error says why the old one stays.
  model::Result<void, std::string> apply(const model::LogSettings& settings);

  void log(ports::Level level, std::string text) override;
  void event(std::string kind, boost::json::object details) override;
  ports::LogQueue queue() const override;

  // Any thread: the events after that id, oldest first.
  std::vector<Event> events_after(std::uint64_t id) const;
  // Called on the thread of whoever records an event.
  void on_event(std::function<void(const Event&)> callback);

 private:
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::logger> logger_;
  mutable std::mutex logger_mutex_;
  mutable std::mutex events_mutex_;
  std::deque<Event> events_;
  std::uint64_t next_event_ = 1;
  std::vector<std::function<void(const Event&)>> callbacks_;
};

}  // namespace matriarch::runtime
