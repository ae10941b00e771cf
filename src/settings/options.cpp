#include "settings/options.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "model/json_merge.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

// The text as a shell would read it when that is exactly one word; nothing otherwise.
std::optional<std::string> as_one_shell_word(std::string_view text) {
  std::string word;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\'') {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\\') {
      if (i + 1 == text.size()) return std::nullopt;
      const char next = text[++i];
      if (quote == '"' && next != '"' && next != '\\') word += c;
      word += next;
    } else if (quote == '"') {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      return std::nullopt;
    } else {
      word += c;
    }
  }
  if (quote != 0) return std::nullopt;
  return word;
}

class OptionList {
 public:
  OptionList(std::string_view tool, std::span<const std::string_view> forbidden) : tool_(tool), forbidden_(forbidden) {}

  void add_word(std::string_view word) {
    if (is_allowed(word)) parsed_.options.push_back(fmt::format("--{}", word));
  }

  void add_pair(std::string_view name, const json::value& value) {
    if (value.is_structured()) {
      parsed_.errors.push_back(fmt::format("Error when parsing {} key-value option {}: its value is a {}, not a text", tool_,
                                           name, value.is_array() ? "list" : "mapping"));
    } else if (value.is_bool()) {
      if (value.get_bool()) add_word(name);
    } else if (is_allowed(name)) {
      const std::string text = model::comparison_text(value);
      parsed_.options.push_back(fmt::format("--{}={}", name, as_one_shell_word(text).value_or(text)));
    }
  }

  void add_error(std::string text) { parsed_.errors.push_back(std::move(text)); }
  ParsedOptions take() { return std::move(parsed_); }
  std::string_view tool() const { return tool_; }

 private:
  bool is_allowed(std::string_view option) {
    const std::string_view name = option.substr(0, option.find('='));
    if (std::find(forbidden_.begin(), forbidden_.end(), name) == forbidden_.end()) return true;
    parsed_.errors.push_back(fmt::format("{} option for {} is not allowed", name, tool_));
    return false;
  }

  std::string_view tool_;
  std::span<const std::string_view> forbidden_;
  ParsedOptions parsed_;
};

void add_item(OptionList& list, const json::value& item) {
  if (item.is_string()) {
    list.add_word(item.get_string());
  } else if (item.is_object() && item.get_object().size() == 1) {
    const auto& pair = *item.get_object().begin();
    list.add_pair(pair.key(), pair.value());
  } else {
    list.add_error(fmt::format("Error when parsing {} key-value option: only a single-key mapping is allowed", list.tool()));
  }
}

}  // namespace

ParsedOptions parse_options(const json::value& value, std::string_view tool, std::span<const std::string_view> forbidden) {
  OptionList list(tool, forbidden);
  if (value.is_object()) {
    for (const auto& [name, item] : value.get_object()) {
      if (!name.empty() && is_truthy(item)) list.add_pair(name, item);
    }
  } else if (value.is_array()) {
    for (const auto& item : value.get_array()) add_item(list, item);
  } else {
    list.add_error(fmt::format("{} options must be list or dict", tool));
  }
  return list.take();
}

}  // namespace matriarch::settings
