#include "settings/postgresql_section.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/address.hpp"
#include "settings/options.hpp"
#include "settings/parameters.hpp"
#include "settings/reader.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using model::Milliseconds;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 7> kLocalOnly{"connect_address", "proxy_address", "listen",        "config_dir",
                                                     "data_dir",        "pgpass",        "authentication"};
constexpr std::array<std::string_view, 3> kRoles{"primary", "replica", "standby_leader"};
constexpr std::array<std::string_view, 11> kForbiddenBasebackup{"pgdata",  "format", "wal-method", "xlog-method", "gzip",    "version",
                                                                "dbname",  "host",   "port",       "username",    "password"};
constexpr std::array<std::string_view, 10> kForbiddenRewind{"target-pgdata", "source-pgdata",      "source-server", "write-recovery-conf",
                                                            "dry-run",       "restore-target-wal", "config-file",   "no-ensure-shutdown",
                                                            "version",       "help"};
constexpr std::array<std::string_view, 10> kConnectionKeys{"sslmode", "sslcert",   "sslkey",     "sslpassword",     "sslrootcert",
                                                           "sslcrl",  "sslcrldir", "gssencmode", "channel_binding", "sslnegotiation"};

bool is_local_only(std::string_view key) { return std::find(kLocalOnly.begin(), kLocalOnly.end(), key) != kLocalOnly.end(); }

model::Options read_options(Reader& reader, std::string_view key, std::string_view tool, std::span<const std::string_view> forbidden) {
  const json::value* value = reader.find(key);
  if (value == nullptr) return {};
  ParsedOptions parsed = parse_options(*value, tool, forbidden);
  for (std::string& error : parsed.errors) {
    reader.complaints().push_back({.severity = Severity::kWarning, .path = reader.path_of(key), .wrong = std::move(error)});
  }
  return std::move(parsed.options);
}

model::Credentials read_credentials(Reader reader) {
  model::Credentials credentials{.username = reader.text("username"), .password = reader.text("password")};
  for (const std::string_view key : kConnectionKeys) {
    if (reader.has(key)) credentials.other[std::string(key)] = reader.text(key);
  }
  return credentials;
}

// Everything of a method's section but its command is passed to the command as --key=value.
model::ReplicaMethod read_method(Reader& postgresql, const std::string& name) {
  model::ReplicaMethod method{.name = name};
  if (name == "basebackup") return method;
  Reader reader = postgresql.section(name);
  method.command = reader.text("command", name);
  method.no_params = reader.flag("no_params");
  method.no_leader = reader.flag("no_leader");
  method.keep_data = reader.flag("keep_data");
  for (const auto& [key, value] : reader.object()) {
    if (key == "command" || key == "no_params" || value.is_null()) continue;
    if (value.is_structured()) reader.wrong(key, "is not a string");
    else method.parameters.emplace_back(key, model::comparison_text(value));
  }
  return method;
}

std::vector<model::ReplicaMethod> read_methods(Reader& reader) {
  std::vector<std::string> names = reader.texts("create_replica_methods");
  if (!reader.has("create_replica_methods")) names = {"basebackup"};
  std::vector<model::ReplicaMethod> methods;
  for (const std::string& name : names) methods.push_back(read_method(reader, name));
  return methods;
}

// A standby cluster may name methods of its own.
std::vector<model::ReplicaMethod> read_spare_methods(Reader& reader, const std::vector<model::ReplicaMethod>& used) {
  std::vector<model::ReplicaMethod> methods;
  for (const std::string& name : replica_methods_of(reader.object())) {
    const bool is_used = std::any_of(used.begin(), used.end(), [&](const auto& method) { return method.name == name; });
    const bool has_section = reader.object().contains(name) && reader.object().at(name).is_object();
    if (!is_used && has_section) methods.push_back(read_method(reader, name));
  }
  return methods;
}

// 0 would fail every start at once.
Milliseconds read_pg_ctl_timeout(Reader& reader) {
  const json::value* value = reader.find("pg_ctl_timeout");
  if (value == nullptr) return 60s;
  const auto seconds = parse_real(*value);
  if (!seconds || !(*seconds > 0 && *seconds < 1e8)) {
    reader.warn("pg_ctl_timeout", "is not a number of seconds above 0; 60 is used");
    return 60s;
  }
  return Milliseconds(static_cast<std::int64_t>(*seconds * 1000));
}

