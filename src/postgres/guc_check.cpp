#include "postgres/guc_check.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "postgres/guc_table.hpp"
#include "model/quantity.hpp"
#include "postgres/setting_text.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

bool is_listed(const Guc& guc, std::string_view value) {
  for (const auto listed : split(guc.values, '|')) {
    if (equals_without_case(listed, value)) return true;
  }
  // PostgreSQL's hidden alias.
  return equals_without_case(value, "debug") && guc.values.find("debug2") != std::string_view::npos;
}

// A bound as text in the setting's base unit.
std::string bound_text(const Guc& guc, double bound) {
  return guc.kind == GucKind::kInteger ? fmt::format("{:.0f}", bound) : fmt::format("{}", bound);
}

std::optional<std::string> clamp(const Guc& guc, const std::string& value, double number, std::vector<std::string>& complaints) {
  if (number < guc.min) {
    complaints.push_back(fmt::format("Value={} of parameter={} is too low, increasing to {}{}", value, guc.name, bound_text(guc, guc.min), guc.unit));
    return bound_text(guc, guc.min);
  }
  if (number > guc.max) {
    complaints.push_back(fmt::format("Value={} of parameter={} is too big, decreasing to {}{}", value, guc.name, bound_text(guc, guc.max), guc.unit));
    return bound_text(guc, guc.max);
  }
  return value;
}

std::optional<std::string> check(const Guc& guc, const std::string& value, std::vector<std::string>& complaints) {
  const auto refuse = [&](std::string_view kind) {
    complaints.push_back(fmt::format("Removing {} parameter={} from the config due to the invalid value={}", kind, guc.name, value));
    return std::nullopt;
  };
  switch (guc.kind) {
    case GucKind::kBool: return parse_bool(value) ? std::optional(value) : refuse("bool");
    case GucKind::kEnum: return is_listed(guc, value) ? std::optional(value) : refuse("enum");
    case GucKind::kEnumBool: return parse_bool(value) || is_listed(guc, value) ? std::optional(value) : refuse("enumbool");
    case GucKind::kString: return value;
    case GucKind::kInteger: {
      const auto number = model::parse_integer(value, guc.unit);
      return number ? clamp(guc, value, static_cast<double>(*number), complaints) : refuse("integer");
    }
    case GucKind::kReal: {
      const auto number = model::parse_real(value, guc.unit);
      return number ? clamp(guc, value, *number, complaints) : refuse("real");
    }
  }
  return std::nullopt;
}

// As the lexer of postgresql.conf reads a name (guc-file.l: ID and QUALIFIED_ID); anything else is a syntax error, with which no
// server starts.
bool is_assignable_name(std::string_view name) {
  bool at_beginning = true;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z' && byte < 0x80;
    const bool is_inside = (c >= '0' && c <= '9') || c == '$' || c == '.';
    if (!is_letter && c != '_' && byte < 0x80 && (at_beginning || !is_inside)) return false;
    at_beginning = c == '.';
  }
  return !at_beginning;
}

}  // namespace

CheckedSettings check_settings(const std::map<std::string, std::string>& settings, int version, const std::set<std::string>* known_by_server) {
  CheckedSettings result;
  for (const auto& [name, value] : settings) {
    if (is_recovery_guc(name)) continue;
    if (!is_assignable_name(name)) {
      result.unknown.insert(name);
      result.complaints.push_back(fmt::format("Removing parameter={} from the config: that is no name", boost::json::serialize(boost::json::value(name))));
      continue;
    }
    if (const Guc* guc = find_guc(name, version)) {
      if (auto text = check(*guc, value, result.complaints)) result.accepted.emplace(name, std::move(*text));
    } else if (name.find('.') != std::string::npos) {
      result.accepted.emplace(name, value);
    } else if (known_by_server == nullptr) {
      result.unknown.insert(name);
    } else if (known_by_server->contains(to_lower(name))) {
      result.accepted.emplace(name, value);
    } else {
      result.unknown.insert(name);
      result.complaints.push_back(fmt::format("Removing unexpected parameter={} value={} from the config", name, value));
    }
  }
  return result;
}

CheckedSettings check_recovery_settings(const std::map<std::string, std::string>& settings, int version) {
  CheckedSettings result;
  for (const auto& [name, value] : settings) {
    const Guc* guc = find_recovery_guc(name, version);
    if (guc == nullptr) {
      result.unknown.insert(name);
      result.complaints.push_back(fmt::format("Removing unexpected recovery parameter={} value={} from the config", name, value));
    } else if (auto text = check(*guc, value, result.complaints)) {
      result.accepted.emplace(name, std::move(*text));
    }
  }
  return result;
}

}  // namespace matriarch::postgres
