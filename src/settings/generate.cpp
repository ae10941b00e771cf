#include "settings/generate.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/environment.hpp"
#include "settings/parameters.hpp"
#include "settings/timing.hpp"
#include "settings/yaml.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

constexpr const char* kFixMe = "#FIXME";

std::string or_fix_me(const std::string& text) { return text.empty() ? kFixMe : text; }

std::string with_port(const std::string& ip, std::string_view port) {
  const bool is_ipv6 = ip.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", or_fix_me(ip), is_ipv6 ? "]" : "", port);
}

bool knows_wal_keep_size(const SampleFacts& facts) { return facts.postgres_major == 0 || facts.postgres_major >= 13; }

json::object default_parameter_tree(const SampleFacts& facts) {
  json::object tree;
  for (const auto& [name, value] : default_parameters().by_name()) tree[name] = value;
  if (knows_wal_keep_size(facts)) tree["wal_keep_size"] = "128MB";
  else tree["wal_keep_segments"] = 8;
  return tree;
}

json::object bootstrap_tree(const SampleFacts& facts) {
  const json::object postgresql{{"parameters", default_parameter_tree(facts)}, {"use_pg_rewind", true}, {"use_slots", true}};
  return {{"dcs", json::object{{"postgresql", postgresql}}}};
}

json::object log_tree() {
  return {{"type", "plain"}, {"level", "INFO"}, {"traceback_level", "ERROR"}, {"format", "%(asctime)s %(levelname)s: %(message)s"}, {"max_queue_size", 1000}};
}

json::object tags_tree() {
  return {{"failover_priority", 1}, {"sync_priority", 1}, {"noloadbalance", false}, {"clonefrom", true}, {"nosync", false}, {"nostream", false}};
}

json::object embedded_tree(const SampleFacts& facts) {
  return {{"advertise", with_port(facts.ip, "7400")}, {"peers", json::array{json::string(with_port(facts.ip, "7400"))}}, {"secret", kFixMe}};
}

// What both generators begin with.
json::object base_tree(const SampleFacts& facts) {
  return {{"scope", kFixMe},
          {"name", or_fix_me(facts.host_name)},
          {"log", log_tree()},
          {"restapi", json::object{{"listen", with_port(facts.ip, "8008")}, {"connect_address", with_port(facts.ip, "8008")}}},
          {"bootstrap", bootstrap_tree(facts)},
          {"postgresql", json::object{{"data_dir", kFixMe}, {"listen", with_port(facts.ip, "5432")}, {"connect_address", with_port(facts.ip, "5432")}, {"bin_dir", ""}}},
          {"tags", tags_tree()}};
}

json::object user(std::string_view name) { return {{"username", name}, {"password", kFixMe}}; }

bool names_a_store(const json::object& tree) {
  for (const char* section : {"embedded", "raft", "etcd3", "etcd", "consul", "zookeeper", "kubernetes", "exhibitor"}) {
    if (tree.contains(section)) return true;
  }
  return false;
}

// The environment has the last word, also about the store, and the times follow the store.
void overlay_environment(json::object& tree, const SampleFacts& facts) {
  const json::object environment = read_environment(facts.environment, tree).tree;
  if (!names_a_store(environment)) tree["embedded"] = embedded_tree(facts);
  const bool is_embedded = !names_a_store(environment) || environment.contains("embedded") || environment.contains("raft");
  const model::Timing timing = default_timing(is_embedded ? TimingLimits::kEmbedded : TimingLimits::kPatroni);
  json::object& dcs = tree["bootstrap"].as_object()["dcs"].as_object();
  dcs["ttl"] = in_seconds(timing.ttl);
  dcs["loop_wait"] = in_seconds(timing.loop_wait);
  dcs["retry_timeout"] = in_seconds(timing.retry_timeout);
  model::merge_patch(tree, environment);
}

constexpr std::string_view kBootstrapComment =
    "# This section is used only once, when the first node makes the cluster.\n"
    "# Afterwards its content is in the dynamic configuration: matriarch edit-config.\n";
constexpr std::string_view kEmbeddedComment =
    "# The consensus of the cluster. Name all nodes among the peers, and give all of them the same secret.\n";

std::string comment_for(std::string_view section) {
  if (section == "bootstrap") return std::string(kBootstrapComment);
  if (section == "embedded") return std::string(kEmbeddedComment);
  return {};
}

