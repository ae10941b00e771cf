#include "store/etcd/view.hpp"

#include <algorithm>
#include <utility>

#include "store/layout/read.hpp"

namespace matriarch::store::etcd {

void View::load(const std::vector<KeyValue>& records, std::int64_t revision, std::int64_t known_when_sent) {
  const bool went_back = revision < known_when_sent;
  if (loaded_ && !went_back && revision < complete_to_) return;  // the watch was faster than the answer
  layout::Records before;
  if (went_back) {
    removed_.clear();
    newest_ = 0;
  } else {
    before = std::move(records_);
  }
  records_.clear();
  for (const KeyValue& record : records) {
    if (!is_ours(record.key)) continue;
    const std::string name = record.key.substr(prefix_.size());
    const auto removed = removed_.find(name);
    if (removed != removed_.end() && removed->second > record.mod_revision) continue;
    records_[name] = {.value = record.value, .mod_revision = record.mod_revision, .session = record.lease};
  }
  // What we wrote after the read was taken.
  for (auto& [name, record] : before) {
    if (record.mod_revision > revision) records_[name] = std::move(record);
  }
  complete_to_ = revision;
  newest_ = std::max(newest_, revision);
  std::erase_if(removed_, [&](const auto& entry) { return entry.second <= complete_to_; });
  loaded_ = true;
  snapshot_.reset();  // a read is parsed whole: what the versions of a view mean holds along its watch only
  changed();
}

void View::apply(const WatchEvent& event) {
  if (event.kv.mod_revision <= complete_to_) return;
  event.is_delete ? remove(event.kv.key, event.kv.mod_revision) : put(event.kv);
}

void View::advance(std::int64_t revision) {
  if (revision <= complete_to_) return;
  complete_to_ = revision;
  std::erase_if(removed_, [&](const auto& entry) { return entry.second <= complete_to_; });
  if (revision <= newest_) return;
  newest_ = revision;
  changed();
}

void View::saw(const KeyValue& record) {
  if (loaded_ && record.mod_revision > complete_to_) put(record);
}

void View::saw_absent(std::string_view key, std::int64_t revision) {
  if (!loaded_ || revision <= complete_to_ || !is_ours(key)) return;
  remove(key, revision);
  auto& removed = removed_[std::string(key.substr(prefix_.size()))];
  removed = std::max(removed, revision);
}

void View::put(const KeyValue& record) {
  if (!is_ours(record.key)) return;
  const std::string name = record.key.substr(prefix_.size());
  const auto removed = removed_.find(name);
  if (removed != removed_.end() && removed->second >= record.mod_revision) return;
  auto& known = records_[name];
  if (known.mod_revision >= record.mod_revision) return;
  known = {.value = record.value, .mod_revision = record.mod_revision, .session = record.lease};
  newest_ = std::max(newest_, record.mod_revision);
  changed();
}

void View::remove(std::string_view key, std::int64_t revision) {
  if (!is_ours(key)) return;
  const auto known = records_.find(key.substr(prefix_.size()));
  if (known == records_.end() || known->second.mod_revision > revision) return;
  records_.erase(known);
  newest_ = std::max(newest_, revision);
  changed();
}

std::shared_ptr<const model::Cluster> View::snapshot() const {
  if (!loaded_) return nullptr;
  if (std::exchange(is_outdated_, false)) {
    snapshot_ = std::make_shared<const model::Cluster>(layout::read_cluster(records_, model::Revision{newest_}, snapshot_.get()));
  }
  return snapshot_;
}

const layout::Record* View::find(std::string_view name) const {
  const auto found = records_.find(name);
  return found == records_.end() ? nullptr : &found->second;
}

}  // namespace matriarch::store::etcd
