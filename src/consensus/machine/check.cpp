#include "consensus/machine/check.hpp"

#include <algorithm>
#include <set>

namespace matriarch::consensus::machine {
namespace {

using Checked = tl::expected<void, Refusal>;
Checked refuse(Refusal refusal) { return tl::unexpected(refusal); }

Checked check_range(const KeyRange& range, const Limits& limits) {
  if (range.key.empty()) return refuse(Refusal::kEmptyKey);
  if (range.key.size() > limits.max_key_bytes || range.end.size() > limits.max_key_bytes) {
    return refuse(Refusal::kTooLarge);
  }
  return {};
}

Checked check_put(const PutRequest& put, const Limits& limits) {
  if (put.key.empty()) return refuse(Refusal::kEmptyKey);
  if (put.key.size() > limits.max_key_bytes || put.value.size() > limits.max_value_bytes) {
    return refuse(Refusal::kTooLarge);
  }
  if (put.ignore_value && !put.value.empty()) return refuse(Refusal::kValueProvided);
  if (put.ignore_lease && put.lease != 0) return refuse(Refusal::kLeaseProvided);
  return {};
}

Checked check_one_by_one(const Transaction& transaction, const Limits& limits, std::size_t depth, std::size_t& count) {
  if (depth > limits.max_depth) return refuse(Refusal::kTooManyOperations);
  count += transaction.compare.size() + transaction.success.size() + transaction.failure.size();
  if (count > limits.max_operations) return refuse(Refusal::kTooManyOperations);
  for (const auto& compare : transaction.compare) {
    if (auto sound = check_range(compare.keys, limits); !sound) return sound;
  }
  for (const auto* branch : {&transaction.success, &transaction.failure}) {
    for (const auto& operation : *branch) {
      Checked sound;
      if (const auto* put = std::get_if<PutRequest>(&operation.what)) sound = check_put(*put, limits);
      if (const auto* deletion = std::get_if<DeleteRequest>(&operation.what)) sound = check_range(deletion->keys, limits);
      if (const auto* range = std::get_if<RangeRequest>(&operation.what)) sound = check_range(range->keys, limits);
      if (const auto* nested = std::get_if<Transaction>(&operation.what)) {
        sound = check_one_by_one(*nested, limits, depth + 1, count);
      }
      if (!sound) return sound;
    }
  }
  return {};
}

struct Touched {
  std::set<std::string> puts = {};
  std::vector<KeyRange> deletes = {};

  bool deletes_key(const std::string& key) const {
    return std::any_of(deletes.begin(), deletes.end(), [&](const KeyRange& range) { return range.contains(key); });
  }
};

using Touch = tl::expected<Touched, Refusal>;

// A key may be written once, and not both written and deleted: all operations happen at one revision. The two
// branches of a nested transaction exclude each other and may write the same keys.
Touch touched_by(const std::vector<Operation>& branch) {
  Touched all;
  for (const auto& operation : branch) {
    if (const auto* deletion = std::get_if<DeleteRequest>(&operation.what)) all.deletes.push_back(deletion->keys);
  }
  for (const auto& operation : branch) {
    const auto* nested = std::get_if<Transaction>(&operation.what);
    if (nested == nullptr) continue;
    auto either = touched_by(nested->success);
    auto other = touched_by(nested->failure);
    if (!either) return either;
    if (!other) return other;
    either->puts.merge(other->puts);
    for (const auto& key : either->puts) {
      if (all.deletes_key(key) || !all.puts.insert(key).second) return tl::unexpected(Refusal::kDuplicateKey);
    }
    all.deletes.insert(all.deletes.end(), either->deletes.begin(), either->deletes.end());
    all.deletes.insert(all.deletes.end(), other->deletes.begin(), other->deletes.end());
  }
  for (const auto& operation : branch) {
    const auto* put = std::get_if<PutRequest>(&operation.what);
    if (put == nullptr) continue;
    if (all.deletes_key(put->key) || !all.puts.insert(put->key).second) return tl::unexpected(Refusal::kDuplicateKey);
  }
  return all;
}

}  // namespace

Checked check_shape(const Transaction& transaction, const Limits& limits) {
  std::size_t count = 0;
  if (auto sound = check_one_by_one(transaction, limits, 1, count); !sound) return sound;
  for (const auto* branch : {&transaction.success, &transaction.failure}) {
    if (auto touched = touched_by(*branch); !touched) return refuse(touched.error());
  }
  return {};
}

}  // namespace matriarch::consensus::machine
