#include "model/json_text.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace matriarch::model {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kReplacement = 0xFFFD;

struct CodePoint {
  std::uint32_t value = kReplacement;
  std::size_t length = 1;
};

// The code point at the start of non-empty text; bytes that are not UTF-8 count one by one.
CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 0x6 ? 2 : lead >> 4 == 0xE ? 3 : lead >> 3 == 0x1E ? 4 : 0;
  if (length == 0 || length > text.size()) return {};
  if (length == 1) return {lead, 1};
  std::uint32_t point = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 0x2) return {};
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < kSmallest[length] || point > 0x10FFFF || is_surrogate) return {};
  return {point, length};
}

class Writer {
 public:
  explicit Writer(JsonSpacing spacing)
      : comma_(spacing == JsonSpacing::kCompact ? "," : ", "), colon_(spacing == JsonSpacing::kCompact ? ":" : ": ") {}

  void write(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null: text_ += "null"; break;
      case json::kind::bool_: text_ += value.get_bool() ? "true" : "false"; break;
      case json::kind::int64: fmt::format_to(std::back_inserter(text_), "{}", value.get_int64()); break;
      case json::kind::uint64: fmt::format_to(std::back_inserter(text_), "{}", value.get_uint64()); break;
      case json::kind::double_: write(value.get_double()); break;
      case json::kind::string: write(std::string_view(value.get_string())); break;
      case json::kind::array: write(value.get_array()); break;
      case json::kind::object: write(value.get_object()); break;
    }
  }

  std::string take() { return std::move(text_); }

 private:
  // Always with a point or an exponent, so that a reader gets a number of the same kind back.
  void write(double number) {
    if (!std::isfinite(number)) {
      text_ += "null";
      return;
    }
    const std::string digits = fmt::format("{}", number);
    text_ += digits;
    if (digits.find_first_of(".e") == std::string::npos) text_ += ".0";
  }

  void write(std::string_view text) {
    text_ += '"';
    while (!text.empty()) {
      const CodePoint point = decode(text);
      write(point.value);
      text.remove_prefix(point.length);
    }
    text_ += '"';
  }

  void write(std::uint32_t point) {
    switch (point) {
      case '"': text_ += "\\\""; return;
      case '\\': text_ += "\\\\"; return;
      case '\b': text_ += "\\b"; return;
      case '\f': text_ += "\\f"; return;
      case '\n': text_ += "\\n"; return;
      case '\r': text_ += "\\r"; return;
      case '\t': text_ += "\\t"; return;
      default: break;
    }
    if (point >= 0x20 && point < 0x80) {
      text_ += static_cast<char>(point);
    } else if (point < 0x10000) {
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}", point);
    } else {
      const std::uint32_t rest = point - 0x10000;
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
  }

  void write(const json::array& array) {
    text_ += '[';
    bool first = true;
    for (const json::value& element : array) {
      if (!std::exchange(first, false)) text_ += comma_;
      write(element);
    }
    text_ += ']';
  }

  void write(const json::object& object) {
    text_ += '{';
    bool first = true;
    for (const auto& member : object) {
      if (!std::exchange(first, false)) text_ += comma_;
      write(std::string_view(member.key()));
      text_ += colon_;
      write(member.value());
    }
    text_ += '}';
  }

  std::string_view comma_, colon_;
  std::string text_;
};

}  // namespace

std::string write_json(const json::value& value, JsonSpacing spacing) {
  Writer writer(spacing);
  writer.write(value);
  return writer.take();
}

std::optional<json::value> read_json(std::string_view text, std::size_t max_size) {
  if (text.size() > max_size) return std::nullopt;
  json::error_code error;
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::value value = json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

std::string text_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace matriarch::model
