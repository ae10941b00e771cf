// What the machine answers.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "consensus/machine/types.hpp"

namespace matriarch::consensus::machine {

enum class Refusal : std::uint8_t {
  kLeaseNotFound = 1,
  kLeaseExists,
  kTtlOutOfBounds,
  kEmptyKey,
  kKeyNotFound,       // ignore_value or ignore_lease on a key that is not there
  kValueProvided,     // with ignore_value
  kLeaseProvided,     // with ignore_lease
  kDuplicateKey,      // one transaction writes a key twice
  kTooManyOperations,
  kTooLarge,          // a key or a value
  kNoSpace,           // a bound of the whole store
  kCompacted,         // that revision is history
  kFutureRevision,
  kAlreadyAnswered,   // a repeated command whose answer is no longer remembered: it was carried out (or refused) before
  kOtherCluster,
  kUnsupported,       // needs a newer program
  kBadSnapshot,
  kNodeNotFound,
};

const char* to_string(Refusal refusal);

struct RangeOutcome {
  std::vector<Stored> kvs = {};
  bool more = false;        // `limit` left some out
  std::int64_t count = 0;   // of all that match, before `limit`
  bool keys_only = false;   // as asked: the values are to be left out
};
struct PutOutcome {
  Stored previous = nullptr;  // only when asked for
};
struct DeleteOutcome {
  std::int64_t deleted = 0;
  std::vector<Stored> previous = {};  // only when asked for
};

struct OperationOutcome;
struct TransactionOutcome {
  bool succeeded = false;
  std::vector<OperationOutcome> responses;
};
struct OperationOutcome {
  std::variant<RangeOutcome, PutOutcome, DeleteOutcome, TransactionOutcome> what;
};

struct LeaseOutcome {
  LeaseId id = 0;
  std::int64_t ttl_ms = 0;
};
struct NothingToSay {};  // done
// From feature level 2 on, when the keys bound to the lease are few: its holder need not read them.
struct KeptAlive {
  LeaseOutcome lease;
  std::vector<std::string> keys;
};

using Answer = std::variant<TransactionOutcome, LeaseOutcome, NothingToSay, KeptAlive>;

struct Outcome {
  Revision revision = 0;  // of the store after the command
  tl::expected<Answer, Refusal> answer = Answer{NothingToSay{}};
};

// Same content, comparing stored keys by value.
bool equal(const Outcome& a, const Outcome& b);

}  // namespace matriarch::consensus::machine
