// The values of the key-value machine: keys with their revisions, leases, events. Names and meaning are etcd's (v3).
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::consensus::machine {

// Counts the writes of the whole store; 1 is the empty store, every write (or transaction that writes) adds one.
using Revision = std::int64_t;
// Positive; chosen by who proposes the grant, so that applying it is deterministic. 0 = no lease.
using LeaseId = std::int64_t;
// Counts the commands applied, whether or not they changed a key: the order of the log as the machine sees it.
using Step = std::uint64_t;

struct KeyValue {
  std::string key;
  std::string value;
  Revision create_revision = 0;
  Revision mod_revision = 0;
  std::int64_t version = 0;  // writes since the key was created, 1 for the first
  LeaseId lease = 0;
  bool operator==(const KeyValue&) const = default;
};

// Versions of a key never change once written, so the present state, the history and answers share them.
using Stored = std::shared_ptr<const KeyValue>;

struct Event {
  enum class Type : std::uint8_t { kPut, kDelete };
  Type type = Type::kPut;
  Stored now;       // kDelete: the key, and the revision of the deletion as mod_revision; no value
  Stored previous;  // null when the key did not exist
};

// All events of one revision, in the order they happened.
struct Change {
  Revision revision = 0;
  std::vector<Event> events;
};

// A set of keys as etcd names it: an empty `end` is the single key `key`; an `end` of one zero byte is every key from
// `key` on; otherwise the keys in [key, end).
struct KeyRange {
  std::string key;
  std::string end = {};

  bool is_single() const { return end.empty(); }
  bool is_open_ended() const { return end.size() == 1 && end[0] == '\0'; }
  bool contains(std::string_view candidate) const {
    if (is_single()) return candidate == key;
    return candidate >= key && (is_open_ended() || candidate < end);
  }
  bool operator==(const KeyRange&) const = default;
};

struct Lease {
  LeaseId id = 0;
  std::int64_t ttl_ms = 0;
  // When it was last kept alive, as the log counts: an expiry that names an older step came too late.
  Step kept_alive_at = 0;
  std::set<std::string, std::less<>> keys = {};
  bool operator==(const Lease&) const = default;
};

// A member of the cluster as clients and operators know it. What Raft knows of it (id, address, role) is Raft's.
struct Node {
  std::uint64_t raft_id = 0;
  std::string name;
  std::string raft_address;
  std::vector<std::string> client_urls = {};
  std::uint32_t feature_level = 0;
  bool is_witness = false;
  bool operator==(const Node&) const = default;
};

// The same on every node and for ever within one feature level: a limit that differs would make the copies differ.
struct Limits {
  std::size_t max_key_bytes = 4096;
  std::size_t max_value_bytes = 1u << 20;
  std::size_t max_keys = 16384;
  std::size_t max_bytes = 16u << 20;  // keys and values of the present state
  std::size_t max_leases = 4096;
  std::size_t max_operations = 128;  // of one transaction, nested ones counted
  std::size_t max_depth = 4;
  std::size_t max_events = 1024;           // of the history
  std::size_t max_history_bytes = 1u << 20;
  std::size_t max_dedup_clients = 128;
  std::size_t max_dedup_outcomes = 64;       // remembered answers of one client
  std::size_t max_dedup_outcome_bytes = 4096;  // a longer answer is remembered only as "was done"
  std::size_t max_nodes = 64;
  std::int64_t min_ttl_ms = 100;
  std::int64_t max_ttl_ms = 9'000'000'000'000;  // etcd's bound
  bool operator==(const Limits&) const = default;
};

}  // namespace matriarch::consensus::machine
