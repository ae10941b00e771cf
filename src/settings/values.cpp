#include "settings/values.hpp"

#include <algorithm>

#include "model/json_merge.hpp"
#include "model/quantity.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

bool may_be_number(const json::value& value) { return value.is_number() || value.is_string(); }

}  // namespace

bool is_truthy(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return false;
    case json::kind::bool_: return value.get_bool();
    case json::kind::int64: return value.get_int64() != 0;
    case json::kind::uint64: return value.get_uint64() != 0;
    case json::kind::double_: return value.get_double() != 0;
    case json::kind::string: return !value.get_string().empty();
    case json::kind::array: return !value.get_array().empty();
    case json::kind::object: return !value.get_object().empty();
  }
  return false;
}

std::optional<bool> parse_bool(const json::value& value) {
  if (value.is_structured()) return std::nullopt;
  return model::parse_boolean(model::comparison_text(value));
}

std::optional<std::int64_t> parse_int(const json::value& value, std::string_view base_unit) {
  if (value.is_int64()) return value.get_int64();
  if (!may_be_number(value)) return std::nullopt;
  return model::parse_integer(model::comparison_text(value), base_unit);
}

std::optional<double> parse_real(const json::value& value, std::string_view base_unit) {
  if (!may_be_number(value)) return std::nullopt;
  return model::parse_real(model::comparison_text(value), base_unit);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace matriarch::settings