void read_roles(Reader& reader, model::PostgresSettings& settings) {
  for (const std::string_view role : kRoles) {
    const std::string name(role);
    const std::string parameters = "parameters_" + name, hba = "pg_hba_" + name, ident = "pg_ident_" + name;
    if (const json::value* value = reader.find(parameters)) {
      if (value->is_object()) settings.role_parameters[name] = role_parameters(value->get_object(), reader.path_of(parameters), reader.complaints());
      else reader.warn(parameters, "is not a dictionary and is ignored");
    }
    // Present but null: not managed in this role.
    if (reader.object().contains(hba)) settings.role_pg_hba[name] = reader.texts(hba);
    if (reader.object().contains(ident)) settings.role_pg_ident[name] = reader.texts(ident);
  }
}

// Keys that either source may have.
void read_shared(Reader& reader, model::PostgresSettings& settings) {
  settings.config_base_name = reader.text("config_base_name", "postgresql");
  settings.bin_dir = reader.text("bin_dir");
  settings.bin_name = reader.mapping("bin_name");
  settings.database = reader.text("database", "postgres");
  settings.use_unix_socket = reader.flag("use_unix_socket");
  settings.use_unix_socket_repl = reader.flag("use_unix_socket_repl");
  settings.krbsrvname = reader.text("krbsrvname");
  settings.pg_hba = reader.texts("pg_hba");
  settings.pg_ident = reader.texts("pg_ident");
  settings.custom_conf = reader.text("custom_conf");
  settings.recovery_conf = reader.mapping("recovery_conf");
  settings.use_pg_rewind = reader.flag("use_pg_rewind");
  settings.remove_data_directory_on_rewind_failure = reader.flag("remove_data_directory_on_rewind_failure");
  settings.remove_data_directory_on_diverged_timelines = reader.flag("remove_data_directory_on_diverged_timelines");
  settings.create_replica_methods = read_methods(reader);
  settings.spare_replica_methods = read_spare_methods(reader, settings.create_replica_methods);
  settings.basebackup = read_options(reader, "basebackup", "basebackup", kForbiddenBasebackup);
  settings.rewind_options = read_options(reader, "rewind", "rewind", kForbiddenRewind);
  settings.callbacks = reader.mapping("callbacks");
  settings.pre_promote = reader.text("pre_promote");
  settings.before_stop = reader.text("before_stop");
  settings.pg_ctl_timeout = read_pg_ctl_timeout(reader);
  read_roles(reader, settings);
}

// Where a client on this machine connects: localhost when PostgreSQL listens there, else the first address.
std::string local_host(const std::string& listen_addresses) {
  const std::vector<std::string> hosts = split_list(listen_addresses);
  for (const std::string& host : hosts) {
    for (const char* local : {"*", "localhost", "0.0.0.0", "127.0.0.1", "::", "::1"}) {
      if (host == local) return "localhost";
    }
  }
  return hosts.front();
}

void read_addresses(Reader& reader, bool required, model::PostgresSettings& settings) {
  if (const auto listen = reader.address("listen", 5432)) {
    settings.listen_addresses = listen->host;
    settings.port = listen->port;
  } else if (required && !reader.has("listen")) {
    reader.missing("listen");
  }
  settings.connect_address = {.host = local_host(settings.listen_addresses), .port = settings.port};
  if (const auto address = reader.address("connect_address", settings.port)) settings.connect_address = *address;
  settings.proxy_address = reader.address("proxy_address", 5432);
}

void read_local(Reader& reader, bool required, model::PostgresSettings& settings) {
  read_addresses(reader, required, settings);
  settings.data_dir = required ? reader.required_text("data_dir") : reader.text("data_dir");
  settings.config_dir = reader.text("config_dir", settings.data_dir);
  settings.pgpass = reader.text("pgpass", "~/pgpass");
  Reader authentication = reader.section("authentication");
  settings.superuser = read_credentials(authentication.section("superuser"));
  settings.replication = read_credentials(authentication.section("replication"));
  if (authentication.has("rewind")) settings.rewind = read_credentials(authentication.section("rewind"));
  if (required && settings.replication.username.empty()) {
    reader.complaints().push_back({.path = authentication.path_of("replication.username"), .wrong = "is not defined."});
  }
}

