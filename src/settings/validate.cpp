#include "settings/validate.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "model/json_merge.hpp"
#include "settings/effective.hpp"
#include "settings/file_checks.hpp"
#include "settings/schema_checks.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

constexpr bool kMandatory = true;
constexpr bool kOptional = false;

struct Row {
  std::string path;
  bool mandatory;  // within its section, if that is there
  Check check;
};
using Rows = std::vector<Row>;

// --- checks of one key each ---

void check_thread_stack_size(const CheckContext& context, const std::string& path, const json::value& value) {
  const auto size = parse_int(value, "B");
  if (!size) context.fail(path, value, "is not an integer");
  else if (*size < 65536 || *size % 65536 != 0) context.fail_validation(path, value, "Wrong value");
}

bool is_field(const json::value& item) {
  return item.is_string() || (item.is_object() && item.get_object().size() == 1 && item.get_object().begin()->value().is_string());
}

void check_log_format(const CheckContext& context, const std::string& path, const json::value& value) {
  if (value.is_string()) return;
  if (!value.is_array()) return context.fail_validation(path, value, "Should be a string or a list");
  const json::array& items = value.get_array();
  if (items.empty()) return context.fail_validation(path, value, "should contain at least one item");
  if (!std::all_of(items.begin(), items.end(), is_field)) {
    context.fail_validation(path, value, "each item should be a string or a dictionary with string values");
  }
}

void check_synchronous_mode(const CheckContext& context, const std::string& path, const json::value& value) {
  const bool is_quorum = value.is_string() && value.get_string() == "quorum";
  if (!parse_bool(value) && !is_quorum) context.fail_validation(path, value, "invalid value for synchronous_mode");
}

// The smallest numbers that any cluster may have; what a Patroni neighbour needs beyond that is a warning.
Check time_of_at_least(double with_embedded, double otherwise) {
  return [=](const CheckContext& context, const std::string& path, const json::value& value) {
    const bool is_embedded = context.root.contains("embedded") || context.root.contains("raft");
    const auto seconds = parse_real(value);
    if (!seconds) context.fail(path, value, "is not an integer");
    else if (*seconds < (is_embedded ? with_embedded : otherwise)) context.fail_validation(path, value, "Wrong value");
  };
}

void check_watchdog_mode(const CheckContext& context, const std::string& path, const json::value& value) {
  const bool is_word = value.is_string() && (value.get_string() == "off" || value.get_string() == "automatic" || value.get_string() == "required");
  if (!is_word && value != json::value(false)) context.fail_validation(path, value, "Wrong value");
}

void check_name(const CheckContext& context, const std::string& path, const json::value& value) {
  if (!value.is_string()) context.fail(path, value, "is not a string");
  else if (value.get_string() == "__patroni_strict_sync_replica_placeholder__") context.fail_validation(path, value, "Wrong value");
}

Check exclusive(const char* first, const char* second) {
  return [=](const CheckContext& context, const std::string& path, const json::value& value) {
    if (value.is_object() && value.get_object().contains(first) && value.get_object().contains(second)) {
      context.complaints.push_back({.path = path, .wrong = fmt::format("Multiple of ('{}', '{}') provided", first, second)});
    }
  };
}

// One line for each alternative that could have been given.
Check at_least_one_of(std::vector<const char*> keys) {
  return [keys = std::move(keys)](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_object()) return;
    if (std::any_of(keys.begin(), keys.end(), [&](const char* key) { return value.get_object().contains(key); })) return;
    for (const char* key : keys) context.complaints.push_back({.path = fmt::format("{}.{}", path, key), .wrong = "is not defined."});
  };
}

// --- the schema, section by section, in the order of its messages ---

void add(Rows& rows, const std::string& section, std::initializer_list<const char*> keys, const Check& check) {
  for (const char* key : keys) rows.push_back({section.empty() ? key : section + "." + key, kOptional, check});
}

