#include "runtime/journal.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "runtime/log_format.hpp"
#include "system/clock.hpp"

namespace matriarch::runtime {
namespace {

constexpr std::size_t kKeptEvents = 1000;

spdlog::level::level_enum to_spdlog(ports::Level level) {
  switch (level) {
    case ports::Level::kDebug: return spdlog::level::debug;
    case ports::Level::kInfo: return spdlog::level::info;
    case ports::Level::kWarning: return spdlog::level::warn;
    case ports::Level::kError: return spdlog::level::err;
    case ports::Level::kFatal: return spdlog::level::critical;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum threshold(const std::string& level) {
  if (level == "DEBUG") return spdlog::level::debug;
  if (level == "WARN" || level == "WARNING") return spdlog::level::warn;
  if (level == "ERROR") return spdlog::level::err;
  if (level == "FATAL" || level == "CRITICAL") return spdlog::level::critical;
  return spdlog::level::info;
}

// Each time, since a rotation makes a new file.
spdlog::file_event_handlers giving(std::optional<unsigned> mode) {
  spdlog::file_event_handlers handlers;
  if (!mode) return handlers;
  handlers.after_open = [mode](const spdlog::filename_t& path, std::FILE* file) {
    if (::fchmod(::fileno(file), *mode) != 0) throw spdlog::spdlog_ex("the mode of " + path + " cannot be set", errno);
  };
  return handlers;
}

spdlog::sink_ptr make_sink(const model::LogSettings& settings) {
  if (settings.dir.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  const auto path = (std::filesystem::path(settings.dir) / "patroni.log").string();
  if (settings.file_num == 0) return std::make_shared<spdlog::sinks::basic_file_sink_mt>(path, false, giving(settings.mode));
  const auto size = settings.file_size > 0 ? static_cast<std::size_t>(settings.file_size) : std::size_t{1} << 40;
  return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, size, static_cast<std::size_t>(std::max(settings.file_num, 1)), false,
                                                                giving(settings.mode));
}

}  // namespace

Journal::Journal(const model::LogSettings& settings)
    : pool_(std::make_shared<spdlog::details::thread_pool>(std::clamp<std::size_t>(settings.max_queue_size, 64, 65536), 1)) {
  if (auto applied = apply(settings); !applied) {
    model::LogSettings plain;
    (void)apply(plain);  // stderr cannot fail
    log(ports::Level::kError, "logging goes to stderr: " + applied.error());
  }
}

Journal::~Journal() = default;

model::Result<void, std::string> Journal::apply(const model::LogSettings& settings) {
  try {
    auto sink = make_sink(settings);
    sink->set_formatter(make_log_formatter(settings));
    auto logger = std::make_shared<spdlog::async_logger>("matriarch", std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest);
    logger->set_level(threshold(settings.level));
    logger->flush_on(spdlog::level::warn);
    const std::lock_guard lock(logger_mutex_);
    logger_ = std::move(logger);
    return {};
  } catch (const spdlog::spdlog_ex& error) {
    return tl::make_unexpected(std::string(error.what()));
  }
}

void Journal::log(ports::Level level, std::string text) {
  std::shared_ptr<spdlog::logger> logger;
  {
    const std::lock_guard lock(logger_mutex_);
    logger = logger_;
  }
  logger->log(to_spdlog(level), text);
}

void Journal::event(std::string kind, boost::json::object details) {
  Event event{.at = model::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(system::realtime())), .kind = std::move(kind), .details = std::move(details)};
  log(ports::Level::kDebug, event.kind + " " + boost::json::serialize(event.details));
  const std::lock_guard lock(events_mutex_);
  event.id = next_event_++;
  events_.push_back(event);
  if (events_.size() > kKeptEvents) events_.pop_front();
  for (const auto& callback : callbacks_) callback(event);
}

ports::LogQueue Journal::queue() const { return {.waiting = pool_->queue_size(), .lost = pool_->overrun_counter()}; }

std::vector<Event> Journal::events_after(std::uint64_t id) const {
  const std::lock_guard lock(events_mutex_);
  std::vector<Event> result;
  for (const auto& event : events_) {
    if (event.id > id) result.push_back(event);
  }
  return result;
}

void Journal::on_event(std::function<void(const Event&)> callback) {
  const std::lock_guard lock(events_mutex_);
  callbacks_.push_back(std::move(callback));
}

}  // namespace matriarch::runtime