void check_parameters(Reader& reader, bool is_local) {
  const json::value* value = reader.find("parameters");
  if (value == nullptr) return;
  if (!value->is_object()) {
    reader.wrong("parameters", "postgresql.parameters is not a dictionary");
    return;
  }
  Parameters ignored;
  if (is_local) overlay_local(ignored, value->get_object(), reader.path_of("parameters"), reader.complaints());
  else overlay_dynamic(ignored, value->get_object(), reader.path_of("parameters"), reader.complaints());
}

}  // namespace

json::object merge_postgresql(const json::object& local, const json::object& dynamic) {
  json::object merged;
  for (const auto& [key, value] : dynamic) {
    if (!is_local_only(key) && key != "parameters") merged[key] = value;
  }
  for (const auto& [key, value] : local) {
    if (key != "parameters" && key != "use_slots") merged[key] = value;
  }
  return merged;
}

std::map<std::string, std::string> merge_parameters(const json::object& local, const json::object& dynamic) {
  Complaints already_made;
  Parameters parameters = default_parameters();
  overlay_dynamic(parameters, mapping_at(dynamic, "parameters"), {}, already_made);
  overlay_local(parameters, mapping_at(local, "parameters"), {}, already_made);
  return parameters.by_name();
}

void modernise_postgresql(json::object& postgresql) {
  const auto take = [&](std::string_view from) { return postgresql.contains(from) ? postgresql.at(from) : json::value(nullptr); };
  if (!postgresql.contains("authentication")) {
    const bool is_old = postgresql.contains("replication") || postgresql.contains("superuser") || postgresql.contains("pg_rewind");
    if (is_old) {
      postgresql["use_pg_rewind"] = postgresql.contains("pg_rewind");
      postgresql["authentication"] = json::object{{"replication", take("replication")}, {"superuser", take("superuser")}};
    }
  }
  json::value* authentication = postgresql.if_contains("authentication");
  if (authentication != nullptr && authentication->is_object() && postgresql.contains("pg_rewind")) {
    json::value& superuser = authentication->get_object()["superuser"];
    if (superuser.is_null()) superuser = take("pg_rewind");
  }
  if (postgresql.contains("create_replica_method") && !postgresql.contains("create_replica_methods")) {
    postgresql["create_replica_methods"] = take("create_replica_method");
  }
}

void check_local_postgresql(const json::value* section, const std::string& path, Complaints& complaints) {
  Reader reader(section, path, complaints);
  check_parameters(reader, true);
  model::PostgresSettings ignored;
  read_shared(reader, ignored);
}

void check_dynamic_postgresql(const json::value* section, const std::string& path, Complaints& complaints) {
  Reader reader(section, path, complaints);
  check_parameters(reader, false);
  model::PostgresSettings ignored;
  read_shared(reader, ignored);
}

model::PostgresSettings read_postgresql(const json::object& merged, bool required, Complaints& complaints) {
  const json::value section(merged);
  Reader reader(&section, "postgresql", complaints);
  model::PostgresSettings settings;
  Complaints already_made;
  Reader silent(&section, "postgresql", already_made);
  read_shared(silent, settings);
  read_local(reader, required, settings);
  return settings;
}

std::set<std::string> replica_methods_of(const json::object& postgresql) {
  std::set<std::string> names;
  for (const char* key : {"create_replica_methods", "create_replica_method"}) {
    const json::value* list = postgresql.if_contains(key);
    if (list == nullptr || !list->is_array()) continue;
    for (const auto& item : list->get_array()) {
      if (item.is_string()) names.emplace(item.get_string());
    }
  }
  // A section with a command is a method that is not in use at present.
  for (const auto& [key, value] : postgresql) {
    if (value.is_object() && value.get_object().contains("command")) names.emplace(key);
  }
  return names;
}

}  // namespace matriarch::settings