void add_general(Rows& rows) {
  rows.push_back({"name", kMandatory, check_name});
  rows.push_back({"scope", kMandatory, is_string()});
  rows.push_back({"thread_pool_size", kOptional, strict_integer(5, kMostInt)});
  rows.push_back({"thread_stack_size", kOptional, check_thread_stack_size});
  rows.push_back({"log", kOptional, is_mapping()});
  rows.push_back({"log.type", kOptional, one_of({"plain", "json"})});
  rows.push_back({"log.level", kOptional, one_of({"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"})});
  rows.push_back({"log.traceback_level", kOptional, one_of({"debug", "error"}, true)});
  rows.push_back({"log.format", kOptional, check_log_format});
  add(rows, "log", {"dateformat", "dir"}, is_string());
  add(rows, "log", {"static_fields", "loggers"}, is_mapping());
  add(rows, "log", {"max_queue_size", "file_num", "file_size"}, is_integer());
  rows.push_back({"log.mode", kOptional, strict_integer(0, 511)});
  rows.push_back({"log.deduplicate_heartbeat_logs", kOptional, is_boolean()});
  rows.push_back({"ctl", kOptional, is_mapping()});
  rows.push_back({"ctl.insecure", kOptional, is_boolean()});
  add(rows, "ctl", {"cacert", "certfile", "keyfile", "keyfile_password"}, is_string());
}

void add_restapi(Rows& rows) {
  rows.push_back({"restapi", kMandatory, is_mapping()});
  rows.push_back({"restapi.listen", kMandatory, address_to_listen()});
  rows.push_back({"restapi.connect_address", kMandatory, address_to_connect()});
  rows.push_back({"restapi.thread_pool_size", kOptional, strict_integer(5, kMostInt)});
  rows.push_back({"restapi.authentication", kOptional, is_mapping()});
  rows.push_back({"restapi.authentication.username", kMandatory, is_string()});
  rows.push_back({"restapi.authentication.password", kMandatory, is_string()});
  add(rows, "restapi", {"certfile", "keyfile", "keyfile_password", "cafile", "ciphers"}, is_string());
  rows.push_back({"restapi.verify_client", kOptional, one_of({"none", "optional", "required"})});
  rows.push_back({"restapi.allowlist", kOptional, is_non_empty_list_of_strings()});
  rows.push_back({"restapi.allowlist_include_members", kOptional, is_boolean()});
  add(rows, "restapi", {"http_extra_headers", "https_extra_headers"}, is_mapping());
  rows.push_back({"restapi.request_queue_size", kOptional, strict_integer(0, 4096)});
  rows.push_back({"restapi.server_tokens", kOptional, one_of({"minimal", "productonly", "original"}, true)});
}

void add_standby_cluster(Rows& rows) {
  const std::string section = "bootstrap.dcs.standby_cluster";
  rows.push_back({section, kOptional, is_mapping()});
  rows.push_back({section, kOptional, at_least_one_of({"host", "port", "restore_command"})});
  rows.push_back({section + ".host", kOptional, is_string()});
  rows.push_back({section + ".port", kOptional, strict_integer(0, 65535)});
  rows.push_back({section + ".restore_command", kOptional, is_string()});
  add(rows, section, {"primary_slot_name", "archive_cleanup_command", "recovery_min_apply_delay"}, is_string());
  rows.push_back({section + ".create_replica_methods", kOptional, is_non_empty_list_of_strings()});
}

// Keys that stand below `postgresql` and below `bootstrap.dcs.postgresql`.
void add_shared_postgresql(Rows& rows, const std::string& section) {
  add(rows, section, {"rewind", "basebackup"}, is_non_empty_list_of_options());
  add(rows, section, {"pg_hba", "pg_ident"}, is_non_empty_list_of_strings());
  rows.push_back({section + ".pg_ctl_timeout", kOptional, integer(0, kMostInt)});
}

