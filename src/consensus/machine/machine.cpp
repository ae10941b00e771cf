#include "consensus/machine/machine.hpp"

#include <algorithm>
#include <utility>

#include "consensus/machine/check.hpp"
#include "consensus/machine/codec.hpp"

namespace matriarch::consensus::machine {
namespace {

// What an event costs in the history beside its key and value.
constexpr std::size_t kEventOverhead = 96;
constexpr std::uint32_t kSaysKeysFrom = 2;
constexpr std::size_t kMostKeysSaid = 16;  // in the answer to a keep-alive: members have two or three

std::size_t size_of(const KeyValue& kv) { return kv.key.size() + kv.value.size(); }

std::size_t size_of(const Change& change) {
  std::size_t size = 0;
  for (const auto& event : change.events) size += kEventOverhead + size_of(*event.now);
  return size;
}

// Keys in [key, end) as etcd names ranges.
template <typename Map, typename Visit>
void for_each_in(const Map& keys, const KeyRange& range, Visit visit) {
  if (range.is_single()) {
    if (const auto found = keys.find(range.key); found != keys.end()) visit(found->second);
    return;
  }
  const auto last = range.is_open_ended() ? keys.end() : keys.lower_bound(range.end);
  if (!range.is_open_ended() && range.end <= range.key) return;
  for (auto at = keys.lower_bound(range.key); at != last; ++at) visit(at->second);
}

template <typename T>
bool relates(const T& left, Compare::Result result, const T& right) {
  switch (result) {
    case Compare::Result::kEqual: return left == right;
    case Compare::Result::kGreater: return left > right;
    case Compare::Result::kLess: return left < right;
    case Compare::Result::kNotEqual: return left != right;
  }
  return false;
}

bool relates(const KeyValue& kv, const Compare& compare) {
  switch (compare.target) {
    case Compare::Target::kVersion: return relates(kv.version, compare.result, compare.number);
    case Compare::Target::kCreate: return relates(kv.create_revision, compare.result, compare.number);
    case Compare::Target::kMod: return relates(kv.mod_revision, compare.result, compare.number);
    case Compare::Target::kLease: return relates(kv.lease, compare.result, compare.number);
    case Compare::Target::kValue: return relates(kv.value, compare.result, compare.value);
  }
  return false;
}

bool wanted(const KeyValue& kv, const RangeRequest& request) {
  return (request.min_mod_revision == 0 || kv.mod_revision >= request.min_mod_revision) &&
         (request.max_mod_revision == 0 || kv.mod_revision <= request.max_mod_revision) &&
         (request.min_create_revision == 0 || kv.create_revision >= request.min_create_revision) &&
         (request.max_create_revision == 0 || kv.create_revision <= request.max_create_revision);
}

bool precedes(const KeyValue& a, const KeyValue& b, RangeRequest::Target target) {
  switch (target) {
    case RangeRequest::Target::kKey: return a.key < b.key;
    case RangeRequest::Target::kVersion: return a.version < b.version;
    case RangeRequest::Target::kCreate: return a.create_revision < b.create_revision;
    case RangeRequest::Target::kMod: return a.mod_revision < b.mod_revision;
    case RangeRequest::Target::kValue: return a.value < b.value;
  }
  return false;
}

// Keys are kept in order, so only another target or direction needs work.
void sort_as_asked(std::vector<Stored>& kvs, const RangeRequest& request) {
  using Order = RangeRequest::Order;
  if (request.order == Order::kNone && request.target == RangeRequest::Target::kKey) return;
  std::stable_sort(kvs.begin(), kvs.end(), [&](const Stored& a, const Stored& b) {
    return request.order == Order::kDescending ? precedes(*b, *a, request.target) : precedes(*a, *b, request.target);
  });
}

}  // namespace

struct Machine::Writing {
  Revision revision = 0;
  std::vector<Event> events = {};
};

// What a transaction would add; deletions of the same transaction are not counted against it.
struct Machine::Demand {
  std::size_t keys = 0;
  std::size_t bytes = 0;
};

Applied Machine::apply(const Command& command) {
  Applied applied{.step = ++step_};
  if (auto answered = recall(command.origin)) {
    applied.outcome = std::move(*answered);
    applied.repeated = true;
    return applied;
  }
  auto answer = std::visit([&](const auto& body) { return carry_out(body, applied); }, command.body);
  applied.outcome = {.revision = revision_, .answer = std::move(answer)};
  remember(command.origin, applied.outcome);
  return applied;
}

// --- transactions ---------------------------------------------------------------------------------------------

tl::expected<Answer, Refusal> Machine::carry_out(const Transaction& transaction, Applied& applied) {
  if (auto sound = check_shape(transaction, limits_); !sound) return tl::unexpected(sound.error());
  std::vector<bool> chosen;
  choose_branches(transaction, chosen);
  std::size_t next = 0;
  Demand demand;
  if (auto allowed = check_branches(transaction, chosen, next, demand); !allowed) return tl::unexpected(allowed.error());
  Writing writing{.revision = revision_ + 1};
  next = 0;
  auto outcome = run(transaction, chosen, next, writing);
  finish(std::move(writing), applied);
  return outcome;
}

void Machine::choose_branches(const Transaction& transaction, std::vector<bool>& chosen) const {
  const bool succeeded = std::all_of(transaction.compare.begin(), transaction.compare.end(),
                                     [&](const Compare& compare) { return holds(compare); });
  chosen.push_back(succeeded);
  for (const auto& operation : succeeded ? transaction.success : transaction.failure) {
    if (const auto* nested = std::get_if<Transaction>(&operation.what)) choose_branches(*nested, chosen);
  }
}

bool Machine::holds(const Compare& compare) const {
  bool any = false;
  bool all = true;
  for_each_in(keys_, compare.keys, [&](const Stored& kv) {
    any = true;
    all = all && relates(*kv, compare);
  });
  if (any) return all;
  // An absent key has zeros for numbers and no value that could be compared (as etcd).
  return compare.target != Compare::Target::kValue && relates(KeyValue{}, compare);
}

// Everything that could refuse the taken branches, before the first of them changes anything.
tl::expected<void, Refusal> Machine::check_branches(const Transaction& transaction, const std::vector<bool>& chosen,
                                                    std::size_t& next, Demand& demand) const {
  for (const auto& operation : chosen[next++] ? transaction.success : transaction.failure) {
    if (const auto* put = std::get_if<PutRequest>(&operation.what)) {
      const auto existing = find(put->key);
      if ((put->ignore_value || put->ignore_lease) && !existing) return tl::unexpected(Refusal::kKeyNotFound);
      if (put->lease != 0 && !leases_.contains(put->lease)) return tl::unexpected(Refusal::kLeaseNotFound);
      const std::size_t before = existing ? size_of(*existing) : 0;
      const std::size_t after = put->ignore_value ? before : put->key.size() + put->value.size();
      if (!existing) ++demand.keys;
      if (after > before) demand.bytes += after - before;
    } else if (const auto* nested = std::get_if<Transaction>(&operation.what)) {
      if (auto allowed = check_branches(*nested, chosen, next, demand); !allowed) return allowed;
    } else if (const auto* range = std::get_if<RangeRequest>(&operation.what)) {
      if (range->revision > revision_) return tl::unexpected(Refusal::kFutureRevision);
      if (range->revision != 0 && range->revision < revision_) return tl::unexpected(Refusal::kCompacted);
    }
  }
  if (demand.keys > 0 && keys_.size() + demand.keys > limits_.max_keys) return tl::unexpected(Refusal::kNoSpace);
  if (demand.bytes > 0 && bytes_ + demand.bytes > limits_.max_bytes) return tl::unexpected(Refusal::kNoSpace);
  return {};
}

TransactionOutcome Machine::run(const Transaction& transaction, const std::vector<bool>& chosen, std::size_t& next,
                                Writing& writing) {
  TransactionOutcome outcome;
  outcome.succeeded = chosen[next++];
  for (const auto& operation : outcome.succeeded ? transaction.success : transaction.failure) {
    if (const auto* request = std::get_if<PutRequest>(&operation.what)) {
      auto previous = write(*request, writing);
      outcome.responses.push_back({PutOutcome{request->prev_kv ? std::move(previous) : nullptr}});
    } else if (const auto* deletion = std::get_if<DeleteRequest>(&operation.what)) {
      DeleteOutcome deleted;
      std::vector<Stored> victims;
      for_each_in(keys_, deletion->keys, [&](const Stored& kv) { victims.push_back(kv); });
      deleted.deleted = static_cast<std::int64_t>(victims.size());
      for (const auto& victim : victims) remove(victim->key, writing);
      if (deletion->prev_kv) deleted.previous = std::move(victims);
      outcome.responses.push_back({std::move(deleted)});
    } else if (const auto* nested = std::get_if<Transaction>(&operation.what)) {
      outcome.responses.push_back({run(*nested, chosen, next, writing)});
    } else {
      outcome.responses.push_back({select(std::get<RangeRequest>(operation.what))});
    }
  }
  return outcome;
}

Stored Machine::write(const PutRequest& request, Writing& writing) {
  auto& slot = keys_[request.key];
  const Stored previous = slot;
  auto kv = std::make_shared<KeyValue>();
  kv->key = request.key;
  kv->value = request.ignore_value && previous ? previous->value : request.value;
  kv->lease = request.ignore_lease && previous ? previous->lease : request.lease;
  kv->create_revision = previous ? previous->create_revision : writing.revision;
  kv->mod_revision = writing.revision;
  kv->version = previous ? previous->version + 1 : 1;
  if (previous) {
    bytes_ -= size_of(*previous);
    if (previous->lease != kv->lease) detach(request.key, previous->lease);
  }
  bytes_ += size_of(*kv);
  if (kv->lease != 0) leases_.at(kv->lease).keys.insert(request.key);
  slot = kv;
  writing.events.push_back({.type = Event::Type::kPut, .now = slot, .previous = previous});
  return previous;
}

Stored Machine::remove(std::string_view key, Writing& writing) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  Stored previous = found->second;
  auto gone = std::make_shared<KeyValue>();
  gone->key = previous->key;
  gone->mod_revision = writing.revision;
  bytes_ -= size_of(*previous);
  detach(previous->key, previous->lease);
  keys_.erase(found);
  writing.events.push_back({.type = Event::Type::kDelete, .now = std::move(gone), .previous = previous});
  return previous;
}

