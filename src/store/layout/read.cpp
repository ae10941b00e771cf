#include "store/layout/read.hpp"

#include <algorithm>

#include "model/json_text.hpp"
#include "model/timestamp.hpp"
#include "store/layout/fields.hpp"

namespace matriarch::store::layout {
namespace {

namespace json = boost::json;
using model::MemberName;
using model::Revision;

const Record* find(const Records& records, std::string_view name) {
  const auto found = records.find(name);
  return found == records.end() ? nullptr : &found->second;
}

// ---- status --------------------------------------------------------------------------------------------------------

// 2^64 as a double: the first value that does not fit.
constexpr double kTooLarge = 18446744073709551616.0;

model::Lsn lsn_of(const json::value& value) {
  if (value.is_double()) {
    const double number = value.get_double();
    return model::Lsn{number >= 0 && number < kTooLarge ? static_cast<std::uint64_t>(number) : 0};
  }
  return model::Lsn{natural_or_text(value).value_or(0)};
}

// Some writers put JSON text into a JSON string.
json::value unwrapped(const json::value& value) {
  if (!value.is_string()) return value;
  return model::read_json(value.get_string()).value_or(nullptr);
}

std::map<std::string, model::Lsn> slots_of(const json::value& value) {
  std::map<std::string, model::Lsn> slots;
  const json::value content = unwrapped(value);
  if (!content.is_object()) return slots;
  for (const auto& member : content.get_object()) slots[std::string(member.key())] = model::Lsn{natural(member.value()).value_or(0)};
  return slots;
}

std::vector<std::string> names_of(const json::value& value) {
  std::vector<std::string> names;
  const json::value content = unwrapped(value);
  if (!content.is_array()) return names;
  for (const json::value& element : content.get_array()) {
    if (element.is_string()) names.emplace_back(element.get_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// ---- failover ------------------------------------------------------------------------------------------------------

// "leader:candidate", from before requests were JSON; a third part means nothing.
model::FailoverKey from_legacy_text(std::string_view text) {
  const auto colon = text.find(':');
  model::FailoverKey request{.leader = MemberName(std::string(trimmed(text.substr(0, colon))))};
  if (colon == std::string_view::npos) return request;
  text.remove_prefix(colon + 1);
  request.candidate = MemberName(std::string(trimmed(text.substr(0, text.find(':')))));
  return request;
}

model::FailoverKey from_document(const json::object& document) {
  model::FailoverKey request{.leader = MemberName(text_field(document, "leader")), .candidate = MemberName(text_field(document, "member"))};
  const auto* scheduled = document.if_contains("scheduled_at");
  if (scheduled && !scheduled->is_null() && !(scheduled->is_string() && scheduled->get_string().empty())) {
    request.schedule = text_field(document, "scheduled_at");
    request.scheduled_at = model::parse_timestamp(request.schedule);
    request.schedule_unreadable = !request.scheduled_at;
  }
  return request;
}

// ---- sync ----------------------------------------------------------------------------------------------------------

std::set<MemberName> voters_of(std::string_view list) {
  std::set<MemberName> voters;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view name = trimmed(list.substr(0, comma));
    if (!name.empty()) voters.emplace(std::string(name));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return voters;
}

// Nothing when it is there and no number that fits.
std::optional<int> quorum_of(const json::object& document) {
  const auto* value = document.if_contains("quorum");
  if (!value || value->is_null()) return 0;
  const auto number = natural_or_text(*value);
  if (!number || *number > 1'000'000) return std::nullopt;
  return static_cast<int>(*number);
}

// ---- history -------------------------------------------------------------------------------------------------------

std::string text_at(const json::array& line, std::size_t index) {
  return index < line.size() && line[index].is_string() ? std::string(line[index].get_string()) : std::string();
}

std::optional<model::HistoryLine> line_of(const json::value& value) {
  if (!value.is_array() || value.get_array().size() < 3) return std::nullopt;
  const json::array& line = value.get_array();
  const auto timeline = natural(line[0]);
  const auto lsn = natural(line[1]);
  if (!timeline || *timeline == 0 || *timeline > UINT32_MAX || !lsn || !line[2].is_string()) return std::nullopt;
  return model::HistoryLine{.timeline = {static_cast<std::uint32_t>(*timeline)},
                            .lsn = {*lsn},
                            .reason = text_at(line, 2),
                            .timestamp = text_at(line, 3),
                            .new_leader = text_at(line, 4)};
}

}  // namespace

model::ConfigKey read_config(const Record& record) {
  model::ConfigKey config{.revision = {record.mod_revision}};
  auto parsed = model::read_json(record.value);
  if (!parsed || !parsed->is_object()) return config;
  config.document = std::move(parsed->get_object());
  config.valid = !config.document.empty();
  return config;
}

model::StatusKey read_status(std::string_view value) {
  const auto parsed = model::read_json(value);
  if (!parsed) return {};
  if (!parsed->is_object()) return {.optime = {natural(*parsed).value_or(0)}};
  const json::object& document = parsed->get_object();
  model::StatusKey status;
  if (const auto* optime = document.if_contains("optime")) status.optime = lsn_of(*optime);
  if (const auto* slots = document.if_contains("slots")) status.slots = slots_of(*slots);
  if (const auto* names = document.if_contains("retain_slots")) status.retain_slots = names_of(*names);
  return status;
}

model::StatusKey read_legacy_optime(std::string_view value) { return {.optime = {decimal(value).value_or(0)}}; }

std::optional<model::FailoverKey> read_failover(const Record& record) {
  const auto parsed = model::read_json(record.value);
  model::FailoverKey request;
  if (!parsed) {
    request = from_legacy_text(record.value);
  } else if (parsed->is_object()) {
    request = from_document(parsed->get_object());
  }
  if (request.leader.empty() && request.candidate.empty()) return std::nullopt;
  request.revision = {record.mod_revision};
  return request;
}

model::SyncKey read_sync(const Record& record) {
  model::SyncKey sync{.revision = {record.mod_revision}};
  const auto parsed = model::read_json(record.value);
  if (!parsed || !parsed->is_object()) return sync;
  const json::object& document = parsed->get_object();
  const auto quorum = quorum_of(document);
  const std::string leader = text_field(document, "leader");
  if (!quorum || leader.empty()) return sync;
  sync.leader = MemberName(leader);
  sync.voters = voters_of(text_field(document, "sync_standby"));
  sync.quorum = *quorum;
  return sync;
}

// The cluster's timeline follows from the last line; when that one cannot be read, no older one may stand in for it.
model::HistoryKey read_history(const Record& record) {
  model::HistoryKey history{.revision = {record.mod_revision}};
  const auto parsed = model::read_json(record.value);
  if (!parsed || !parsed->is_array()) return history;
  const json::array& lines = parsed->get_array();
  history.is_empty_list = lines.empty();
  if (lines.empty() || !line_of(lines.back())) return history;
  for (const json::value& value : lines) {
    if (auto line = line_of(value)) history.lines.push_back(std::move(*line));
  }
  return history;
}

// A member without a readable URL stays in the map: it must be asked, and cannot be, so no round succeeds without it.
std::optional<std::map<MemberName, std::string>> read_failsafe(std::string_view value) {
  const auto parsed = model::read_json(value);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  std::map<MemberName, std::string> members;
  for (const auto& member : parsed->get_object()) {
    members[MemberName(std::string(member.key()))] = member.value().is_string() ? std::string(member.value().get_string()) : std::string();
  }
  return members;
}

namespace {

// Parsed, unless the view before has that version.
template <typename Key>
Key read_or_copy(const Key* before, const Record& record, Key (*read)(const Record&)) {
  return before && before->revision.value == record.mod_revision ? *before : read(record);
}
template <typename Key>
const Key* pointer_to(const std::optional<Key>& key) {
  return key ? &*key : nullptr;
}

model::Member member_from(const MemberName& name, const Record& record, const model::Cluster& before) {
  const model::Member* member = before.find(name);
  const bool is_known = member && member->revision.value == record.mod_revision && member->session == record.session;
  return is_known ? *member : read_member(name, record);
}

}  // namespace

model::Cluster read_cluster(const Records& records, Revision revision, const model::Cluster* earlier) {
  const model::Cluster none;
  const model::Cluster& before = earlier ? *earlier : none;
  model::Cluster cluster;
  cluster.revision = revision;
  if (const Record* record = find(records, kInitialize)) {
    cluster.initialize = record->value;
    cluster.initialize_revision = {record->mod_revision};
    cluster.initialize_session = record->session;
  }
  if (const Record* record = find(records, kConfig)) cluster.config = read_or_copy(pointer_to(before.config), *record, read_config);
  if (const Record* record = find(records, kLeader); record && !record->value.empty()) {
    cluster.leader = model::LeaderKey{.name = MemberName(record->value), .revision = {record->mod_revision}, .session = record->session};
  }
  if (const Record* record = find(records, kStatus)) {
    cluster.status = read_status(record->value);
  } else if (const Record* legacy = find(records, kLegacyOptime)) {
    cluster.status = read_legacy_optime(legacy->value);
  }
  for (auto record = records.lower_bound(kMembers); record != records.end() && record->first.starts_with(kMembers); ++record) {
    if (auto name = member_of(record->first)) cluster.members.emplace(*name, member_from(*name, record->second, before));
  }
  if (const Record* record = find(records, kFailover)) {
    cluster.failover = read_failover(*record);
    cluster.failover_revision = {record->mod_revision};
  }
  if (const Record* record = find(records, kSync)) cluster.sync = read_or_copy(&before.sync, *record, read_sync);
  if (const Record* record = find(records, kHistory)) cluster.history = read_or_copy(pointer_to(before.history), *record, read_history);
  if (const Record* record = find(records, kFailsafe)) cluster.failsafe = read_failsafe(record->value);
  return cluster;
}

}  // namespace matriarch::store::layout
