#include "settings/environment.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string_view>

#include "model/json_merge.hpp"
#include "settings/support.hpp"
#include "settings/values.hpp"
#include "settings/yaml.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

enum class Reading { kText, kInt, kReal, kBool, kList, kMapping, kFormat };

std::string_view word_of(Reading reading) {
  switch (reading) {
    case Reading::kText: return "text";
    case Reading::kInt: return "integer";
    case Reading::kReal: return "number";
    case Reading::kBool: return "boolean";
    case Reading::kList: return "list";
    case Reading::kMapping: return "mapping";
    case Reading::kFormat: return "text or list";
  }
  return {};
}

// One variable without its prefix, and the key it sets.
struct Rule {
  std::string name;
  std::string path;
  Reading reading = Reading::kText;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    result.emplace_back(text.substr(0, blank));
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  }
  return result;
}

struct FixedSection {
  std::string_view name, path, keys;
  Reading reading = Reading::kText;
};

// PATRONI_<name>_<KEY> sets <path>.<key>.
constexpr std::array kFixed = std::to_array<FixedSection>({
    {"LOG", "log", "TYPE LEVEL TRACEBACK_LEVEL DATEFORMAT DIR"},
    {"LOG", "log", "FORMAT", Reading::kFormat},
    {"LOG", "log", "MAX_QUEUE_SIZE FILE_SIZE FILE_NUM MODE", Reading::kInt},
    {"LOG", "log", "DEDUPLICATE_HEARTBEAT_LOGS", Reading::kBool},
    {"LOG", "log", "STATIC_FIELDS LOGGERS", Reading::kMapping},
    {"RESTAPI", "restapi", "LISTEN CONNECT_ADDRESS CERTFILE KEYFILE KEYFILE_PASSWORD CAFILE CIPHERS VERIFY_CLIENT SERVER_TOKENS"},
    {"RESTAPI", "restapi", "ALLOWLIST", Reading::kList},
    {"RESTAPI", "restapi", "HTTP_EXTRA_HEADERS HTTPS_EXTRA_HEADERS", Reading::kMapping},
    {"RESTAPI", "restapi", "ALLOWLIST_INCLUDE_MEMBERS", Reading::kBool},
    {"RESTAPI", "restapi", "REQUEST_QUEUE_SIZE THREAD_POOL_SIZE", Reading::kInt},
    {"RESTAPI", "restapi.authentication", "USERNAME PASSWORD"},
    {"CTL", "ctl", "INSECURE", Reading::kBool},
    {"CTL", "ctl", "CACERT CERTFILE KEYFILE KEYFILE_PASSWORD"},
    {"CTL", "ctl.authentication", "USERNAME PASSWORD"},
    {"POSTGRESQL_BIN", "postgresql.bin_name", "PG_CTL INITDB PG_CONTROLDATA PG_BASEBACKUP POSTGRES PG_ISREADY PG_REWIND"},
    {"POSTGRESQL", "postgresql", "LISTEN CONNECT_ADDRESS PROXY_ADDRESS CONFIG_DIR DATA_DIR PGPASS BIN_DIR"},
    {"RAFT", "raft", "DATA_DIR SELF_ADDR PASSWORD BIND_ADDR"},
    {"RAFT", "raft", "PARTNER_ADDRS", Reading::kList},
    {"RAFT", "raft",
     "MIN_TIMEOUT MAX_TIMEOUT CONNECTION_TIMEOUT APPEND_ENTRIES_PERIOD CONNECTION_RETRY_TIME LEADER_FALLBACK_TIMEOUT", Reading::kReal},
    {"EMBEDDED", "embedded", "DATA_DIR LISTEN ADVERTISE CLIENT_LISTEN SECRET CERTFILE KEYFILE KEYFILE_PASSWORD CAFILE"},
    {"EMBEDDED", "embedded", "PEERS", Reading::kList},
    {"EMBEDDED", "embedded", "TWO_VOTERS_WITHOUT_WITNESS", Reading::kBool},
});

constexpr std::string_view kCredentialKeys =
    "USERNAME PASSWORD SSLMODE SSLCERT SSLKEY SSLPASSWORD SSLROOTCERT SSLCRL SSLCRLDIR GSSENCMODE CHANNEL_BINDING SSLNEGOTIATION";

// Names that go to another key than the pattern says: old ones, documented but misspelt ones.
const std::array kSingle = std::to_array<Rule>({
    {"NAME", "name"},
    {"SCOPE", "scope"},
    {"NAMESPACE", "namespace"},
    {"THREAD_POOL_SIZE", "thread_pool_size", Reading::kInt},
    {"THREAD_STACK_SIZE", "thread_stack_size", Reading::kText},
    {"LOGLEVEL", "log.level"},
    {"LOGFORMAT", "log.format", Reading::kFormat},
    {"LOG_DATEFMT", "log.dateformat"},
    {"POSTGRESQL_BIN_IS_READY", "postgresql.bin_name.pg_isready"},
    {"RETRIABLE_HTTP_CODES", "kubernetes.retriable_http_codes", Reading::kList},
});