void add_bootstrap(Rows& rows) {
  rows.push_back({"bootstrap", kOptional, is_mapping()});
  rows.push_back({"bootstrap.dcs", kMandatory, is_mapping()});
  const std::string dcs = "bootstrap.dcs";
  rows.push_back({dcs + ".ttl", kOptional, time_of_at_least(1, 2)});
  add(rows, dcs, {"loop_wait", "retry_timeout"}, time_of_at_least(0.1, 0.1));
  rows.push_back({dcs + ".maximum_lag_on_failover", kOptional, integer(0, INT64_MAX)});
  rows.push_back({dcs + ".maximum_lag_on_syncnode", kOptional, integer(-1, INT64_MAX)});
  rows.push_back({dcs + ".member_slots_ttl", kOptional, integer(0, INT64_MAX, "s")});
  add(rows, dcs, {"primary_start_timeout", "primary_stop_timeout"}, integer(0, kMostInt));
  rows.push_back({dcs + ".synchronous_mode", kOptional, check_synchronous_mode});
  rows.push_back({dcs + ".synchronous_mode_strict", kOptional, is_boolean()});
  rows.push_back({dcs + ".synchronous_node_count", kOptional, integer(1, kMostInt)});
  add_standby_cluster(rows);
  const std::string postgresql = dcs + ".postgresql";
  rows.push_back({postgresql, kOptional, is_mapping()});
  rows.push_back({postgresql + ".parameters", kOptional, is_mapping()});
  add(rows, postgresql, {"use_pg_rewind", "use_slots"}, is_boolean());
  add_shared_postgresql(rows, postgresql);
  rows.push_back({"bootstrap.initdb", kOptional, is_non_empty_list_of_options()});
  rows.push_back({"bootstrap.method", kOptional, is_string()});
}

void add_etcd(Rows& rows, const std::string& section) {
  rows.push_back({section, kOptional, is_mapping()});
  rows.push_back({section, kOptional, at_least_one_of({"host", "hosts", "srv", "srv_suffix", "url", "proxy"})});
  rows.push_back({section + ".host", kOptional, address_to_reach()});
  rows.push_back({section + ".hosts", kOptional, list_of(address_to_reach(), true)});
  add(rows, section, {"srv", "srv_suffix", "url", "proxy", "protocol", "username", "password", "cacert", "cert", "key"}, is_string());
}

void add_raft(Rows& rows) {
  rows.push_back({"raft", kOptional, is_mapping()});
  rows.push_back({"raft.self_addr", kMandatory, address_to_connect()});
  rows.push_back({"raft.bind_addr", kOptional, address_to_listen()});
  rows.push_back({"raft.partner_addrs", kMandatory, list_of(address_to_reach(), false)});
  add(rows, "raft", {"data_dir", "password"}, is_string());
  add(rows, "raft", {"append_entries_period", "min_timeout", "max_timeout", "connection_timeout", "leader_fallback_timeout"}, real_above_zero());
  rows.push_back({"raft.connection_retry_time", kOptional, real_above_zero(true)});
}

void add_user(Rows& rows, const std::string& user, bool mandatory) {
  const std::string section = "postgresql.authentication." + user;
  rows.push_back({section, mandatory, is_mapping()});
  rows.push_back({section + ".username", kMandatory, is_string()});
  rows.push_back({section + ".password", kOptional, is_string()});
}

void add_postgresql(Rows& rows) {
  rows.push_back({"postgresql", kMandatory, is_mapping()});
  rows.push_back({"postgresql.listen", kMandatory, addresses_to_listen()});
  rows.push_back({"postgresql.connect_address", kMandatory, address_to_connect()});
  rows.push_back({"postgresql.proxy_address", kOptional, address_to_connect()});
  rows.push_back({"postgresql.authentication", kMandatory, is_mapping()});
  add_user(rows, "replication", kMandatory);
  add_user(rows, "superuser", kMandatory);
  add_user(rows, "rewind", kOptional);
  rows.push_back({"postgresql.data_dir", kMandatory, data_directory()});
  rows.push_back({"postgresql.bin_name", kOptional, is_mapping()});
  add(rows, "postgresql.bin_name", {"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready", "pg_rewind"}, program_name());
  rows.push_back({"postgresql.bin_dir", kMandatory, program_directory()});
  rows.push_back({"postgresql.parameters", kOptional, is_mapping()});
  rows.push_back({"postgresql.parameters.unix_socket_directories", kOptional, is_string()});
  rows.push_back({"postgresql.use_pg_rewind", kOptional, is_boolean()});
  add_shared_postgresql(rows, "postgresql");
}