void Machine::detach(const std::string& key, LeaseId lease) {
  if (const auto found = leases_.find(lease); found != leases_.end()) found->second.keys.erase(key);
}

// A command that changed no key leaves the revision alone, as in etcd.
void Machine::finish(Writing writing, Applied& applied) {
  if (writing.events.empty()) return;
  revision_ = writing.revision;
  applied.events = writing.events;
  remember(Change{.revision = revision_, .events = std::move(writing.events)});
}

// --- leases ---------------------------------------------------------------------------------------------------

tl::expected<Answer, Refusal> Machine::carry_out(const GrantLease& grant, Applied& applied) {
  if (grant.id <= 0 || grant.ttl_ms < limits_.min_ttl_ms || grant.ttl_ms > limits_.max_ttl_ms) {
    return tl::unexpected(Refusal::kTtlOutOfBounds);
  }
  if (leases_.contains(grant.id)) return tl::unexpected(Refusal::kLeaseExists);
  if (leases_.size() >= limits_.max_leases) return tl::unexpected(Refusal::kNoSpace);
  leases_.emplace(grant.id, Lease{.id = grant.id, .ttl_ms = grant.ttl_ms, .kept_alive_at = applied.step});
  applied.leases_alive.push_back(grant.id);
  return LeaseOutcome{.id = grant.id, .ttl_ms = grant.ttl_ms};
}

