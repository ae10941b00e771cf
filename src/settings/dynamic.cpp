#include "settings/dynamic.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/postgresql_section.hpp"
#include "settings/reader.hpp"
#include "settings/support.hpp"
#include "settings/timing.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using model::Milliseconds;

constexpr std::int64_t kMostSeconds = 100'000'000;

// Reads the keys that each node looks up for itself: a value that does not parse yields the default.
class Document {
 public:
  Document(const json::object& document, Complaints& fallbacks) : document_(document), fallbacks_(fallbacks) {}

  // Null counts as absent; an old name counts only where the new one is absent.
  const json::value* find(std::string_view key, std::string_view old_name = {}) const {
    const json::value* value = document_.if_contains(key);
    if (value == nullptr && !old_name.empty()) value = document_.if_contains(old_name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  bool flag(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return false;
    const auto parsed = parse_bool(*value);
    if (!parsed) fall_back(key, *value, "is not a boolean", "false");
    return parsed.value_or(false);
  }

  std::int64_t number(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most, std::string_view unit = {},
                      std::string_view old_name = {}) {
    const json::value* value = find(key, old_name);
    if (value == nullptr) return fallback;
    const auto parsed = parse_int(*value, unit);
    if (parsed && *parsed >= least && *parsed <= most) return *parsed;
    fall_back(key, *value, parsed ? "is out of range" : "is not an integer", fmt::format("{}", fallback));
    return fallback;
  }

  void fall_back(std::string_view key, const json::value& value, std::string wrong, std::string_view used) {
    fallbacks_.push_back({.severity = Severity::kWarning,
                          .path = std::string(key),
                          .value = shown_value(key, value),
                          .wrong = std::move(wrong),
                          .right = fmt::format("{} is used", used)});
  }

 private:
  const json::object& document_;
  Complaints& fallbacks_;
};

model::SynchronousMode read_synchronous_mode(Document& document) {
  const json::value* value = document.find("synchronous_mode");
  if (value == nullptr) return model::SynchronousMode::kOff;
  if (const auto flag = parse_bool(*value)) return *flag ? model::SynchronousMode::kOn : model::SynchronousMode::kOff;
  const std::string word = lower_case(value->is_string() ? std::string(value->get_string()) : std::string());
  if (word == "quorum") return model::SynchronousMode::kQuorum;
  document.fall_back("synchronous_mode", *value, "is not a boolean or quorum", "false");
  return model::SynchronousMode::kOff;
}

int read_synchronous_node_count(Document& document, bool strict) {
  const std::int64_t least = strict ? 1 : 0;
  return static_cast<int>(std::max(least, document.number("synchronous_node_count", 1, -kMostInt, kMostInt)));
}

// A standby cluster has at least one of host, port, restore_command.
std::optional<model::StandbyClusterSettings> read_standby_cluster(Document& document, Complaints& complaints) {
  const json::value* value = document.find("standby_cluster");
  if (value == nullptr || !is_truthy(*value)) return std::nullopt;
  if (!value->is_object()) {
    document.fall_back("standby_cluster", *value, "is not a dictionary", "no standby cluster");
    return std::nullopt;
  }
  const json::object& section = value->get_object();
  const auto truthy = [&](const char* key) { return section.contains(key) && is_truthy(section.at(key)); };
  if (!truthy("host") && !truthy("port") && !truthy("restore_command")) return std::nullopt;
  Reader reader(value, "standby_cluster", complaints);
  const auto scalar = [&](const char* key) {
    const json::value* found = reader.find(key);
    if (found != nullptr && found->is_structured()) reader.wrong(key, "is not a string");
    return found == nullptr || found->is_structured() ? std::string() : model::comparison_text(*found);
  };
  model::StandbyClusterSettings settings{.host = scalar("host"),
                                         .port = scalar("port"),
                                         .restore_command = scalar("restore_command"),
                                         .archive_cleanup_command = scalar("archive_cleanup_command"),
                                         .recovery_min_apply_delay = scalar("recovery_min_apply_delay"),
                                         .create_replica_methods = reader.texts("create_replica_methods")};
  if (section.contains("primary_slot_name")) {
    if (!reader.has("primary_slot_name")) reader.wrong("primary_slot_name", "is null", "leave the key out to use no slot");
    settings.primary_slot_name = scalar("primary_slot_name");
  }
  return settings;
}

bool is_slot_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

json::object read_slots(Document& document) {
  json::object slots;
  for (const char* key : {"permanent_replication_slots", "permanent_slots", "slots"}) {
    const json::value* value = document.find(key);
    if (value == nullptr || !is_truthy(*value)) continue;
    if (!value->is_object()) {
      document.fall_back(key, *value, "is not a dictionary", "no permanent slot");
      return slots;
    }
    for (const auto& [name, properties] : value->get_object()) {
      if (is_slot_name(name)) slots[name] = properties;
      else document.fall_back(fmt::format("{}.{}", key, std::string_view(name)), properties, "is not the name of a slot", "nothing");
    }
    return slots;
  }
  return slots;
}

json::array read_ignore_slots(Document& document) {
  json::array matchers;
  const json::value* value = document.find("ignore_slots");
  if (value == nullptr) return matchers;
  if (!value->is_array()) {
    document.fall_back("ignore_slots", *value, "is not a list", "nothing");
    return matchers;
  }
  for (const auto& item : value->get_array()) {
    if (item.is_object()) matchers.push_back(item);
    else document.fall_back("ignore_slots", item, "is not a dictionary", "nothing");
  }
  return matchers;
}

bool read_use_slots(const json::object& document, Complaints& fallbacks) {
  const json::value* section = document.if_contains("postgresql");
  const json::value* value = section != nullptr && section->is_object() ? section->get_object().if_contains("use_slots") : nullptr;
  if (value == nullptr || value->is_null()) return true;
  const auto flag = parse_bool(*value);
  if (!flag) {
    fallbacks.push_back({.severity = Severity::kWarning,
                         .path = "postgresql.use_slots",
                         .value = shown_value("postgresql.use_slots", *value),
                         .wrong = "is not a boolean",
                         .right = "true is used"});
  }
  return flag.value_or(true);
}

void read_own_keys(const json::object& object, Accepted& accepted, Complaints& errors) {
  Document document(object, accepted.fallbacks);
  model::DynamicSettings& settings = accepted.settings;
  settings.maximum_lag_on_failover = document.number("maximum_lag_on_failover", 1048576, 0, std::int64_t{1} << 62);
  settings.maximum_lag_on_syncnode = document.number("maximum_lag_on_syncnode", -1, -kMostInt, std::int64_t{1} << 62);
  settings.check_timeline = document.flag("check_timeline");
  settings.max_timelines_history = static_cast<int>(document.number("max_timelines_history", 0, 0, kMostInt));
  settings.primary_start_timeout = std::chrono::seconds(document.number("primary_start_timeout", 300, 0, kMostSeconds, "s", "master_start_timeout"));
  settings.primary_stop_timeout = std::chrono::seconds(document.number("primary_stop_timeout", 0, -kMostInt, kMostSeconds, "s", "master_stop_timeout"));
  settings.primary_stop_timeout = std::max(settings.primary_stop_timeout, Milliseconds(0));
  settings.primary_race_backoff = std::chrono::seconds(document.number("primary_race_backoff", 0, 0, kMostSeconds, "s"));
  settings.synchronous_mode = read_synchronous_mode(document);
  settings.synchronous_mode_strict = document.flag("synchronous_mode_strict");
  settings.synchronous_node_count = read_synchronous_node_count(document, settings.synchronous_mode_strict);
  settings.failsafe_mode = document.flag("failsafe_mode");
  settings.pause = document.flag("pause");
  settings.member_slots_ttl = std::chrono::seconds(document.number("member_slots_ttl", 1800, 0, kMostSeconds, "s"));
  settings.slots = read_slots(document);
  settings.ignore_slots = read_ignore_slots(document);
  settings.use_slots = read_use_slots(object, accepted.fallbacks);
  settings.standby_cluster = read_standby_cluster(document, errors);
}

// A `postgresql` or `parameters` that is no mapping, or a setting that is no scalar, is what every node rejects.
bool rejects(const Complaint& complaint) {
  return complaint.severity == Severity::kError &&
         (complaint.path == "postgresql" || complaint.path == "postgresql.parameters" ||
          complaint.path.starts_with("postgresql.parameters"));
}

void check_postgresql(const json::object& document, Accepted& accepted, Complaints& errors) {
  Complaints complaints;
  check_dynamic_postgresql(document.if_contains("postgresql"), "postgresql", complaints);
  for (Complaint& complaint : complaints) {
    if (rejects(complaint)) {
      errors.push_back(std::move(complaint));
      continue;
    }
    const bool was_error = complaint.severity == Severity::kError;
    complaint.severity = Severity::kWarning;
    if (was_error && complaint.right.empty()) complaint.right = "it is ignored";
    (was_error ? accepted.fallbacks : accepted.warnings).push_back(std::move(complaint));
  }
}

// JSON has no such numbers; one can only come from a YAML file.
void refuse_infinite(const json::value& value, const std::string& path, Complaints& errors) {
  if (value.is_double() && !std::isfinite(value.get_double())) {
    errors.push_back({.path = path, .value = shown_value(path, value), .wrong = "is not a finite number"});
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.get_object()) {
      refuse_infinite(item, path.empty() ? std::string(key) : fmt::format("{}.{}", path, std::string_view(key)), errors);
    }
  } else if (value.is_array()) {
    for (const auto& item : value.get_array()) refuse_infinite(item, path, errors);
  }
}

void check_names(const json::object& document, Accepted& accepted, Complaints& errors) {
  const json::value* section = document.if_contains("postgresql");
  const auto methods = section != nullptr && section->is_object() ? replica_methods_of(section->get_object()) : std::set<std::string>{};
  const auto is_method = [&](std::string_view path) {
    constexpr std::string_view kPrefix = "postgresql.";
    return path.starts_with(kPrefix) && methods.contains(std::string(path.substr(kPrefix.size())));
  };
  Complaints complaints;
  check_keys(document, {.keys = dynamic_keys(), .is_known = is_method}, complaints);
  for (Complaint& complaint : complaints) (complaint.severity == Severity::kError ? errors : accepted.warnings).push_back(std::move(complaint));
}

bool contains_like(const Complaints& complaints, const Complaint& wanted) {
  return std::find(complaints.begin(), complaints.end(), wanted) != complaints.end();
}

}  // namespace

