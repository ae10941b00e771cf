#include "runtime/log_format.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace matriarch::runtime {
namespace {

namespace json = boost::json;
using Record = spdlog::details::log_msg;
using std::chrono::duration_cast;

// ---- what a record says of itself --------------------------------------------------------------------------------------

struct Level {
  const char* name;
  int number;
};
Level level_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug: return {"DEBUG", 10};
    case spdlog::level::info: return {"INFO", 20};
    case spdlog::level::warn: return {"WARNING", 30};
    case spdlog::level::err: return {"ERROR", 40};
    default: return {"CRITICAL", 50};
  }
}

std::string local_time(const Record& record, const std::string& date_format) {
  const auto seconds = std::chrono::system_clock::to_time_t(record.time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 128> text{};
  const char* format = date_format.empty() ? "%Y-%m-%d %H:%M:%S" : date_format.c_str();
  std::string result(text.data(), std::strftime(text.data(), text.size(), format, &local));
  if (date_format.empty()) {
    const auto ms = duration_cast<std::chrono::milliseconds>(record.time.time_since_epoch()).count() % 1000;
    result += fmt::format(",{:03}", ms);
  }
  return result;
}

double milliseconds_between(spdlog::log_clock::time_point from, spdlog::log_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

class Fields {
 public:
  explicit Fields(std::string date_format) : date_format_(std::move(date_format)) {}

  // Python's names for them. There are no modules and no lines to tell: the program stands for them. Nothing: no such field.
  std::optional<json::value> value(const Record& record, std::string_view field) const {
    if (field == "message") return json::string(std::string_view(record.payload.data(), record.payload.size()));
    if (field == "asctime") return json::string(local_time(record, date_format_));
    if (field == "levelname") return json::string(level_of(record.level).name);
    if (field == "levelno") return level_of(record.level).number;
    if (field == "process") return ::getpid();
    if (field == "thread") return static_cast<std::int64_t>(record.thread_id);
    if (field == "created") return milliseconds_between({}, record.time) / 1000;
    if (field == "msecs") return duration_cast<std::chrono::milliseconds>(record.time.time_since_epoch()).count() % 1000;
    if (field == "relativeCreated") return milliseconds_between(since_, record.time);
    if (field == "lineno") return 0;
    if (field == "funcName") return json::string();
    static constexpr std::array<std::string_view, 6> kOfTheProgram{"name", "module", "filename", "pathname", "processName", "threadName"};
    if (std::find(kOfTheProgram.begin(), kOfTheProgram.end(), field) != kOfTheProgram.end()) return json::string("matriarch");
    return std::nullopt;
  }

 private:
  std::string date_format_;
  spdlog::log_clock::time_point since_ = spdlog::log_clock::now();
};

// ---- plain -------------------------------------------------------------------------------------------------------------

constexpr std::string_view kWhole = "diuxXo", kReal = "fFeEgG", kText = "sra";

std::string printed(const char* format, auto value) {
  std::array<char, 128> text{};
  const int size = std::snprintf(text.data(), text.size(), format, value);
  return {text.data(), std::min(static_cast<std::size_t>(std::max(size, 0)), text.size() - 1)};
}

// Width and precision of text: there may be more of it than of a number.
std::string padded(std::string text, const std::string& specification) {
  const auto point = specification.find('.');
  const auto number_at = [&](std::size_t begin) {
    std::size_t number = 0;
    std::from_chars(specification.data() + begin, specification.data() + specification.size(), number);
    return number;
  };
  if (point != std::string::npos) text = text.substr(0, number_at(point + 1));
  const auto digits = specification.find_first_of("123456789");
  const auto width = digits < point ? number_at(digits) : 0;
  if (text.size() >= width) return text;
  const std::string blanks(width - text.size(), ' ');
  return specification.find('-') < digits ? text + blanks : blanks + text;
}

std::string as_text(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string rendered(const json::value& value, const FormatPiece& piece) {
  const bool is_number = value.is_number();
  if (is_number && kWhole.find(piece.conversion) != std::string_view::npos) {
    return printed(("%" + piece.specification + "ll" + piece.conversion).c_str(), value.is_double() ? static_cast<long long>(value.get_double()) : value.to_number<long long>());
  }
  if (is_number && kReal.find(piece.conversion) != std::string_view::npos) {
    return printed(("%" + piece.specification + piece.conversion).c_str(), value.to_number<double>());
  }
  return padded(as_text(value), piece.specification);
}

class PlainFormatter : public spdlog::formatter {
 public:
  explicit PlainFormatter(const model::LogSettings& settings) : fields_(settings.dateformat), pieces_(parse_python_format(settings.format)) {}

  void format(const Record& record, spdlog::memory_buf_t& destination) override {
    std::string line;
    for (const auto& piece : pieces_) {
      line += piece.literal;
      if (piece.field.empty()) continue;
      const auto value = fields_.value(record, piece.field);
      line += value ? rendered(*value, piece) : fmt::format("%({}){}{}", piece.field, piece.specification, piece.conversion);
    }
    line += '\n';
    destination.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<PlainFormatter>(*this); }

 private:
  Fields fields_;
  std::vector<FormatPiece> pieces_;
};

// ---- JSON --------------------------------------------------------------------------------------------------------------

// As Python writes it: everything beyond ASCII as \uXXXX. What is no UTF-8 is U+FFFD.
std::string in_ascii(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      result += text[i++];
      continue;
    }
    const std::size_t length = lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC2 && lead < 0xE0 ? 2 : 1;
    std::uint32_t point = length == 1 ? 0xFFFD : lead & (0x7Fu >> length);
    std::size_t next = i + 1;
    for (; next < i + length; ++next) {
      const auto follower = next < text.size() ? static_cast<unsigned char>(text[next]) : 0u;
      if ((follower & 0xC0) != 0x80) {
        point = 0xFFFD;
        break;
      }
      point = point << 6 | (follower & 0x3F);
    }
    i = next;
    if (point > 0x10FFFF) point = 0xFFFD;
    if (point < 0x10000) result += fmt::format("\\u{:04x}", point);
    else result += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF));
  }
  return result;
}

