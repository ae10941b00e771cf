#include "settings/sections.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/address.hpp"
#include "settings/options.hpp"
#include "settings/reader.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;


// Both or none, as `authentication` of restapi and ctl.
std::pair<std::string, std::string> read_authentication(Reader& reader) {
  if (!reader.has("authentication")) return {};
  Reader authentication = reader.section("authentication");
  for (const char* key : {"username", "password"}) {
    if (!authentication.has(key)) authentication.missing(key);
  }
  return {authentication.text("username"), authentication.text("password")};
}

model::VerifyClient verify_client_of(const std::string& word) {
  if (word == "required") return model::VerifyClient::kRequired;
  if (word == "optional") return model::VerifyClient::kOptional;
  return model::VerifyClient::kNone;
}

void read_rest_addresses(Reader& reader, bool required, model::RestSettings& settings) {
  const auto listen = reader.address("listen", 0);
  if (!reader.has("listen") && required) reader.missing("listen");
  if (listen) settings.listen = *listen;
  settings.connect_address = settings.listen;
  if (const auto address = reader.address("connect_address", settings.listen.port)) settings.connect_address = *address;
  const std::string& host = settings.connect_address.host;
  if (listen && (host.empty() || host == "*" || host == "0.0.0.0" || host == "::")) {
    reader.complaints().push_back({.severity = Severity::kWarning,
                                   .path = reader.path_of("connect_address"),
                                   .wrong = "is not defined, and other members cannot reach restapi.listen by its address",
                                   .right = "set it to an address of this node"});
  }
}

void read_rest_tls(Reader& reader, model::RestSettings& settings) {
  settings.tls = {.certfile = reader.text("certfile"),
                  .keyfile = reader.text("keyfile"),
                  .keyfile_password = reader.text("keyfile_password"),
                  .cafile = reader.text("cafile"),
                  .ciphers = reader.text("ciphers")};
  settings.verify_client = verify_client_of(reader.word("verify_client", "none", {"none", "optional", "required"}));
  if (settings.verify_client != model::VerifyClient::kNone && !settings.tls.enabled()) {
    reader.warn("verify_client", "has no effect without restapi.certfile: clients are not verified");
  }
}

bool is_level(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kLevels{"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"};
  return std::find(kLevels.begin(), kLevels.end(), text) != kLevels.end();
}

// Python's names for what a log record says of itself.
bool is_record_field(std::string_view name) {
  static constexpr std::array<std::string_view, 17> kFields{"asctime", "levelname", "levelno", "message", "name", "module", "filename", "pathname", "funcName",
                                                            "lineno", "process", "processName", "thread", "threadName", "created", "msecs", "relativeCreated"};
  return std::find(kFields.begin(), kFields.end(), name) != kFields.end();
}

void warn_about_unknown_fields(Reader& reader, const model::LogSettings& settings) {
  const auto check = [&](std::string_view name) {
    if (!is_record_field(name)) reader.warn("format", fmt::format("names the field {}, which no log record has", name));
  };
  for (const auto& [field, name] : settings.fields) check(field);
  const std::string_view format = settings.format;
  for (auto begin = format.find("%("); begin != std::string_view::npos; begin = format.find("%(", begin + 2)) {
    const auto end = format.find(')', begin);
    if (end != std::string_view::npos) check(format.substr(begin + 2, end - begin - 2));
  }
}

// A list of field names and {field: name to print it under}.
std::vector<std::pair<std::string, std::string>> read_fields(Reader& reader, const json::array& list) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& item : list) {
    if (item.is_string()) {
      fields.emplace_back(item.get_string(), item.get_string());
    } else if (item.is_object() && item.get_object().size() == 1 && item.get_object().begin()->value().is_string()) {
      fields.emplace_back(item.get_object().begin()->key(), item.get_object().begin()->value().get_string());
    } else {
      reader.warn("format", "has an item that is neither a name nor a mapping of one name to another; it is left out");
    }
  }
  return fields;
}

void read_format(Reader& reader, model::LogSettings& settings) {
  const json::value* format = reader.find("format");
  if (format == nullptr) return;
  if (format->is_array() && settings.json) {
    settings.fields = read_fields(reader, format->get_array());
  } else if (format->is_structured()) {
    reader.warn("format", fmt::format("Expected log format to be a string when log type is plain, but got \"{}\"",
                                      format->is_array() ? "list" : "dict"));
  } else if (const std::string text = reader.text("format"); !text.empty()) {
    settings.format = text;
  }
  warn_about_unknown_fields(reader, settings);
}

