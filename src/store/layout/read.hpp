// Records -> model. Content never fails: whatever the bytes are, the result is a value (docs/invariants.md S24), and
// what cannot be understood is absent, so that one bad key costs that key and nothing else.
#pragma once

#include "model/cluster.hpp"
#include "store/layout/records.hpp"

namespace matriarch::store::layout {

// The whole view. Unknown names are ignored. `before`, if given, is an earlier view of the same store: what has the same
// version in it is copied rather than parsed again.
model::Cluster read_cluster(const Records& records, model::Revision revision, const model::Cluster* before = nullptr);

// The parts, for those who read one key.
model::ConfigKey read_config(const Record& record);
model::StatusKey read_status(std::string_view value);
model::StatusKey read_legacy_optime(std::string_view value);
model::Member read_member(const model::MemberName& name, const Record& record);
std::optional<model::FailoverKey> read_failover(const Record& record);
model::SyncKey read_sync(const Record& record);
model::HistoryKey read_history(const Record& record);
std::optional<std::map<model::MemberName, std::string>> read_failsafe(std::string_view value);

}  // namespace matriarch::store::layout
