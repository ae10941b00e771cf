#include "runtime/log_format.hpp"

#include <spdlog/pattern_formatter.h>

#include <array>
#include <boost/json.hpp>
#include <ctime>
#include <utility>

namespace matriarch::runtime {
namespace {

std::string_view python_level(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug: return "DEBUG";
    case spdlog::level::info: return "INFO";
    case spdlog::level::warn: return "WARNING";
    case spdlog::level::err: return "ERROR";
    default: return "CRITICAL";
  }
}

class PythonLevel : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& destination) override {
    const auto name = python_level(message.level);
    destination.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PythonLevel>(); }
};

std::string local_time(const spdlog::details::log_msg& message, const std::string& date_format) {
  const auto seconds = std::chrono::system_clock::to_time_t(message.time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 128> text{};
  const char* format = date_format.empty() ? "%Y-%m-%d %H:%M:%S" : date_format.c_str();
  std::string result(text.data(), std::strftime(text.data(), text.size(), format, &local));
  if (date_format.empty()) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch()).count() % 1000;
    result += fmt::format(",{:03}", ms);
  }
  return result;
}

// One JSON object a line: asctime, levelname, message and the static fields.
class JsonFormatter : public spdlog::formatter {
 public:
  explicit JsonFormatter(const model::LogSettings& settings) : settings_(settings) {}
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& destination) override {
    boost::json::object line{{"asctime", local_time(message, settings_.dateformat)},
                             {"levelname", python_level(message.level)},
                             {"message", std::string_view(message.payload.data(), message.payload.size())}};
    for (const auto& [key, value] : settings_.static_fields) line[key] = value;
    const std::string text = boost::json::serialize(line) + "\n";
    destination.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(settings_); }

 private:
  model::LogSettings settings_;
};

std::string escaped(std::string_view literal) {
  std::string result;
  for (const char c : literal) result += c == '%' ? std::string("%%") : std::string(1, c);
  return result;
}

}  // namespace

std::string to_spdlog_pattern(const std::string& python_format, const std::string& date_format) {
  const std::array<std::pair<std::string_view, std::string>, 6> fields{{
      {"%(asctime)s", date_format.empty() ? "%Y-%m-%d %H:%M:%S,%e" : date_format},
      {"%(levelname)s", "%K"},
      {"%(message)s", "%v"},
      {"%(process)d", "%P"},
      {"%(thread)d", "%t"},
      {"%(name)s", "%n"},
  }};
  std::string pattern;
  for (std::size_t i = 0; i < python_format.size();) {
    bool matched = false;
    for (const auto& [field, flag] : fields) {
      if (python_format.compare(i, field.size(), field) != 0) continue;
      pattern += flag;
      i += field.size();
      matched = true;
      break;
    }
    if (!matched) pattern += escaped(std::string_view(python_format).substr(i++, 1));
  }
  return pattern;
}

std::unique_ptr<spdlog::formatter> make_log_formatter(const model::LogSettings& settings) {
  if (settings.json) return std::make_unique<JsonFormatter>(settings);
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PythonLevel>('K').set_pattern(to_spdlog_pattern(settings.format, settings.dateformat));
  return formatter;
}

}  // namespace matriarch::runtime
