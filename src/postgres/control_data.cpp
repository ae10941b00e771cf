#include "postgres/control_data.hpp"

#include <map>
#include <string>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

// Before version 10 some names began with "Current "; the first value of a name counts.
Fields fields_of(std::string_view output) {
  Fields fields;
  for (const auto line : lines_of(output)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string key(trim(line.substr(0, colon)));
    if (const auto at = key.find("Current "); at != std::string::npos) key.erase(at, std::string_view("Current ").size());
    fields.emplace(std::move(key), trim(line.substr(colon + 1)));
  }
  return fields;
}

std::string_view value_of(const Fields& fields, std::string_view key) {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string_view{} : std::string_view(found->second);
}

std::map<std::string, std::string> settings_of(const Fields& fields) {
  constexpr std::string_view kEnding = " setting";
  std::map<std::string, std::string> settings;
  for (const auto& [key, value] : fields) {
    if (key.ends_with(kEnding)) settings.emplace(key.substr(0, key.size() - kEnding.size()), value);
  }
  return settings;
}

}  // namespace

std::optional<model::ControlData> parse_control_data(std::string_view output) {
  const Fields fields = fields_of(output);
  const auto lsn = [&](std::string_view key) { return model::parse_lsn(value_of(fields, key)).value_or(model::Lsn{}); };
  const auto timeline = [&](std::string_view key) { return model::Timeline{to_number<std::uint32_t>(value_of(fields, key)).value_or(0)}; };
  const std::string_view checksums = value_of(fields, "Data page checksum version");

  model::ControlData data{
      .system_id = {std::string(value_of(fields, "Database system identifier"))},
      .cluster_state = std::string(value_of(fields, "Database cluster state")),
      .checkpoint_lsn = lsn("Latest checkpoint location"),
      .checkpoint_timeline = timeline("Latest checkpoint's TimeLineID"),
      .checkpoint_redo_wal_file = std::string(value_of(fields, "Latest checkpoint's REDO WAL file")),
      .min_recovery_lsn = lsn("Minimum recovery ending location"),
      .min_recovery_timeline = timeline("Min recovery ending loc's timeline"),
      .wal_log_hints = value_of(fields, "wal_log_hints setting") == "on",
      .data_checksums = !checksums.empty() && checksums != "0",
      .settings = settings_of(fields),
  };
  if (!data.system_id.valid() || data.cluster_state.empty()) return std::nullopt;
  return data;
}

}  // namespace matriarch::postgres
