#include "store/etcd/wire.hpp"

#include <charconv>

#include "net/base64.hpp"

namespace matriarch::store::etcd {
namespace {

namespace json = boost::json;

json::string base64(std::string_view bytes) { return json::string(net::base64_encode(bytes)); }
json::string decimal(std::int64_t number) { return json::string(std::to_string(number)); }

json::object operation(std::string_view kind, json::object request) {
  json::object operation;
  operation[kind] = std::move(request);
  return operation;
}

template <typename Number>
Number number_of(const json::object& message, std::string_view name) {
  const auto* value = message.if_contains(name);
  if (!value) return 0;
  if (value->is_string()) {
    const auto& text = value->get_string();
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : 0;
  }
  json::error_code not_a_number;
  const auto number = value->to_number<Number>(not_a_number);
  return not_a_number ? 0 : number;
}

}  // namespace

std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');  // to the end of all keys
  ++prefix.back();
  return prefix;
}

json::object range(std::string_view key) { return {{"key", base64(key)}}; }
json::object range_of_prefix(std::string_view prefix) {
  return {{"key", base64(prefix)}, {"range_end", base64(end_of_prefix(std::string(prefix)))}};
}
json::object put(std::string_view key, std::string_view value, std::int64_t lease) {
  json::object request{{"key", base64(key)}, {"value", base64(value)}};
  if (lease != 0) request["lease"] = decimal(lease);
  return request;
}
json::object delete_key(std::string_view key) { return range(key); }
json::object delete_prefix(std::string_view prefix) { return range_of_prefix(prefix); }

json::object watch_prefix(std::string_view prefix, std::int64_t start_revision, std::chrono::milliseconds progress_interval) {
  json::object request = range_of_prefix(prefix);
  request["start_revision"] = decimal(start_revision);
  request["progress_notify"] = true;
  request["progress_interval_ms"] = decimal(progress_interval.count());
  return operation("create_request", std::move(request));
}

json::object is_absent(std::string_view key) { return {{"target", "CREATE"}, {"create_revision", "0"}, {"key", base64(key)}}; }
json::object has_mod_revision(std::string_view key, std::int64_t revision) {
  return {{"target", "MOD"}, {"mod_revision", decimal(revision)}, {"key", base64(key)}};
}
json::object has_value(std::string_view key, std::string_view value) { return {{"target", "VALUE"}, {"value", base64(value)}, {"key", base64(key)}}; }

json::object Transaction::body() && {
  json::object request;
  if (!compare.empty()) request["compare"] = std::move(compare);
  if (!success.empty()) request["success"] = std::move(success);
  if (!failure.empty()) request["failure"] = std::move(failure);
  return request;
}
json::object op_range(json::object request) { return operation("request_range", std::move(request)); }
json::object op_put(json::object request) { return operation("request_put", std::move(request)); }
json::object op_delete(json::object request) { return operation("request_delete_range", std::move(request)); }

std::int64_t number_in(const json::object& message, std::string_view name) { return number_of<std::int64_t>(message, name); }
std::uint64_t unsigned_in(const json::object& message, std::string_view name) { return number_of<std::uint64_t>(message, name); }

bool flag_in(const json::object& message, std::string_view name) {
  const auto* value = message.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

std::string text_in(const json::object& message, std::string_view name) {
  const auto* value = message.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object& object_in(const json::object& message, std::string_view name) {
  static const json::object kNone;
  const auto* value = message.if_contains(name);
  return value && value->is_object() ? value->get_object() : kNone;
}

const json::array& array_in(const json::object& message, std::string_view name) {
  static const json::array kNone;
  const auto* value = message.if_contains(name);
  return value && value->is_array() ? value->get_array() : kNone;
}

Header header_of(const json::object& message) {
  const json::object& header = object_in(message, "header");
  return {.cluster_id = unsigned_in(header, "cluster_id"), .revision = number_in(header, "revision"), .raft_term = unsigned_in(header, "raft_term")};
}

std::optional<KeyValue> key_value_of(const json::object& message) {
  auto key = net::base64_decode(text_in(message, "key"));
  auto value = net::base64_decode(text_in(message, "value"));
  if (!key || !value || key->empty()) return std::nullopt;
  return KeyValue{.key = std::move(*key),
                  .value = std::move(*value),
                  .create_revision = number_in(message, "create_revision"),
                  .mod_revision = number_in(message, "mod_revision"),
                  .lease = number_in(message, "lease")};
}

std::vector<KeyValue> key_values_of(const json::object& range_answer) {
  std::vector<KeyValue> found;
  for (const json::value& element : array_in(range_answer, "kvs")) {
    if (!element.is_object()) continue;
    if (auto kv = key_value_of(element.get_object())) found.push_back(std::move(*kv));
  }
  return found;
}

const json::object& response_in(const json::object& txn_answer, std::size_t index, std::string_view kind) {
  static const json::object kNone;
  const json::array& responses = array_in(txn_answer, "responses");
  if (index >= responses.size() || !responses[index].is_object()) return kNone;
  return object_in(responses[index].get_object(), kind);
}

WatchMessage watch_message_of(const json::object& message) {
  WatchMessage read;
  if (message.contains("error")) {
    read.canceled = true;
    read.reason = text_in(object_in(message, "error"), "message");
    if (read.reason.empty()) read.reason = text_in(message, "error");
    return read;
  }
  const json::object& result = object_in(message, "result");
  read.header = header_of(result);
  read.created = flag_in(result, "created");
  read.compact_revision = number_in(result, "compact_revision");
  read.canceled = flag_in(result, "canceled") || read.compact_revision != 0;
  read.reason = text_in(result, "cancel_reason");
  for (const json::value& element : array_in(result, "events")) {
    if (!element.is_object()) continue;
    const json::object& event = element.get_object();
    auto kv = key_value_of(object_in(event, "kv"));
    if (kv) read.events.push_back({.is_delete = text_in(event, "type") == "DELETE", .kv = std::move(*kv)});
  }
  return read;
}

}  // namespace matriarch::store::etcd