void read_levels(Reader& reader, model::LogSettings& settings) {
  settings.level = reader.text("level", "INFO");
  if (!is_level(settings.level)) {
    reader.wrong("level", "is not known", "expected one of DEBUG, INFO, WARN, WARNING, ERROR, FATAL, CRITICAL");
  }
  settings.loggers = reader.mapping("loggers");
  for (const auto& [name, level] : settings.loggers) {
    if (is_level(level)) continue;
    reader.complaints().push_back({.path = fmt::format("{}.{}", reader.path_of("loggers"), name),
                                   .value = level,
                                   .wrong = "is not known",
                                   .right = "expected one of DEBUG, INFO, WARN, WARNING, ERROR, FATAL, CRITICAL"});
  }
}

model::WatchdogMode read_watchdog_mode(Reader& reader) {
  const json::value* value = reader.find("mode");
  if (value == nullptr) return model::WatchdogMode::kAutomatic;
  if (value->is_bool() && !value->get_bool()) return model::WatchdogMode::kOff;
  const std::string mode = lower_case(value->is_string() ? std::string(value->get_string()) : std::string());
  if (mode == "automatic" || mode == "auto") return model::WatchdogMode::kAutomatic;
  if (mode == "required" || mode == "require") return model::WatchdogMode::kRequired;
  if (mode != "off" && mode != "disable" && mode != "disabled") {
    reader.warn("mode", "is not known: the watchdog is off", "expected off, automatic or required");
  }
  return model::WatchdogMode::kOff;
}

void warn_of_contradiction(Reader& reader, const char* tag, const char* priority) {
  const json::value* flag = reader.find(tag);
  const json::value* number = reader.find(priority);
  if (flag == nullptr || number == nullptr) return;
  const bool excluded = flag->is_string() ? parse_bool(*flag).value_or(true) : is_truthy(*flag);
  const std::int64_t value = parse_int(*number).value_or(1);
  if (excluded == (value <= 0)) return;
  reader.complaints().push_back({.severity = Severity::kWarning,
                                 .path = "tags",
                                 .wrong = fmt::format("Conflicting configuration between {0}: {1} and {2}: {3}. Defaulting to {0}: {1}", tag,
                                                      model::comparison_text(*flag), priority, model::comparison_text(*number))});
}

constexpr std::array<std::string_view, 5> kForbiddenInitdb{"pgdata", "nosync", "pwfile", "sync-only", "version"};

model::Options read_initdb(Reader& reader) {
  const json::value* value = reader.find("initdb");
  if (value == nullptr) return {};
  ParsedOptions parsed = parse_options(*value, "initdb", kForbiddenInitdb);
  for (std::string& error : parsed.errors) reader.complaints().push_back({.path = reader.path_of("initdb"), .wrong = std::move(error)});
  return std::move(parsed.options);
}

void read_custom_method(Reader& bootstrap, model::BootstrapSettings& settings) {
  Reader reader = bootstrap.section(settings.method);
  settings.command = reader.text("command");
  if (settings.command.empty()) {
    bootstrap.wrong("method", fmt::format("names a method without a command: {}.command is not defined", bootstrap.path_of(settings.method)),
                    "an empty cluster in place of a restored one would be the worst outcome");
    return;
  }
  settings.no_params = reader.flag("no_params");
  settings.keep_existing_recovery_conf = reader.flag("keep_existing_recovery_conf");
  settings.recovery_conf = reader.mapping("recovery_conf");
  for (const auto& [key, value] : reader.object()) {
    if (key == "command" || key == "no_params" || key == "keep_existing_recovery_conf" || key == "recovery_conf" || value.is_null()) continue;
    if (value.is_structured()) reader.wrong(key, "is not a string");
    else settings.parameters.emplace_back(key, model::comparison_text(value));
  }
}

}  // namespace