tl::expected<Answer, Refusal> Machine::carry_out(const KeepAlive& alive, Applied& applied) {
  const auto found = leases_.find(alive.id);
  if (found == leases_.end()) return tl::unexpected(Refusal::kLeaseNotFound);
  found->second.kept_alive_at = applied.step;
  applied.leases_alive.push_back(alive.id);
  const LeaseOutcome outcome{.id = alive.id, .ttl_ms = found->second.ttl_ms};
  const auto& keys = found->second.keys;
  if (feature_level_ < kSaysKeysFrom || keys.size() > kMostKeysSaid) return outcome;
  return KeptAlive{.lease = outcome, .keys = {keys.begin(), keys.end()}};
}

tl::expected<Answer, Refusal> Machine::carry_out(const RevokeLease& revoke, Applied& applied) {
  if (!leases_.contains(revoke.id)) return tl::unexpected(Refusal::kLeaseNotFound);
  drop_lease(revoke.id, applied);
  return NothingToSay{};
}

tl::expected<Answer, Refusal> Machine::carry_out(const ExpireLease& expire, Applied& applied) {
  const auto found = leases_.find(expire.id);
  if (found == leases_.end()) return tl::unexpected(Refusal::kLeaseNotFound);
  if (found->second.kept_alive_at > expire.kept_alive_at) {
    return LeaseOutcome{.id = expire.id, .ttl_ms = found->second.ttl_ms};  // renewed meanwhile: it stays
  }
  drop_lease(expire.id, applied);
  return NothingToSay{};
}

