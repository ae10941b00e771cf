#include "ctl/config_change.hpp"

#include <fmt/format.h>
#include <vector>

#include "settings/complaint.hpp"
#include "settings/yaml.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\n\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\n\r") - from + 1);
}

std::vector<std::string> path_of(std::string_view key) {
  std::vector<std::string> path;
  while (true) {
    const bool is_parameter = path.size() == 2 && path[0] == "postgresql" && path[1] == "parameters";
    const auto dot = is_parameter ? std::string_view::npos : key.find('.');
    path.emplace_back(key.substr(0, dot));
    if (dot == std::string_view::npos) return path;
    key.remove_prefix(dot + 1);
  }
}

bool is_nothing(const json::value& value) { return value.is_null() || (value.is_string() && value.get_string().empty()); }

// Removes the key and, on the way back, every mapping that became empty.
void remove(json::object& document, const std::vector<std::string>& path, std::size_t depth) {
  const auto found = document.find(path[depth]);
  if (found == document.end()) return;
  if (depth + 1 < path.size()) {
    if (!found->value().is_object()) return;
    remove(found->value().get_object(), path, depth + 1);
    if (!found->value().get_object().empty()) return;
  }
  document.stable_erase(found);
}

void insert(json::object& document, const std::vector<std::string>& path, json::value value) {
  json::object* level = &document;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    auto& next = (*level)[path[i]];
    if (!next.is_object()) next = json::object{};
    level = &next.get_object();
  }
  (*level)[path.back()] = std::move(value);
}

}  // namespace

tl::expected<void, std::string> set_value(json::object& document, std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos) return tl::unexpected(fmt::format("Invalid parameter setting {}", assignment));
  const auto path = path_of(trim(assignment.substr(0, equals)));
  const auto value = settings::parse_yaml(assignment.substr(equals + 1), assignment);
  if (!value) return tl::unexpected(settings::to_sentence(value.error()));
  if (is_nothing(value->value)) remove(document, path, 0);
  else insert(document, path, value->value);
  return {};
}

tl::expected<json::object, std::string> parse_mapping(std::string_view text, std::string_view name) {
  auto document = settings::parse_yaml(text, name);
  if (!document) return tl::unexpected(settings::to_sentence(document.error()));
  if (!document->value.is_object()) return tl::unexpected(fmt::format("{}: the configuration must be a mapping of keys to values", name));
  return std::move(document->value.get_object());
}

json::object in_old_order(const json::object& wanted, const json::object& before) {
  json::object ordered;
  const auto add = [&](const auto& member, const json::value* old) {
    const bool both = member.value().is_object() && old && old->is_object();
    ordered[member.key()] = both ? json::value(in_old_order(member.value().get_object(), old->get_object())) : member.value();
  };
  for (const auto& old : before) {
    if (const auto found = wanted.find(old.key()); found != wanted.end()) add(*found, &old.value());
  }
  for (const auto& member : wanted) {
    if (!before.contains(member.key())) add(member, nullptr);
  }
  return ordered;
}

std::string config_text(const json::object& document) { return settings::to_yaml(document); }

}  // namespace matriarch::ctl
