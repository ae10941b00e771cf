#include "model/json_merge.hpp"

#include <algorithm>
#include <vector>

#include "model/json_text.hpp"

namespace matriarch::model {
namespace {

boost::json::value without_nulls(const boost::json::value& value) {
  if (!value.is_object()) return value;
  boost::json::object kept;
  for (const auto& member : value.get_object()) {
    if (!member.value().is_null()) kept[member.key()] = without_nulls(member.value());
  }
  return kept;
}

// boost::json::object::erase moves the last member into the gap; the order of keys is part of the contract.
bool remove_keeping_order(boost::json::object& object, boost::json::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  const bool had_value = !found->value().is_null();
  object.stable_erase(found);
  return had_value;
}

bool same_value(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_object() && b.is_object()) return same_configuration(a, b);
  return comparison_text(a) == comparison_text(b);
}

}  // namespace

std::string comparison_text(const boost::json::value& value) {
  if (value.is_null()) return "None";
  if (value.is_bool()) return value.get_bool() ? "True" : "False";
  if (value.is_string()) return std::string(value.get_string());
  return write_json(value, JsonSpacing::kSpaced);
}

bool merge_patch(boost::json::object& config, const boost::json::object& patch, NestedNulls nulls) {
  const auto taken_over = [nulls](const boost::json::value& value) {
    return nulls == NestedNulls::kKeep ? value : without_nulls(value);
  };
  bool changed = false;
  for (const auto& member : patch) {
    const auto& wanted = member.value();
    auto* present = config.if_contains(member.key());
    if (wanted.is_null()) {
      changed |= remove_keeping_order(config, member.key());
    } else if (!present) {
      config[member.key()] = taken_over(wanted);
      changed = true;
    } else if (present->is_object() && wanted.is_object()) {
      changed |= merge_patch(present->get_object(), wanted.get_object(), nulls);
    } else if (wanted.is_object() || !same_value(*present, wanted)) {
      *present = taken_over(wanted);
      changed = true;
    }
  }
  return changed;
}

bool same_configuration(const boost::json::value& a, const boost::json::value& b) {
  if (!a.is_object() || !b.is_object()) return comparison_text(a) == comparison_text(b);
  const auto& left = a.get_object();
  const auto& right = b.get_object();
  if (left.size() != right.size()) return false;
  return std::all_of(left.begin(), left.end(), [&](const auto& member) {
    const auto* other = right.if_contains(member.key());
    return other && same_value(member.value(), *other);
  });
}

}  // namespace matriarch::model
