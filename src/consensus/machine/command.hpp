// What can be asked of the machine: reads, and the commands that go through the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "consensus/machine/types.hpp"

namespace matriarch::consensus::machine {

struct RangeRequest {
  KeyRange keys;
  std::int64_t limit = 0;     // 0 = all
  Revision revision = 0;      // 0 = latest; any other than the latest is refused (this is not a full MVCC store)
  enum class Order : std::uint8_t { kNone, kAscending, kDescending };
  enum class Target : std::uint8_t { kKey, kVersion, kCreate, kMod, kValue };
  Order order = Order::kNone;
  Target target = Target::kKey;
  bool keys_only = false;
  bool count_only = false;
  // Bounds on revisions, inclusive; 0 = none.
  Revision min_mod_revision = 0;
  Revision max_mod_revision = 0;
  Revision min_create_revision = 0;
  Revision max_create_revision = 0;
  bool operator==(const RangeRequest&) const = default;
};

struct PutRequest {
  std::string key;
  std::string value = {};
  LeaseId lease = 0;
  bool prev_kv = false;
  bool ignore_value = false;  // keep the present value; the key must exist
  bool ignore_lease = false;  // keep the present lease; the key must exist
  bool operator==(const PutRequest&) const = default;
};

struct DeleteRequest {
  KeyRange keys;
  bool prev_kv = false;
  bool operator==(const DeleteRequest&) const = default;
};

struct Compare {
  enum class Target : std::uint8_t { kVersion, kCreate, kMod, kValue, kLease };
  enum class Result : std::uint8_t { kEqual, kGreater, kLess, kNotEqual };
  Target target = Target::kVersion;
  Result result = Result::kEqual;
  KeyRange keys;
  std::int64_t number = 0;  // for every target but kValue
  std::string value = {};
  bool operator==(const Compare&) const = default;
};

struct Operation;

// When every comparison holds the operations of `success` are carried out, else those of `failure`; all at one
// revision, or none at all when one of them is refused. Comparisons see the state before the transaction.
struct Transaction {
  std::vector<Compare> compare;
  std::vector<Operation> success;
  std::vector<Operation> failure;
  bool operator==(const Transaction&) const;
};

struct Operation {
  std::variant<RangeRequest, PutRequest, DeleteRequest, Transaction> what;
  bool operator==(const Operation&) const = default;
};
inline bool Transaction::operator==(const Transaction& other) const {  // spelled out: clang 16 crashes on the default
  return compare == other.compare && success == other.success && failure == other.failure;
}

// True when no branch of it can write.
bool is_read_only(const Transaction& transaction);

// The commands. Each is one entry's worth of change to the machine.
struct GrantLease {
  LeaseId id = 0;
  std::int64_t ttl_ms = 0;
  bool operator==(const GrantLease&) const = default;
};
struct KeepAlive {
  LeaseId id = 0;
  bool operator==(const KeepAlive&) const = default;
};
struct RevokeLease {
  LeaseId id = 0;
  bool operator==(const RevokeLease&) const = default;
};
// Proposed by the Raft leader when it judges the lease to have run out. Applies only if no keep-alive newer than
// `kept_alive_at` stands before it in the log, so that a judge who was behind can never take a lease that was renewed.
struct ExpireLease {
  LeaseId id = 0;
  Step kept_alive_at = 0;
  bool operator==(const ExpireLease&) const = default;
};
// Forgets the history up to `revision` (etcd's compaction). Older watches must start over.
struct Compact {
  Revision revision = 0;
  bool operator==(const Compact&) const = default;
};
// The first command of a cluster. Later ones with another id are refused, unless they name the one they replace (a
// cluster that was recovered from the loss of its quorum is another cluster).
struct SetClusterId {
  std::uint64_t id = 0;
  std::uint64_t replaces = 0;
  bool operator==(const SetClusterId&) const = default;
};
// What the nodes may write into the log. Never lowered; proposed when every member's program understands it.
struct SetFeatureLevel {
  std::uint32_t level = 0;
  bool operator==(const SetFeatureLevel&) const = default;
};
struct SetNode {
  Node node;
  bool operator==(const SetNode&) const = default;
};
struct RemoveNode {
  std::uint64_t raft_id = 0;
  bool operator==(const RemoveNode&) const = default;
};
// Replaces all keys by those of a snapshot that have no lease (what lives by a lease died with its holder); the
// nodes, the cluster id and the outcomes remembered for clients stay. Everything a client watched is compacted.
struct RestoreKeys {
  std::string snapshot;
  bool operator==(const RestoreKeys&) const = default;
};

using Body = std::variant<Transaction, GrantLease, KeepAlive, RevokeLease, ExpireLease, Compact, SetClusterId,
                          SetFeatureLevel, SetNode, RemoveNode, RestoreKeys>;

// Who asks, so that a command sent again because its answer was lost is not carried out twice. client 0 = not
// remembered. Sequences of one client may arrive in any order; each must be used for one command only.
struct Origin {
  std::uint64_t client = 0;
  std::uint64_t sequence = 0;
  bool operator==(const Origin&) const = default;
};

struct Command {
  Origin origin = {};
  Body body;
  bool operator==(const Command&) const = default;
};

// A put or a delete alone is a transaction without conditions.
Command put(PutRequest request, Origin origin = {});
Command erase(DeleteRequest request, Origin origin = {});

}  // namespace matriarch::consensus::machine