std::vector<Rule> make_fixed_rules() {
  // The later of two rules for one key wins: the true names stand below their aliases.
  std::vector<Rule> rules(kSingle.begin(), kSingle.end());
  for (const FixedSection& section : kFixed) {
    for (const std::string& key : words(section.keys)) {
      rules.push_back({fmt::format("{}_{}", section.name, key), fmt::format("{}.{}", section.path, lower_case(key)), section.reading});
    }
  }
  for (const char* role : {"REPLICATION", "SUPERUSER", "REWIND"}) {
    for (const std::string& key : words(kCredentialKeys)) {
      rules.push_back({fmt::format("{}_{}", role, key), fmt::format("postgresql.authentication.{}.{}", lower_case(role), lower_case(key))});
    }
  }
  return rules;
}

// PATRONI_<SECTION>_<SUFFIX>: the stores, and Citus.
constexpr std::array<std::string_view, 7> kPatternSections{"CONSUL", "ETCD", "ETCD3", "EXHIBITOR", "KUBERNETES", "ZOOKEEPER", "CITUS"};

struct SuffixGroup {
  std::string_view suffixes;
  Reading reading;
};
constexpr std::array kSuffixes = std::to_array<SuffixGroup>({
    {"PORT POLL_INTERVAL", Reading::kInt},
    {"HOSTS PORTS CHECKS SERVICE_TAGS RETRIABLE_HTTP_CODES", Reading::kList},
    {"LABELS SET_ACLS AUTH_DATA BOOTSTRAP_LABELS", Reading::kMapping},
    {"USE_PROXIES REGISTER_SERVICE USE_ENDPOINTS BYPASS_API_SERVICE VERIFY USE_SSL", Reading::kBool},
    {"HOST PROTOCOL SCHEME SRV SRV_SUFFIX URL PROXY CACERT CERT KEY TOKEN DC CONSISTENCY SERVICE_CHECK_INTERVAL "
     "SERVICE_CHECK_TLS_SERVER_NAME NAMESPACE CONTEXT SCOPE_LABEL ROLE_LABEL POD_IP KEY_PASSWORD LEADER_LABEL_VALUE "
     "FOLLOWER_LABEL_VALUE STANDBY_LEADER_LABEL_VALUE TMP_ROLE_LABEL",
     Reading::kText},
});

bool is_known_path(const std::string& path) {
  return find_key(local_keys(), path) != nullptr || find_key(local_keys(), path + ".any") != nullptr;
}

// Only what the section knows: Patroni also makes consul.labels and the like, and with them sections nobody meant.
std::vector<Rule> make_pattern_rules() {
  std::vector<Rule> rules;
  for (const std::string_view section : kPatternSections) {
    if (section == "CITUS") {
      rules.push_back({"CITUS_GROUP", "citus.group", Reading::kInt});
      rules.push_back({"CITUS_DATABASE", "citus.database"});
      continue;
    }
    for (const SuffixGroup& group : kSuffixes) {
      for (const std::string& suffix : words(group.suffixes)) {
        std::string path = fmt::format("{}.{}", lower_case(section), lower_case(suffix));
        if (is_known_path(path)) rules.push_back({fmt::format("{}_{}", section, suffix), std::move(path), group.reading});
      }
    }
  }
  return rules;
}

// Only where the section exists.
const std::array kStoreCredentials = std::to_array<Rule>({
    {"ETCD_USERNAME", "etcd.username"},
    {"ETCD_PASSWORD", "etcd.password"},
    {"ETCD3_USERNAME", "etcd3.username"},
    {"ETCD3_PASSWORD", "etcd3.password"},
});

std::optional<json::value> parsed(const std::string& text) {
  auto document = parse_yaml(text, "");
  if (!document) return std::nullopt;
  return std::move(document->value);
}

// "a:1,b:2" becomes [a:1,b:2]; what begins like a list is one.
std::optional<json::value> as_list(std::string_view text) {
  text = trimmed(text);
  const bool is_list = text.starts_with('-') || text.find('[') != std::string_view::npos;
  auto value = parsed(is_list ? std::string(text) : fmt::format("[{}]", text));
  if (!value || !value->is_array()) return std::nullopt;
  return value;
}

std::optional<json::value> as_mapping(std::string_view text) {
  text = trimmed(text);
  auto value = parsed(text.starts_with('{') ? std::string(text) : fmt::format("{{{}}}", text));
  if (!value || !value->is_object()) return std::nullopt;
  return value;
}

// A format without "%(name)" is a list of fields.
std::optional<json::value> as_format(const std::string& text) {
  const std::size_t percent = text.find("%(");
  if (percent != std::string::npos && text.find(')', percent) != std::string::npos) return json::string(text);
  return as_list(text);
}

