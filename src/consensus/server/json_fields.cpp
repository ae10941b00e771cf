#include "consensus/server/json_fields.hpp"

#include <fmt/format.h>

#include <charconv>

#include "net/base64.hpp"

namespace matriarch::consensus::server {
namespace {

namespace json = boost::json;

std::string camel_case(std::string_view snake) {
  std::string camel;
  bool upper = false;
  for (const char c : snake) {
    if (c == '_') {
      upper = true;
      continue;
    }
    camel.push_back(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    upper = false;
  }
  return camel;
}

template <typename T>
std::optional<T> whole_number(const json::value& value) {
  if (const auto* text = value.if_string()) {
    T number{};
    const auto* end = text->data() + text->size();
    const auto [used, error] = std::from_chars(text->data(), end, number);
    if (error == std::errc{} && used == end && !text->empty()) return number;
    return std::nullopt;
  }
  json::error_code error;
  const auto number = value.to_number<T>(error);
  if (error) return std::nullopt;
  return number;
}

}  // namespace

const json::value* JsonFields::find(std::string_view name) const {
  const auto* value = object_.if_contains(name);
  if (value == nullptr && name.find('_') != std::string_view::npos) value = object_.if_contains(camel_case(name));
  return value != nullptr && value->is_null() ? nullptr : value;
}

void JsonFields::complain(std::string_view name, std::string_view expected) const {
  if (!error_) error_ = fmt::format("field {}: {} expected", name, expected);
}

std::string JsonFields::bytes(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return {};
  if (const auto* text = value->if_string()) {
    if (auto decoded = net::base64_decode(std::string_view(text->data(), text->size()))) return std::move(*decoded);
  }
  complain(name, "base64");
  return {};
}

std::string JsonFields::text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return {};
  if (const auto* text = value->if_string()) return std::string(*text);
  complain(name, "a string");
  return {};
}

std::int64_t JsonFields::number(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return 0;
  if (const auto number = whole_number<std::int64_t>(*value)) return *number;
  complain(name, "a 64-bit number");
  return 0;
}

std::uint64_t JsonFields::unsigned_number(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return 0;
  if (const auto number = whole_number<std::uint64_t>(*value)) return *number;
  complain(name, "an unsigned 64-bit number");
  return 0;
}

bool JsonFields::flag(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return false;
  if (const auto* flag = value->if_bool()) return *flag;
  complain(name, "true or false");
  return false;
}

std::size_t JsonFields::choice(std::string_view name, std::initializer_list<std::string_view> names) const {
  const auto* value = find(name);
  if (value == nullptr) return 0;
  if (const auto* text = value->if_string()) {
    std::size_t index = 0;
    for (const auto candidate : names) {
      if (candidate == std::string_view(text->data(), text->size())) return index;
      ++index;
    }
  } else if (const auto index = whole_number<std::uint64_t>(*value); index && *index < names.size()) {
    return static_cast<std::size_t>(*index);
  }
  complain(name, "another value");
  return 0;
}

const json::object* JsonFields::object(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* object = value->if_object()) return object;
  complain(name, "an object");
  return nullptr;
}

const json::array* JsonFields::array(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* array = value->if_array()) return array;
  complain(name, "an array");
  return nullptr;
}

}  // namespace matriarch::consensus::server