void add_rest(Rows& rows) {
  rows.push_back({"watchdog", kOptional, is_mapping()});
  rows.push_back({"watchdog.mode", kOptional, check_watchdog_mode});
  rows.push_back({"watchdog.device", kOptional, is_string()});
  rows.push_back({"watchdog.safety_margin", kOptional, strict_integer(-1, kMostInt)});
  rows.push_back({"tags", kOptional, is_mapping()});
  rows.push_back({"tags", kOptional, exclusive("nofailover", "failover_priority")});
  rows.push_back({"tags", kOptional, exclusive("nosync", "sync_priority")});
  add(rows, "tags", {"nofailover", "nosync", "clonefrom", "noloadbalance", "nostream"}, is_boolean());
  add(rows, "tags", {"failover_priority", "sync_priority"}, strict_integer(0, kMostInt));
  rows.push_back({"tags.replicatefrom", kOptional, is_string()});
}

Rows schema() {
  Rows rows;
  add_general(rows);
  add_restapi(rows);
  add_bootstrap(rows);
  add_etcd(rows, "etcd");
  add_etcd(rows, "etcd3");
  add_raft(rows);
  add_postgresql(rows);
  add_rest(rows);
  return rows;
}

// --- running it ---

// The value at a path, and whether the mapping it would stand in is there.
struct Place {
  const json::value* value = nullptr;
  bool has_section = true;
};

Place place_of(const json::object& root, std::string_view path) {
  const json::object* object = &root;
  while (true) {
    const std::size_t dot = path.find('.');
    const json::value* value = object->if_contains(path.substr(0, dot));
    if (dot == std::string_view::npos) return {value, true};
    if (value == nullptr || !value->is_object()) return {nullptr, false};
    object = &value->get_object();
    path.remove_prefix(dot + 1);
  }
}

// One line for each store that could have been named.
void check_store_is_there(const json::object& local, Complaints& complaints) {
  for (const char* section : {"embedded", "raft", "etcd3", "etcd", "consul", "zookeeper", "kubernetes", "exhibitor"}) {
    if (local.contains(section)) return;
  }
  for (const char* supported : {"embedded", "etcd3", "raft"}) complaints.push_back({.path = supported, .wrong = "is not defined."});
}

// What making settings complains of, where the schema has not complained already.
void add_other_complaints(const json::object& local, const ValidateRules& rules, Complaints& complaints) {
  std::set<std::string> told;
  for (const Complaint& complaint : complaints) told.insert(complaint.path);
  const auto is_told = [&](const std::string& path) {
    return std::any_of(told.begin(), told.end(), [&](const std::string& other) { return path == other || path.starts_with(other + "."); });
  };
  const Purpose purpose = is_witness(local) ? Purpose::kWitness : Purpose::kNode;
  for (Complaint& complaint : make_settings(local, {}, {.purpose = purpose, .strict = rules.strict}).complaints) {
    const bool is_missing_store = complaint.path.empty() && complaint.wrong.starts_with("Can not find suitable configuration");
    if (!is_missing_store && (complaint.path.empty() || !is_told(complaint.path))) complaints.push_back(std::move(complaint));
  }
}

}  // namespace

// A section bootstrap belongs to a node whose `postgresql` was misspelt, or forgotten.
bool is_witness(const json::object& local) {
  return (local.contains("embedded") || local.contains("raft")) && !local.contains("postgresql") && !local.contains("bootstrap");
}

Complaints validate(const json::object& local, const Probes& probes, const ValidateRules& rules) {
  Complaints complaints;
  json::object root = local;
  if (json::value* postgresql = root.if_contains("postgresql"); postgresql != nullptr && postgresql->is_object()) {
    postgresql->get_object().emplace("bin_dir", "");
  }
  const bool is_a_witness = is_witness(local);  // needs no section but the store's, and no name
  const CheckContext context{root, probes, rules, complaints};
  for (const Row& row : schema()) {
    const Place place = place_of(root, row.path);
    if (place.value != nullptr) row.check(context, row.path, *place.value);
    else if (row.mandatory && place.has_section && !(is_a_witness && row.path.find('.') == std::string::npos)) complaints.push_back({.path = row.path, .wrong = "is not defined."});
  }
  check_store_is_there(local, complaints);
  add_other_complaints(local, rules, complaints);
  return complaints;
}

}  // namespace matriarch::settings