std::optional<json::value> convert(const std::string& text, Reading reading) {
  switch (reading) {
    case Reading::kText: return json::string(text);
    case Reading::kInt: {
      const auto number = parse_int(json::string(text));
      return number ? std::optional<json::value>(*number) : std::nullopt;
    }
    case Reading::kReal: {
      const auto number = parse_real(json::string(text));
      return number ? std::optional<json::value>(*number) : std::nullopt;
    }
    case Reading::kBool: {
      const auto flag = parse_bool(json::string(text));
      return flag ? std::optional<json::value>(*flag) : std::nullopt;
    }
    case Reading::kList: return as_list(text);
    case Reading::kMapping: return as_mapping(text);
    case Reading::kFormat: return as_format(text);
  }
  return std::nullopt;
}

void set_at(json::object& tree, std::string_view path, json::value value) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) {
    tree[path] = std::move(value);
    return;
  }
  json::value& below = tree[path.substr(0, dot)];
  if (!below.is_object()) below = json::object{};
  set_at(below.get_object(), path.substr(dot + 1), std::move(value));
}

class Collector {
 public:
  Collector(const Environment& environment, FromEnvironment& result) : environment_(environment), result_(result) {}

  void apply(const Rule& rule) {
    const auto [variable, text] = find(rule.name);
    if (variable.empty()) return;
    auto value = convert(text, rule.reading);
    if (!value) {
      warn(variable, rule.path, fmt::format("is not usable as {} and is ignored", word_of(rule.reading)), text);
      return;
    }
    set_at(result_.tree, rule.path, std::move(*value));
    result_.origins[rule.path] = variable;
  }

  // What is left with our prefix and looks like a setting, but is none.
  void warn_about_unknown_keys() {
    for (const auto& [variable, text] : environment_) {
      if (!variable.starts_with("PATRONI_") || known_.contains(variable) || variable == "PATRONI_CONFIGURATION") continue;
      const std::string_view rest = std::string_view(variable).substr(8);
      const std::size_t underscore = rest.find('_');
      if (underscore == std::string_view::npos || !is_suffix(rest.substr(underscore + 1))) continue;
      result_.complaints.push_back({.severity = Severity::kWarning,
                                    .wrong = "names no key of the configuration and is ignored",
                                    .where = fmt::format("environment variable {}", variable)});
    }
  }

 private:
  // MATRIARCH_X counts where PATRONI_X is not set. Both are consumed.
  std::pair<std::string, std::string> find(const std::string& name) {
    std::pair<std::string, std::string> found;
    for (const char* prefix : {"MATRIARCH_", "PATRONI_"}) {
      const std::string variable = prefix + name;
      const auto entry = environment_.find(variable);
      if (entry == environment_.end()) continue;
      if (known_.insert(variable).second) result_.consumed.push_back(variable);
      if (!entry->second.empty()) found = {variable, entry->second};
    }
    return found;
  }

  static bool is_suffix(std::string_view suffix) {
    for (const SuffixGroup& group : kSuffixes) {
      const auto names = words(group.suffixes);
      if (std::find(names.begin(), names.end(), suffix) != names.end()) return true;
    }
    return false;
  }

  void warn(const std::string& variable, const std::string& path, std::string wrong, const std::string& text) {
    result_.complaints.push_back({.severity = Severity::kWarning,
                                  .path = path,
                                  .value = shown_value(path, json::string(text)),
                                  .wrong = std::move(wrong),
                                  .where = fmt::format("environment variable {}", variable)});
  }

  const Environment& environment_;
  FromEnvironment& result_;
  std::set<std::string> known_;
};

bool has_section(const json::object& tree, std::string_view name) {
  const json::value* section = tree.if_contains(name);
  return section != nullptr && !section->is_null();
}

}  // namespace

FromEnvironment read_environment(const Environment& environment, const json::object& file) {
  static const std::vector<Rule> fixed_rules = make_fixed_rules();
  static const std::vector<Rule> pattern_rules = make_pattern_rules();
  FromEnvironment result;
  Collector collector(environment, result);
  for (const Rule& rule : fixed_rules) collector.apply(rule);
  for (const Rule& rule : pattern_rules) collector.apply(rule);
  for (const Rule& rule : kStoreCredentials) {
    const std::string_view section = std::string_view(rule.path).substr(0, rule.path.find('.'));
    if (has_section(file, section) || has_section(result.tree, section)) collector.apply(rule);
  }
  collector.warn_about_unknown_keys();
  if (environment.contains("PATRONI_CONFIGURATION")) result.consumed.push_back("PATRONI_CONFIGURATION");
  return result;
}

std::vector<Variable> known_variables() {
  std::vector<Variable> result{{"PATRONI_CONFIGURATION", "", "the whole configuration as YAML"}};
  const auto add = [&](const Rule& rule) { result.push_back({"PATRONI_" + rule.name, rule.path, word_of(rule.reading)}); };
  for (const Rule& rule : make_fixed_rules()) add(rule);
  for (const Rule& rule : make_pattern_rules()) add(rule);
  for (const Rule& rule : kStoreCredentials) add(rule);
  return result;
}

}  // namespace matriarch::settings
