#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "model/json_merge.hpp"
#include "settings/values.hpp"
#include "settings/yaml.hpp"
#include "settings/yaml_scalar.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// Characters that YAML takes for a line end or does not allow at all: U+0080 to U+009F, U+2028, U+2029, U+FEFF.
bool has_odd_unicode(std::string_view text) {
  for (const std::string_view sequence : {"\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF"}) {
    if (text.find(sequence) != std::string_view::npos) return true;
  }
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

// Whether the text may stand without quotes and is read back as the same text.
bool may_be_plain(std::string_view text) {
  if (kind_of_plain(text) != ScalarKind::kString) return false;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) {
    const bool is_word = (text.front() == '-' || text.front() == '?' || text.front() == ':') && text.size() > 1 &&
                         std::string_view(" \t-:?").find(text[1]) == std::string_view::npos;
    if (!is_word) return false;
  }
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':' || text.starts_with("...")) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_control(c) || std::string_view(",[]{}").find(c) != std::string_view::npos) return false;
    if (c == ':' && i + 1 < text.size() && text[i + 1] == ' ') return false;
    if (c == '#' && i > 0 && text[i - 1] == ' ') return false;
  }
  return !has_odd_unicode(text);
}

std::string double_quoted(std::string_view text) {
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') result += '\\', result += c;
    else if (c == '\n') result += "\\n";
    else if (c == '\t') result += "\\t";
    else if (is_control(c)) result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else result += c;
  }
  const auto escape = [&](std::string_view from, std::string_view to) {
    for (std::size_t at = result.find(from); at != std::string::npos; at = result.find(from, at + to.size())) {
      result.replace(at, from.size(), to);
    }
  };
  escape("\xE2\x80\xA8", "\\u2028");
  escape("\xE2\x80\xA9", "\\u2029");
  escape("\xEF\xBB\xBF", "\\uFEFF");
  for (unsigned c = 0x80; c < 0xA0; ++c) escape(std::string{'\xC2', static_cast<char>(c)}, fmt::format("\\u{:04X}", c));
  return result + "\"";
}

std::string text_form(std::string_view text) {
  if (may_be_plain(text)) return std::string(text);
  if (std::any_of(text.begin(), text.end(), is_control) || has_odd_unicode(text)) return double_quoted(text);
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += c;
  }
  return result + "'";
}

std::string float_text(double number) {
  if (std::isnan(number)) return ".nan";
  if (std::isinf(number)) return number < 0 ? "-.inf" : ".inf";
  std::string text = model::comparison_text(json::value(number));
  // An exponent is only read as such after a dot.
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

std::string scalar_text(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_double()) return float_text(value.get_double());
  if (value.is_string()) return text_form(value.get_string());
  if (value.is_array()) return "[]";
  if (value.is_object()) return "{}";
  return model::comparison_text(value);
}

bool is_block(const json::value& value) { return value.is_structured() && is_truthy(value); }

class Writer {
 public:
  void write(const json::value& value, std::size_t indent) {
    if (!is_block(value)) {
      text_ += scalar_text(value) + "\n";
    } else if (value.is_object()) {
      write_mapping(value.get_object(), indent);
    } else {
      write_list(value.get_array(), indent);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  // `indent` blanks are already written for the first line.
  void write_mapping(const json::object& object, std::size_t indent) {
    std::map<std::string_view, const json::value*> sorted;
    for (const auto& [key, value] : object) sorted.emplace(key, &value);
    bool first = true;
    for (const auto& [key, value] : sorted) {
      if (!first) text_.append(indent, ' ');
      first = false;
      text_ += text_form(key) + ":";
      if (!is_block(*value)) {
        text_ += " " + scalar_text(*value) + "\n";
      } else {
        const std::size_t below = value->is_array() ? indent : indent + 2;
        text_ += "\n" + std::string(below, ' ');
        write(*value, below);
      }
    }
  }

  void write_list(const json::array& array, std::size_t indent) {
    bool first = true;
    for (const auto& item : array) {
      if (!first) text_.append(indent, ' ');
      first = false;
      text_ += "- ";
      write(item, indent + 2);
    }
  }

  std::string text_;
};

}  // namespace

std::string to_yaml(const json::value& value) {
  Writer writer;
  writer.write(value, 0);
  return writer.take();
}

}  // namespace matriarch::settings