// The fields of a format, each under its own name.
std::vector<std::pair<std::string, std::string>> fields_of(const std::string& format) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& piece : parse_python_format(format)) {
    if (!piece.field.empty()) fields.emplace_back(piece.field, piece.field);
  }
  return fields;
}

// One object a line.
class JsonFormatter : public spdlog::formatter {
 public:
  explicit JsonFormatter(const model::LogSettings& settings)
      : fields_(settings.dateformat), names_(settings.fields), static_fields_(settings.static_fields) {
    if (names_.empty()) names_ = fields_of(settings.format);
    if (names_.empty()) names_ = fields_of(model::LogSettings().format);
  }

  void format(const Record& record, spdlog::memory_buf_t& destination) override {
    json::object line;
    for (const auto& [field, name] : names_) line[name] = fields_.value(record, field).value_or(nullptr);
    for (const auto& [key, value] : static_fields_) line[key] = value;
    const std::string text = in_ascii(json::serialize(line)) + "\n";
    destination.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(*this); }

 private:
  Fields fields_;
  std::vector<std::pair<std::string, std::string>> names_;  // field, and the name to print it under
  std::map<std::string, std::string> static_fields_;
};

}  // namespace

std::vector<FormatPiece> parse_python_format(std::string_view format) {
  std::vector<FormatPiece> pieces(1);
  while (!format.empty()) {
    auto& piece = pieces.back();
    const auto close = format.starts_with("%(") ? format.find(')') : std::string_view::npos;
    const auto end = close == std::string_view::npos ? close : format.find_first_not_of("-+ #0123456789.", close + 1);
    const bool is_field = end != std::string_view::npos && close > 2 && (kWhole.find(format[end]) != std::string_view::npos || kReal.find(format[end]) != std::string_view::npos || kText.find(format[end]) != std::string_view::npos);
    if (is_field && end - close <= 8) {  // a width of thousands is a mistake
      piece.field = format.substr(2, close - 2);
      piece.specification = format.substr(close + 1, end - close - 1);
      piece.conversion = format[end];
      format.remove_prefix(end + 1);
      pieces.emplace_back();
      continue;
    }
    piece.literal += format.front();
    format.remove_prefix(format.starts_with("%%") ? 2 : 1);
  }
  return pieces;
}

std::unique_ptr<spdlog::formatter> make_log_formatter(const model::LogSettings& settings) {
  if (settings.json) return std::make_unique<JsonFormatter>(settings);
  return std::make_unique<PlainFormatter>(settings);
}

}  // namespace matriarch::runtime
