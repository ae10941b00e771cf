#include "settings/reader.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/address.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

const json::object kNothing;

std::string seconds_text(model::Milliseconds duration) { return fmt::format("{} s", static_cast<double>(duration.count()) / 1000.0); }

}  // namespace

const json::object& mapping_at(const json::object& tree, std::string_view key) {
  const json::value* value = tree.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : kNothing;
}

Reader::Reader(const json::value* section, std::string path, Complaints& complaints)
    : object_(&kNothing), path_(std::move(path)), complaints_(&complaints) {
  if (section == nullptr || !is_truthy(*section)) return;
  if (section->is_object()) {
    object_ = &section->get_object();
  } else {
    complaints_->push_back({.path = path_, .value = shown_value(path_, *section), .wrong = "is not a dictionary"});
  }
}

std::string Reader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const json::value* Reader::find(std::string_view key) const {
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Reader::complain(Severity severity, std::string_view key, std::string what, std::string right) {
  const std::string path = path_of(key);
  const json::value* value = find(key);
  complaints_->push_back({.severity = severity,
                          .path = path,
                          .value = value == nullptr ? std::string() : shown_value(path, *value),
                          .wrong = std::move(what),
                          .right = std::move(right)});
}

void Reader::missing(std::string_view key) {
  complaints_->push_back({.path = path_of(key), .wrong = "is not defined."});
}
void Reader::wrong(std::string_view key, std::string what, std::string right) {
  complain(Severity::kError, key, std::move(what), std::move(right));
}
void Reader::warn(std::string_view key, std::string what, std::string right) {
  complain(Severity::kWarning, key, std::move(what), std::move(right));
}

std::string Reader::text(std::string_view key, std::string_view fallback) {
  const json::value* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (value->is_structured()) {
    wrong(key, "is not a string");
    return std::string(fallback);
  }
  if (!value->is_string()) warn(key, "is not a string", "put it in quotes if it is not meant as a number or boolean");
  return model::comparison_text(*value);
}

std::string Reader::required_text(std::string_view key) {
  if (!has(key)) {
    missing(key);
    return {};
  }
  const std::string value = text(key);
  if (value.empty()) wrong(key, "is an empty string");
  return value;
}

bool Reader::flag(std::string_view key, bool fallback) {
  const json::value* value = find(key);
  if (value == nullptr) return fallback;
  const auto parsed = value->is_structured() ? std::nullopt : parse_bool(*value);
  if (!parsed) {
    wrong(key, "is not a boolean", "expected true or false");
    return fallback;
  }
  if (value->is_string() && !*parsed) {
    warn(key, "is text, read as false", "write false without quotes: Patroni takes every text for true");
  }
  return *parsed;
}

std::int64_t Reader::number(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  const json::value* value = find(key);
  if (value == nullptr) return fallback;
  const auto parsed = parse_int(*value);
  if (!parsed) {
    wrong(key, "is not an integer", fmt::format("expected a whole number from {} to {}", least, most));
    return fallback;
  }
  if (*parsed < least || *parsed > most) {
    wrong(key, "is out of range", fmt::format("expected a whole number from {} to {}", least, most));
    return fallback;
  }
  return *parsed;
}

model::Milliseconds Reader::duration(std::string_view key, model::Milliseconds fallback, model::Milliseconds least,
                                     model::Milliseconds most) {
  const json::value* value = find(key);
  if (value == nullptr) return fallback;
  const std::string right = fmt::format("expected seconds, or a number with a unit, from {} to {}", seconds_text(least), seconds_text(most));
  const auto seconds = parse_real(*value, "s");
  if (!seconds) {
    wrong(key, "is not a time", right);
    return fallback;
  }
  if (!(*seconds * 1000 >= static_cast<double>(least.count()) && *seconds * 1000 <= static_cast<double>(most.count()))) {
    wrong(key, "is out of range", right);
    return fallback;
  }
  return model::Milliseconds(static_cast<std::int64_t>(*seconds * 1000 + 0.5));
}

std::vector<std::string> Reader::texts(std::string_view key) {
  std::vector<std::string> result;
  const json::value* value = find(key);
  if (value == nullptr) return result;
  if (!value->is_array()) {
    wrong(key, "is not a list");
    return result;
  }
  std::size_t index = 0;
  for (const auto& item : value->get_array()) {
    if (item.is_structured()) {
      const std::string path = fmt::format("{}.{}", path_of(key), index);
      complaints_->push_back({.path = path, .value = shown_value(path, item), .wrong = "is not a string", .right = "put the line in quotes"});
    } else if (!item.is_null()) {
      result.push_back(model::comparison_text(item));
    }
    ++index;
  }
  return result;
}

std::vector<std::string> Reader::texts_or_commas(std::string_view key) {
  const json::value* value = find(key);
  if (value == nullptr || !value->is_string()) return texts(key);
  std::vector<std::string> parts = split_list(value->get_string());
  std::erase(parts, std::string());
  return parts;
}

std::map<std::string, std::string> Reader::mapping(std::string_view key) {
  std::map<std::string, std::string> result;
  const json::value* value = find(key);
  if (value == nullptr) return result;
  if (!value->is_object()) {
    wrong(key, "is not a dictionary");
    return result;
  }
  for (const auto& [name, item] : value->get_object()) {
    const std::string path = fmt::format("{}.{}", path_of(key), std::string_view(name));
    if (item.is_structured()) {
      complaints_->push_back({.path = path, .value = shown_value(path, item), .wrong = "is not a string"});
    } else if (!item.is_null()) {
      result[name] = model::comparison_text(item);
    }
  }
  return result;
}

std::string Reader::word(std::string_view key, std::string_view fallback, const std::vector<std::string_view>& words) {
  const json::value* value = find(key);
  if (value == nullptr) return std::string(fallback);
  const std::string found = lower_case(model::comparison_text(*value));
  if (std::find(words.begin(), words.end(), found) != words.end()) return found;
  wrong(key, "is not known", fmt::format("expected one of {}", fmt::join(words, ", ")));
  return std::string(fallback);
}

std::optional<model::HostPort> Reader::address(std::string_view key, std::uint16_t default_port) {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto parsed = value->is_structured() ? std::nullopt : parse_host_port(model::comparison_text(*value), default_port);
  if (!parsed) {
    const bool is_number = value->is_number() && default_port == 0;
    wrong(key, default_port == 0 ? "is not an address with a port" : "is not an address",
          is_number ? "expected HOST:PORT, in quotes when the host is a number" : "expected HOST:PORT, for example 10.0.0.1:5432 or [::1]:5432");
  }
  return parsed;
}

}  // namespace matriarch::settings
