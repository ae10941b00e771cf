// etcd v3's messages as its HTTP/JSON gateway spells them: base64 for bytes, decimal text for 64-bit numbers, zero and
// empty fields left out. Pure; reading is tolerant, so that any answer yields a value.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::store::etcd {

struct Header {
  std::uint64_t cluster_id = 0;
  std::int64_t revision = 0;
  std::uint64_t raft_term = 0;
  bool operator==(const Header&) const = default;
};

struct KeyValue {
  std::string key, value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t lease = 0;
  bool operator==(const KeyValue&) const = default;
};

// ---- requests ------------------------------------------------------------------------------------------------------

// The first key after all that begin with `prefix`.
std::string end_of_prefix(std::string prefix);

boost::json::object range(std::string_view key);
boost::json::object range_of_prefix(std::string_view prefix);
boost::json::object put(std::string_view key, std::string_view value, std::int64_t lease = 0);
boost::json::object delete_key(std::string_view key);
boost::json::object delete_prefix(std::string_view prefix);
// The interval is for our own store; etcd has one of its own (ten minutes).
boost::json::object watch_prefix(std::string_view prefix, std::int64_t start_revision, std::chrono::milliseconds progress_interval);

// Comparisons. An absent key has the create and mod revision 0.
boost::json::object is_absent(std::string_view key);
boost::json::object has_mod_revision(std::string_view key, std::int64_t revision);
boost::json::object has_value(std::string_view key, std::string_view value);

struct Transaction {
  boost::json::array compare = {}, success = {}, failure = {};
  boost::json::object body() &&;
};
// Operations inside a transaction.
boost::json::object op_range(boost::json::object request);
boost::json::object op_put(boost::json::object request);
boost::json::object op_delete(boost::json::object request);

// ---- answers -------------------------------------------------------------------------------------------------------

// A number given as decimal text or as a number; 0 for anything else.
std::int64_t number_in(const boost::json::object& message, std::string_view name);
std::uint64_t unsigned_in(const boost::json::object& message, std::string_view name);
bool flag_in(const boost::json::object& message, std::string_view name);
std::string text_in(const boost::json::object& message, std::string_view name);
// An empty object when there is none.
const boost::json::object& object_in(const boost::json::object& message, std::string_view name);
const boost::json::array& array_in(const boost::json::object& message, std::string_view name);

Header header_of(const boost::json::object& message);
// Nothing when the key is not base64.
std::optional<KeyValue> key_value_of(const boost::json::object& message);
std::vector<KeyValue> key_values_of(const boost::json::object& range_answer);
// The answer of the n-th operation of a transaction, by its kind: "response_range", "response_txn", ...
const boost::json::object& response_in(const boost::json::object& txn_answer, std::size_t index, std::string_view kind);

struct WatchEvent {
  bool is_delete = false;
  KeyValue kv;
};
struct WatchMessage {
  Header header;
  bool created = false;
  bool canceled = false;
  std::int64_t compact_revision = 0;
  std::string reason;              // of a cancellation or an error
  std::vector<WatchEvent> events;  // none and not created: a sign of life
};
WatchMessage watch_message_of(const boost::json::object& message);

}  // namespace matriarch::store::etcd