void Machine::drop_lease(LeaseId id, Applied& applied) {
  const auto keys = std::move(leases_.at(id).keys);
  leases_.erase(id);
  Writing writing{.revision = revision_ + 1};
  for (const auto& key : keys) remove(key, writing);
  finish(std::move(writing), applied);
  applied.leases_gone.push_back(id);
}

// --- the cluster ----------------------------------------------------------------------------------------------

tl::expected<Answer, Refusal> Machine::carry_out(const Compact& compact, Applied&) {
  if (compact.revision > revision_) return tl::unexpected(Refusal::kFutureRevision);
  if (compact.revision <= compacted_) return tl::unexpected(Refusal::kCompacted);
  forget_until(compact.revision);
  return NothingToSay{};
}

tl::expected<Answer, Refusal> Machine::carry_out(const SetClusterId& set, Applied&) {
  if (cluster_id_ != 0 && cluster_id_ != set.id && cluster_id_ != set.replaces) return tl::unexpected(Refusal::kOtherCluster);
  cluster_id_ = set.id;
  return NothingToSay{};
}

tl::expected<Answer, Refusal> Machine::carry_out(const SetFeatureLevel& set, Applied&) {
  if (set.level > kFeatureLevel) return tl::unexpected(Refusal::kUnsupported);
  feature_level_ = std::max(feature_level_, set.level);
  return NothingToSay{};
}

tl::expected<Answer, Refusal> Machine::carry_out(const SetNode& set, Applied&) {
  if (!nodes_.contains(set.node.raft_id) && nodes_.size() >= limits_.max_nodes) {
    return tl::unexpected(Refusal::kNoSpace);
  }
  nodes_[set.node.raft_id] = set.node;
  return NothingToSay{};
}

tl::expected<Answer, Refusal> Machine::carry_out(const RemoveNode& remove, Applied&) {
  if (nodes_.erase(remove.raft_id) == 0) return tl::unexpected(Refusal::kNodeNotFound);
  return NothingToSay{};
}

tl::expected<Answer, Refusal> Machine::carry_out(const RestoreKeys& restore, Applied& applied) {
  const auto other = from_snapshot(restore.snapshot, limits_);
  if (!other) return tl::unexpected(Refusal::kBadSnapshot);
  for (const auto& [id, lease] : leases_) applied.leases_gone.push_back(id);
  leases_.clear();
  keys_.clear();
  bytes_ = 0;
  // Written anew at a revision neither side has used, so that no client's remembered revision means another value;
  // and one further, so that every watch from before is too old and every read from now on is not.
  revision_ = std::max(revision_, other->revision_) + 2;
  for (const auto& [key, stored] : other->keys_) {
    if (stored->lease != 0) continue;
    auto kv = std::make_shared<KeyValue>(*stored);
    kv->create_revision = kv->mod_revision = revision_;
    kv->version = 1;
    bytes_ += size_of(*kv);
    keys_.emplace(key, std::move(kv));
  }
  forget_until(revision_ - 1);
  return NothingToSay{};
}

// --- reads ----------------------------------------------------------------------------------------------------

tl::expected<RangeOutcome, Refusal> Machine::range(const RangeRequest& request) const {
  if (request.keys.key.empty()) return tl::unexpected(Refusal::kEmptyKey);
  if (request.revision > revision_) return tl::unexpected(Refusal::kFutureRevision);
  if (request.revision != 0 && request.revision < revision_) return tl::unexpected(Refusal::kCompacted);
  return select(request);
}

RangeOutcome Machine::select(const RangeRequest& request) const {
  RangeOutcome outcome{.keys_only = request.keys_only};
  for_each_in(keys_, request.keys, [&](const Stored& kv) {
    if (wanted(*kv, request)) outcome.kvs.push_back(kv);
  });
  outcome.count = static_cast<std::int64_t>(outcome.kvs.size());
  if (request.count_only) {
    outcome.kvs.clear();
    return outcome;
  }
  sort_as_asked(outcome.kvs, request);
  if (request.limit > 0 && outcome.count > request.limit) {
    outcome.kvs.resize(static_cast<std::size_t>(request.limit));
    outcome.more = true;
  }
  return outcome;
}

