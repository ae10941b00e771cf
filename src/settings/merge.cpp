#include "settings/merge.hpp"

#include "settings/values.hpp"

namespace matriarch::settings {

namespace json = boost::json;

bool merge(json::object& base, const json::object& over) {
  bool changed = false;
  for (const auto& [key, value] : over) {
    const auto found = base.find(key);
    if (value.is_null()) {
      if (found == base.end()) continue;
      changed = changed || !found->value().is_null();
      base.erase(found);
    } else if (found == base.end()) {
      base.emplace(key, value);
      changed = true;
    } else if (value.is_object() && found->value().is_object()) {
      changed = merge(found->value().get_object(), value.get_object()) || changed;
    } else if (value.is_object() || string_form(value) != string_form(found->value())) {
      found->value() = value;
      changed = true;
    }
  }
  return changed;
}

bool same_in_string_form(const json::object& a, const json::object& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    const auto found = b.find(key);
    if (found == b.end()) return false;
    const json::value& other = found->value();
    if (value.is_object() && other.is_object()) {
      if (!same_in_string_form(value.get_object(), other.get_object())) return false;
    } else if (value.is_object() || other.is_object() || string_form(value) != string_form(other)) {
      return false;
    }
  }
  return true;
}

}  // namespace matriarch::settings
