// The records below the prefix as a read and a watch deliver them, with our own writes laid over, so that a writer never
// sees an older view than its own write. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/cluster.hpp"
#include "store/etcd/wire.hpp"
#include "store/layout/records.hpp"

namespace matriarch::store::etcd {

class View {
 public:
  explicit View(std::string prefix) : prefix_(std::move(prefix)) {}

  bool is_loaded() const { return loaded_; }
  // Everything up to this revision is in the view: where a watch continues.
  std::int64_t complete_to() const { return complete_to_; }

  // All records, as a linearizable read that was sent when complete_to() was `known_when_sent` found them at `revision`.
  // A revision below that can only mean that the store went back in time (a restored backup): everything is replaced.
  void load(const std::vector<KeyValue>& records, std::int64_t revision, std::int64_t known_when_sent);

  // From the watch, in its order. Events that are older than what is known change nothing.
  void apply(const WatchEvent& event);
  // Everything up to `revision` has been delivered.
  void advance(std::int64_t revision);

  // From the answers to our own requests: what a key was at that revision, which may lie ahead of the watch.
  void saw(const KeyValue& record);
  void saw_absent(std::string_view key, std::int64_t revision);

  // Null before the first load. Parsed at most once for each change.
  std::shared_ptr<const model::Cluster> snapshot() const;
  const layout::Record* find(std::string_view name) const;

 private:
  bool is_ours(std::string_view key) const { return key.size() > prefix_.size() && key.starts_with(prefix_); }
  void put(const KeyValue& record);
  void remove(std::string_view key, std::int64_t revision);
  void changed() { is_outdated_ = true; }

  std::string prefix_;
  bool loaded_ = false;
  std::int64_t complete_to_ = 0;
  std::int64_t newest_ = 0;  // revision of the newest change known, ours included
  layout::Records records_;
  std::map<std::string, std::int64_t, std::less<>> removed_;  // by us, ahead of the watch
  mutable std::shared_ptr<const model::Cluster> snapshot_;
  mutable bool is_outdated_ = true;  // `snapshot_` shows an earlier state
};

}  // namespace matriarch::store::etcd