tl::expected<TransactionOutcome, Refusal> Machine::read(const Transaction& transaction) const {
  if (auto sound = check_shape(transaction, limits_); !sound) return tl::unexpected(sound.error());
  if (!is_read_only(transaction)) return tl::unexpected(Refusal::kUnsupported);
  std::vector<bool> chosen;
  choose_branches(transaction, chosen);
  std::size_t next = 0;
  Demand demand;
  if (auto allowed = check_branches(transaction, chosen, next, demand); !allowed) return tl::unexpected(allowed.error());
  next = 0;
  return look(transaction, chosen, next);
}

TransactionOutcome Machine::look(const Transaction& transaction, const std::vector<bool>& chosen,
                                 std::size_t& next) const {
  TransactionOutcome outcome;
  outcome.succeeded = chosen[next++];
  for (const auto& operation : outcome.succeeded ? transaction.success : transaction.failure) {
    if (const auto* nested = std::get_if<Transaction>(&operation.what)) {
      outcome.responses.push_back({look(*nested, chosen, next)});
    } else {
      outcome.responses.push_back({select(std::get<RangeRequest>(operation.what))});
    }
  }
  return outcome;
}

Stored Machine::find(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : found->second;
}

const Lease* Machine::find_lease(LeaseId id) const {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second;
}

// --- history --------------------------------------------------------------------------------------------------

tl::expected<std::vector<Change>, Refusal> Machine::changes_since(Revision from) const {
  if (from <= compacted_) return tl::unexpected(Refusal::kCompacted);
  const auto first = std::lower_bound(history_.begin(), history_.end(), from,
                                      [](const Change& change, Revision revision) { return change.revision < revision; });
  return std::vector<Change>(first, history_.end());
}

void Machine::remember(Change change) {
  history_events_ += change.events.size();
  history_bytes_ += size_of(change);
  history_.push_back(std::move(change));
  // The newest change is kept whatever its size, so that a watcher who keeps up is never told "compacted".
  while (history_.size() > 1 &&
         (history_events_ > limits_.max_events || history_bytes_ > limits_.max_history_bytes)) {
    forget_until(history_.front().revision);
  }
}

void Machine::forget_until(Revision revision) {
  while (!history_.empty() && history_.front().revision <= revision) {
    history_events_ -= history_.front().events.size();
    history_bytes_ -= size_of(history_.front());
    history_.pop_front();
  }
  compacted_ = std::max(compacted_, revision);
}

// --- repeated commands ----------------------------------------------------------------------------------------

std::optional<Outcome> Machine::recall(Origin origin) {
  if (origin.client == 0) return std::nullopt;
  const auto found = clients_.find(origin.client);
  if (found == clients_.end()) return std::nullopt;
  auto& client = found->second;
  client.last_used = step_;
  const Outcome forgotten{.revision = revision_, .answer = tl::unexpected(Refusal::kAlreadyAnswered)};
  const auto outcome = client.outcomes.find(origin.sequence);
  if (outcome != client.outcomes.end()) return outcome->second.value_or(forgotten);
  if (origin.sequence <= client.forgotten) return forgotten;
  return std::nullopt;
}

void Machine::remember(Origin origin, const Outcome& outcome) {
  if (origin.client == 0) return;
  auto& client = clients_[origin.client];
  client.last_used = step_;
  const bool fits = encoded_size(outcome) <= limits_.max_dedup_outcome_bytes;
  client.outcomes[origin.sequence] = fits ? std::optional(outcome) : std::nullopt;
  if (client.outcomes.size() > limits_.max_dedup_outcomes) {
    client.forgotten = std::max(client.forgotten, client.outcomes.begin()->first);
    client.outcomes.erase(client.outcomes.begin());
  }
  if (clients_.size() > limits_.max_dedup_clients) {
    clients_.erase(std::min_element(clients_.begin(), clients_.end(), [](const auto& a, const auto& b) {
      return a.second.last_used < b.second.last_used;
    }));
  }
}

}  // namespace matriarch::consensus::machine
