#include "consensus/server/translate.hpp"

#include "net/base64.hpp"

namespace matriarch::consensus::server {
namespace {

namespace json = boost::json;
using namespace machine;

constexpr int kMaxDepth = 8;  // nested transactions; the machine has its own, lower bound

KeyRange key_range(const JsonFields& fields) { return {.key = fields.bytes("key"), .end = fields.bytes("range_end")}; }

Compare compare_of(const JsonFields& fields) {
  Compare compare{.target = static_cast<Compare::Target>(
                      fields.choice("target", {"VERSION", "CREATE", "MOD", "VALUE", "LEASE"})),
                  .result = static_cast<Compare::Result>(
                      fields.choice("result", {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"})),
                  .keys = key_range(fields)};
  switch (compare.target) {
    case Compare::Target::kVersion: compare.number = fields.number("version"); break;
    case Compare::Target::kCreate: compare.number = fields.number("create_revision"); break;
    case Compare::Target::kMod: compare.number = fields.number("mod_revision"); break;
    case Compare::Target::kLease: compare.number = fields.number("lease"); break;
    case Compare::Target::kValue: compare.value = fields.bytes("value"); break;
  }
  return compare;
}

Transaction transaction_of(const json::object& object, std::optional<std::string>& error, int depth);

std::vector<Operation> operations(const JsonFields& fields, std::string_view name, std::optional<std::string>& error,
                                  int depth) {
  std::vector<Operation> operations;
  const auto* array = fields.array(name);
  if (array == nullptr) return operations;
  for (const auto& item : *array) {
    const auto* object = item.if_object();
    if (object == nullptr) {
      error = "an operation is not an object";
      break;
    }
    const JsonFields one(*object, error);
    if (const auto* put = one.object("request_put")) {
      operations.push_back({put_request(JsonFields(*put, error))});
    } else if (const auto* range = one.object("request_range")) {
      operations.push_back({range_request(JsonFields(*range, error))});
    } else if (const auto* deletion = one.object("request_delete_range")) {
      operations.push_back({delete_request(JsonFields(*deletion, error))});
    } else if (const auto* nested = one.object("request_txn"); nested != nullptr && depth < kMaxDepth) {
      operations.push_back({transaction_of(*nested, error, depth + 1)});
    } else if (!error) {
      error = "an operation is neither request_range, request_put, request_delete_range nor request_txn";
    }
    if (error) break;
  }
  return operations;
}

Transaction transaction_of(const json::object& object, std::optional<std::string>& error, int depth) {
  const JsonFields fields(object, error);
  Transaction result;
  if (const auto* compare = fields.array("compare")) {
    for (const auto& item : *compare) {
      if (const auto* one = item.if_object()) result.compare.push_back(compare_of(JsonFields(*one, error)));
      else error = "a comparison is not an object";
    }
  }
  result.success = operations(fields, "success", error, depth);
  result.failure = operations(fields, "failure", error, depth);
  return result;
}

json::object with_header(json::object answer, Revision revision) {
  json::object header;
  put_number(header, "revision", revision);
  answer["header"] = std::move(header);
  return answer;
}

}  // namespace

RangeRequest range_request(const JsonFields& fields) {
  return {.keys = key_range(fields),
          .limit = fields.number("limit"),
          .revision = fields.number("revision"),
          .order = static_cast<RangeRequest::Order>(fields.choice("sort_order", {"NONE", "ASCEND", "DESCEND"})),
          .target = static_cast<RangeRequest::Target>(
              fields.choice("sort_target", {"KEY", "VERSION", "CREATE", "MOD", "VALUE"})),
          .keys_only = fields.flag("keys_only"),
          .count_only = fields.flag("count_only"),
          .min_mod_revision = fields.number("min_mod_revision"),
          .max_mod_revision = fields.number("max_mod_revision"),
          .min_create_revision = fields.number("min_create_revision"),
          .max_create_revision = fields.number("max_create_revision")};
}

PutRequest put_request(const JsonFields& fields) {
  return {.key = fields.bytes("key"),
          .value = fields.bytes("value"),
          .lease = fields.number("lease"),
          .prev_kv = fields.flag("prev_kv"),
          .ignore_value = fields.flag("ignore_value"),
          .ignore_lease = fields.flag("ignore_lease")};
}

DeleteRequest delete_request(const JsonFields& fields) {
  return {.keys = key_range(fields), .prev_kv = fields.flag("prev_kv")};
}

Transaction transaction(const JsonFields& fields) { return transaction_of(fields.raw(), fields.error(), 0); }

Origin origin(const JsonFields& fields) {
  const auto* dedup = fields.object("dedup");
  if (dedup == nullptr) return {};
  const JsonFields inner(*dedup, fields.error());
  return {.client = inner.unsigned_number("client"), .sequence = inner.unsigned_number("sequence")};
}

WatchRequest watch_request(const JsonFields& fields) {
  WatchRequest request{.keys = key_range(fields),
                       .start_revision = fields.number("start_revision"),
                       .prev_kv = fields.flag("prev_kv"),
                       .progress_notify = fields.flag("progress_notify"),
                       .watch_id = fields.number("watch_id"),
                       .progress_interval_ms = fields.number("progress_interval_ms")};
  if (const auto* filters = fields.array("filters")) {
    for (const auto& filter : *filters) {
      if (filter == "NOPUT" || filter == 0) request.puts = false;
      else if (filter == "NODELETE" || filter == 1) request.deletes = false;
    }
  }
  return request;
}

void put_number(json::object& object, std::string_view name, std::int64_t value) {
  if (value != 0) object[name] = std::to_string(value);
}
void put_number(json::object& object, std::string_view name, std::uint64_t value) {
  if (value != 0) object[name] = std::to_string(value);
}

json::object to_json(const Header& header) {
  json::object object;
  put_number(object, "cluster_id", header.cluster_id);
  put_number(object, "member_id", header.member_id);
  put_number(object, "revision", header.revision);
  put_number(object, "raft_term", header.raft_term);
  return object;
}

json::object to_json(const KeyValue& kv, bool keys_only) {
  json::object object{{"key", net::base64_encode(kv.key)}};
  put_number(object, "create_revision", kv.create_revision);
  put_number(object, "mod_revision", kv.mod_revision);
  put_number(object, "version", kv.version);
  if (!kv.value.empty() && !keys_only) object["value"] = net::base64_encode(kv.value);
  put_number(object, "lease", kv.lease);
  return object;
}

json::object to_json(const RangeOutcome& outcome) {
  json::object object;
  if (!outcome.kvs.empty()) {
    json::array kvs;
    for (const auto& kv : outcome.kvs) kvs.push_back(to_json(*kv, outcome.keys_only));
    object["kvs"] = std::move(kvs);
  }
  if (outcome.more) object["more"] = true;
  put_number(object, "count", outcome.count);
  return object;
}

json::object to_json(const PutOutcome& outcome) {
  json::object object;
  if (outcome.previous) object["prev_kv"] = to_json(*outcome.previous);
  return object;
}

json::object to_json(const DeleteOutcome& outcome) {
  json::object object;
  put_number(object, "deleted", outcome.deleted);
  if (!outcome.previous.empty()) {
    json::array previous;
    for (const auto& kv : outcome.previous) previous.push_back(to_json(*kv));
    object["prev_kvs"] = std::move(previous);
  }
  return object;
}

json::object to_json(const TransactionOutcome& outcome, Revision revision) {
  json::object object;
  if (outcome.succeeded) object["succeeded"] = true;
  if (outcome.responses.empty()) return object;
  json::array responses;
  for (const auto& response : outcome.responses) {
    json::object one;
    if (const auto* range = std::get_if<RangeOutcome>(&response.what)) {
      one["response_range"] = with_header(to_json(*range), revision);
    } else if (const auto* put = std::get_if<PutOutcome>(&response.what)) {
      one["response_put"] = with_header(to_json(*put), revision);
    } else if (const auto* deletion = std::get_if<DeleteOutcome>(&response.what)) {
      one["response_delete_range"] = with_header(to_json(*deletion), revision);
    } else {
      one["response_txn"] = with_header(to_json(std::get<TransactionOutcome>(response.what), revision), revision);
    }
    responses.push_back(std::move(one));
  }
  object["responses"] = std::move(responses);
  return object;
}

json::object to_json(const Event& event, bool prev_kv) {
  json::object object;
  if (event.type == Event::Type::kDelete) object["type"] = "DELETE";
  object["kv"] = to_json(*event.now);
  if (prev_kv && event.previous) object["prev_kv"] = to_json(*event.previous);
  return object;
}

}  // namespace matriarch::consensus::server