TimingLimits limits_of(const model::Settings& settings) {
  return settings.uses_embedded_store() ? TimingLimits::kEmbedded : TimingLimits::kPatroni;
}

tl::expected<Accepted, Complaints> accept_dynamic(const json::object& document, TimingLimits limits) {
  Accepted accepted;
  Complaints errors;
  refuse_infinite(document, {}, errors);
  auto timing = read_timing(document, limits);
  if (timing) {
    accepted.settings.timing = timing->timing;
    accepted.warnings = std::move(timing->warnings);
  } else {
    errors.insert(errors.end(), timing.error().begin(), timing.error().end());
  }
  check_names(document, accepted, errors);
  check_postgresql(document, accepted, errors);
  read_own_keys(document, accepted, errors);
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  accepted.settings.document = document;
  return accepted;
}

Complaints refuse_change(const json::object& before, const json::object& after, TimingLimits limits) {
  const auto wanted = accept_dynamic(after, limits);
  if (!wanted) return wanted.error();
  const auto present = accept_dynamic(before, limits);
  Complaints refused;
  for (Complaint complaint : wanted->fallbacks) {
    if (present && contains_like(present->fallbacks, complaint)) continue;
    complaint.severity = Severity::kError;
    complaint.right.clear();
    refused.push_back(std::move(complaint));
  }
  return refused;
}

}  // namespace matriarch::settings
