#include "consensus/machine/outcome.hpp"

#include <algorithm>

#include "consensus/machine/codec.hpp"

namespace matriarch::consensus::machine {

const char* to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kLeaseNotFound: return "requested lease not found";
    case Refusal::kLeaseExists: return "lease already exists";
    case Refusal::kTtlOutOfBounds: return "lease id or ttl out of bounds";
    case Refusal::kEmptyKey: return "key is not provided";
    case Refusal::kKeyNotFound: return "key not found";
    case Refusal::kValueProvided: return "value is provided";
    case Refusal::kLeaseProvided: return "lease is provided";
    case Refusal::kDuplicateKey: return "duplicate key given in txn request";
    case Refusal::kTooManyOperations: return "too many operations in txn request";
    case Refusal::kTooLarge: return "request is too large";
    case Refusal::kNoSpace: return "mvcc: database space exceeded";
    case Refusal::kCompacted: return "mvcc: required revision has been compacted";
    case Refusal::kFutureRevision: return "mvcc: required revision is a future revision";
    case Refusal::kAlreadyAnswered: return "this command was answered before and its answer is no longer remembered";
    case Refusal::kOtherCluster: return "the store belongs to another cluster";
    case Refusal::kUnsupported: return "not supported";
    case Refusal::kBadSnapshot: return "the snapshot cannot be read";
    case Refusal::kNodeNotFound: return "member not found";
  }
  return "refused";
}

bool equal(const Outcome& a, const Outcome& b) { return encode(a) == encode(b); }

}  // namespace matriarch::consensus::machine