model::RestSettings read_restapi(const json::object& local, bool required, Complaints& complaints) {
  Reader reader(local.if_contains("restapi"), "restapi", complaints);
  model::RestSettings settings;
  read_rest_addresses(reader, required, settings);
  std::tie(settings.username, settings.password) = read_authentication(reader);
  read_rest_tls(reader, settings);
  settings.allowlist = reader.texts_or_commas("allowlist");
  settings.allowlist_include_members = reader.flag("allowlist_include_members");
  settings.http_extra_headers = reader.mapping("http_extra_headers");
  settings.https_extra_headers = reader.mapping("https_extra_headers");
  settings.request_queue_size = static_cast<int>(reader.number("request_queue_size", 5, 0, 4096));
  settings.server_tokens = reader.word("server_tokens", "original", {"original", "minimal", "productonly"});
  return settings;
}

model::CtlSettings read_ctl(const json::object& local, const model::RestSettings& restapi, Complaints& complaints) {
  Reader reader(local.if_contains("ctl"), "ctl", complaints);
  model::CtlSettings settings{.username = restapi.username, .password = restapi.password};
  if (reader.has("authentication")) std::tie(settings.username, settings.password) = read_authentication(reader);
  settings.insecure = reader.flag("insecure");
  settings.cacert = reader.text("cacert", restapi.tls.cafile);
  settings.certfile = reader.text("certfile");
  settings.keyfile = reader.text("keyfile");
  settings.keyfile_password = reader.text("keyfile_password");
  return settings;
}

model::LogSettings read_log(const json::object& local, Complaints& complaints) {
  Reader reader(local.if_contains("log"), "log", complaints);
  model::LogSettings settings;
  settings.json = reader.word("type", "plain", {"plain", "json"}) == "json";
  read_levels(reader, settings);
  settings.details_only_at_debug = reader.word("traceback_level", "error", {"debug", "error"}) == "debug";
  read_format(reader, settings);
  settings.dateformat = reader.text("dateformat");
  settings.static_fields = reader.mapping("static_fields");
  settings.max_queue_size = static_cast<std::size_t>(reader.number("max_queue_size", 1000, 0, kMostInt));
  settings.dir = reader.text("dir");
  settings.file_size = reader.number("file_size", 25'000'000, 0, std::int64_t{1} << 50);
  settings.file_num = static_cast<int>(reader.number("file_num", 4, 0, 10'000));
  if (reader.has("mode")) settings.mode = static_cast<unsigned>(reader.number("mode", 0640, 0, 0777));
  settings.deduplicate_heartbeat_logs = reader.flag("deduplicate_heartbeat_logs");
  return settings;
}

model::WatchdogSettings read_watchdog(const json::object& local, Complaints& complaints) {
  Reader reader(local.if_contains("watchdog"), "watchdog", complaints);
  model::WatchdogSettings settings;
  settings.mode = read_watchdog_mode(reader);
  settings.device = reader.text("device", "/dev/watchdog");
  settings.driver = reader.word("driver", "default", {"default", "testing"});
  settings.safety_margin = std::chrono::seconds(reader.number("safety_margin", 5, -1, 1'000'000));
  return settings;
}

model::Tags read_tags(const json::object& local, Complaints& complaints) {
  Reader reader(local.if_contains("tags"), "tags", complaints);
  model::Tags tags{.custom = reader.object()};
  for (const char* tag : {"nofailover", "nosync", "noloadbalance", "clonefrom", "nostream"}) {
    if (reader.find(tag) != nullptr && reader.find(tag)->is_string()) reader.flag(tag);  // for its warning
  }
  for (const char* priority : {"failover_priority", "sync_priority"}) {
    if (reader.has(priority) && !parse_int(*reader.find(priority))) reader.warn(priority, "is not an integer and counts as 1");
  }
  warn_of_contradiction(reader, "nofailover", "failover_priority");
  warn_of_contradiction(reader, "nosync", "sync_priority");
  return tags;
}

std::optional<model::BootstrapSettings> read_bootstrap(const json::object& local, Complaints& complaints) {
  const json::value* section = local.if_contains("bootstrap");
  if (section == nullptr) return std::nullopt;
  Reader reader(section, "bootstrap", complaints);
  model::BootstrapSettings settings;
  if (const json::value* dcs = reader.find("dcs"); dcs != nullptr && dcs->is_object()) settings.dcs = dcs->get_object();
  settings.method = reader.text("method", "initdb");
  if (settings.method != "initdb") read_custom_method(reader, settings);
  settings.initdb = read_initdb(reader);
  settings.pg_hba = reader.texts("pg_hba");
  settings.post_bootstrap = reader.text("post_bootstrap", reader.has("post_bootstrap") ? "" : reader.text("post_init"));
  return settings;
}

}  // namespace matriarch::settings