constexpr std::array<std::string_view, 19> kOrder{"scope",      "namespace",  "name",      "log",      "restapi",   "ctl",        "citus",
                                                  "embedded",   "consul",     "etcd",      "etcd3",    "exhibitor", "kubernetes", "raft",
                                                  "zookeeper",  "bootstrap",  "postgresql", "watchdog", "tags"};

std::string written(const json::object& tree) {
  std::string text;
  for (const std::string_view section : kOrder) {
    const json::value* value = tree.if_contains(section);
    if (value == nullptr) continue;
    if (value->is_object()) text += "\n";
    text += comment_for(section) + to_yaml(json::object{{section, *value}});
  }
  return text;
}

// Settings that name commands or files of one node stay with the node.
bool belongs_to_the_node(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kLocal{"archive_command",       "restore_command", "archive_cleanup_command", "recovery_end_command",
                                                          "ssl_passphrase_command", "hba_file",        "ident_file",              "config_file"};
  return std::find(kLocal.begin(), kLocal.end(), name) != kLocal.end();
}

void distribute_parameters(json::object& tree, const RunningServer& server) {
  json::object& postgresql = tree["postgresql"].as_object();
  json::object& shared = tree["bootstrap"].as_object()["dcs"].as_object()["postgresql"].as_object()["parameters"].as_object();
  json::object local;
  for (const auto& [name, value] : server.parameters) {
    if (name == "data_directory") postgresql["data_dir"] = value;
    else if (name == "cluster_name") tree["scope"] = or_fix_me(value);
    else if (name == "listen_addresses" || name == "port") continue;
    else if (belongs_to_the_node(name)) local[name] = value;
    else shared[name] = value;
  }
  if (!local.empty()) postgresql["parameters"] = std::move(local);
}

std::string parameter(const RunningServer& server, const char* name, std::string fallback) {
  const auto found = server.parameters.find(name);
  return found == server.parameters.end() || found->second.empty() ? std::move(fallback) : found->second;
}

json::array lines(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

}  // namespace

std::string sample_configuration(const SampleFacts& facts) {
  json::object tree = base_tree(facts);
  json::object& postgresql = tree["postgresql"].as_object();
  const char* method = facts.postgres_major == 0 || facts.postgres_major >= 10 ? "scram-sha-256" : "md5";
  json::object authentication{{"superuser", user("postgres")}, {"replication", user("replicator")}};
  if (facts.postgres_major == 0 || facts.postgres_major >= 11) authentication["rewind"] = user("rewind_user");
  postgresql["authentication"] = std::move(authentication);
  postgresql["parameters"] = json::object{{"password_encryption", method}};
  json::object& shared = tree["bootstrap"].as_object()["dcs"].as_object()["postgresql"].as_object()["parameters"].as_object();
  shared["wal_level"] = "replica";
  overlay_environment(tree, facts);
  const json::value& replication = tree["postgresql"].as_object()["authentication"].as_object()["replication"].as_object()["username"];
  tree["postgresql"].as_object()["pg_hba"] =
      json::array{json::string(fmt::format("host all all all {}", method)),
                  json::string(fmt::format("host replication {} all {}", model::comparison_text(replication), method))};
  return written(tree);
}

std::string generated_configuration(const SampleFacts& facts, const RunningServer& server) {
  json::object tree = base_tree(facts);
  distribute_parameters(tree, server);
  json::object& postgresql = tree["postgresql"].as_object();
  const std::string port = parameter(server, "port", "5432");
  postgresql["listen"] = fmt::format("{}:{}", parameter(server, "listen_addresses", "localhost"), port);
  postgresql["connect_address"] = with_port(facts.ip, server.port.empty() ? port : server.port);
  postgresql["bin_dir"] = server.bin_dir;
  json::object superuser;
  for (const auto& [key, value] : server.superuser) superuser[key] = value;
  postgresql["authentication"] = json::object{{"superuser", std::move(superuser)}, {"replication", json::object{{"username", kFixMe}, {"password", kFixMe}}}};
  if (!server.pg_hba.empty()) postgresql["pg_hba"] = lines(server.pg_hba);
  if (!server.pg_ident.empty()) postgresql["pg_ident"] = lines(server.pg_ident);
  json::object& dynamic = tree["bootstrap"].as_object()["dcs"].as_object()["postgresql"].as_object();
  dynamic["use_pg_rewind"] = parameter(server, "wal_log_hints", "on") != "off";
  overlay_environment(tree, facts);
  return written(tree);
}

}  // namespace matriarch::settings
