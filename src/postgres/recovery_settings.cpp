#include "postgres/recovery_settings.hpp"

#include <algorithm>
#include <array>

#include "postgres/guc_table.hpp"
#include "model/quantity.hpp"
#include "postgres/setting_text.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using Values = std::map<std::string, std::string>;

constexpr std::array<std::string_view, 4> kNotCompared = {"recovery_target_inclusive", "recovery_target_action", "pause_at_recovery_target", "standby_mode"};
// May come from a file of the user's that we include.
constexpr std::array<std::string_view, 5> kLeftAlone = {"archive_cleanup_command", "promote_trigger_file", "recovery_end_command",
                                                        "recovery_min_apply_delay", "restore_command"};

template <typename Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string setting_in(const Values& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string{} : found->second;
}

// recovery_conf of the user, with what stands among the parameters winning; without what is ours to say.
Values configured(const model::PostgresSettings& postgresql) {
  Values values = postgresql.recovery_conf;
  for (const auto& [name, value] : postgresql.parameters) {
    if (is_recovery_guc(name)) values[to_lower(name)] = value;
  }
  std::erase_if(values, [](const auto& entry) {
    return entry.first.starts_with("recovery_target") || entry.first == "primary_conninfo" || entry.first == "primary_slot_name" ||
           entry.first == "standby_mode" || entry.first == "pause_at_recovery_target";
  });
  return values;
}

void rename_trigger_file(Values& values, int major_version) {
  auto old_name = values.extract("trigger_file");
  if (old_name && major_version >= 120000) values.emplace("promote_trigger_file", old_name.mapped());
  if (major_version >= 160000) values.erase("promote_trigger_file");
}

// Keywords that count as this when they are missing.
std::string keyword_default(const std::string& keyword) {
  if (keyword == "sslmode" || keyword == "gssencmode" || keyword == "channel_binding") return "prefer";
  return keyword == "sslnegotiation" ? "postgres" : "";
}

bool same_conninfo(const std::string& current_text, const std::string& wanted_text, const std::string& setting_text, bool from_receiver, int major_version) {
  if (wanted_text.empty() || current_text.empty()) return wanted_text.empty() && current_text.empty();
  const auto current = parse_conninfo(current_text);
  const auto wanted = parse_conninfo(wanted_text);
  const auto setting = parse_conninfo(setting_text);
  if (!current || !wanted || !setting) return false;
  return std::all_of(wanted->begin(), wanted->end(), [&](const auto& entry) {
    const auto& [keyword, value] = entry;
    if (keyword == "dbname" && major_version < 170000) return true;
    // The receiver reports "replication" as its database, and no password file.
    const Conninfo& source = from_receiver && (keyword == "dbname" || keyword == "passfile") ? *setting : *current;
    const auto found = source.find(keyword);
    return (found == source.end() ? keyword_default(keyword) : found->second) == value;
  });
}

bool same_value(const std::string& name, const std::string& current, const std::string& wanted) {
  if (name == "recovery_min_apply_delay") return model::parse_integer(current.empty() ? "0" : current, "ms") == model::parse_integer(wanted.empty() ? "0" : wanted, "ms");
  return current == wanted;
}

bool differs(const RecoveryInEffect& in_effect, const Values& wanted, const std::string& name, int major_version) {
  const std::string current = setting_in(in_effect.settings, name), goal = setting_in(wanted, name);
  if (name == "primary_conninfo") {
    const std::string& shown = in_effect.receiver_runs ? in_effect.receiver_conninfo : current;
    return !same_conninfo(shown, goal, current, in_effect.receiver_runs, major_version);
  }
  if (name == "primary_slot_name") {
    if (setting_in(wanted, "primary_conninfo").empty()) return false;
    return (in_effect.receiver_runs ? in_effect.receiver_slot : current) != goal;
  }
  if (contains(kLeftAlone, name) && !wanted.contains(name) && in_effect.set_elsewhere.contains(name)) return false;
  return !same_value(name, current, goal);
}

}  // namespace

Conninfo upstream_conninfo(const model::Settings& settings, const model::Upstream& upstream, int major_version) {
  const auto& postgresql = settings.postgresql;
  Conninfo conninfo{{"host", upstream.host}, {"port", upstream.port.empty() ? "5432" : upstream.port}, {"dbname", postgresql.database},
                    {"application_name", settings.name.text}, {"sslmode", "prefer"}, {"gssencmode", "prefer"}};
  if (major_version >= 130000) conninfo["channel_binding"] = "prefer";
  if (major_version >= 170000) conninfo["sslnegotiation"] = "postgres";
  add_credentials(conninfo, postgresql.replication);
  if (!postgresql.krbsrvname.empty()) conninfo["krbsrvname"] = postgresql.krbsrvname;
  const bool has_several_hosts = upstream.host.find(',') != std::string::npos;
  if (upstream.remote && has_several_hosts && !upstream.slot.empty()) conninfo["target_session_attrs"] = "read-write";
  if (conninfo.contains("password")) conninfo["passfile"] = postgresql.pgpass;
  return conninfo;
}

Values wanted_recovery_settings(const model::Settings& settings, const std::optional<model::Upstream>& upstream, int major_version) {
  Values values = configured(settings.postgresql);
  rename_trigger_file(values, major_version);
  values["recovery_target_timeline"] = "latest";
  for (const char* target : {"recovery_target", "recovery_target_name", "recovery_target_time", "recovery_target_xid", "recovery_target_lsn"}) values[target] = "";
  if (!upstream) return values;

  if (!upstream->host.empty()) values["primary_conninfo"] = render(upstream_conninfo(settings, *upstream, major_version), major_version);
  if (!upstream->slot.empty()) values["primary_slot_name"] = upstream->slot;
  if (!upstream->restore_command.empty()) values["restore_command"] = upstream->restore_command;
  if (!upstream->archive_cleanup_command.empty()) values["archive_cleanup_command"] = upstream->archive_cleanup_command;
  if (!upstream->recovery_min_apply_delay.empty()) values["recovery_min_apply_delay"] = upstream->recovery_min_apply_delay;
  return values;
}

ports::FollowChange compare_recovery(const RecoveryInEffect& in_effect, const Values& wanted, int major_version) {
  if (!in_effect.has_standby_signal) return ports::FollowChange::kRestart;
  auto change = ports::FollowChange::kNothing;
  for (const auto& [name, value] : in_effect.settings) {
    if (contains(kNotCompared, name) || !differs(in_effect, wanted, name, major_version)) continue;
    if (needs_restart(name, major_version)) return ports::FollowChange::kRestart;
    change = ports::FollowChange::kReload;
  }
  return change;
}

bool needs_restart(std::string_view name, int major_version) {
  if (name.starts_with("recovery_target")) return true;
  if (name == "primary_conninfo" || name == "primary_slot_name") return major_version < 130000;
  if (name == "restore_command") return major_version < 140000;
  return false;
}

}  // namespace matriarch::postgres
