// What holds for every value and every byte string.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "model/json_text.hpp"
#include "store/layout/read.hpp"
#include "store/layout/write.hpp"
#include "unit/store/a_record.hpp"

namespace matriarch::store::layout {
namespace {

namespace json = boost::json;
using model::Lsn;
using model::MemberName;

// Text that is valid UTF-8: what a name or a reason may be.
rc::Gen<std::string> a_text() {
  const std::vector<std::string> characters = {"a", "Z", "0", " ", "\"", "\\", "/", "\n", "\t", "\x01", "\x7f", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x90\x98", "{", ":"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(characters)), [](const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += part;
    return text;
  });
}

// A name as it may stand in a comma list.
rc::Gen<MemberName> a_name() {
  return rc::gen::map(rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcXYZ019-._@")))), [](std::string text) { return MemberName(std::move(text)); });
}

Lsn an_lsn() { return Lsn{*rc::gen::arbitrary<std::uint64_t>()}; }

json::value a_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0: return nullptr;
    case 1: return *rc::gen::arbitrary<bool>();
    case 2: return *rc::gen::arbitrary<std::int64_t>();
    case 3: return *rc::gen::arbitrary<std::int32_t>() / 8.0;
    case 4: return json::value(*a_text());
    case 5: {
      json::array array;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) array.push_back(a_value(depth - 1));
      return array;
    }
    default: {
      json::object object;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object[*a_text()] = a_value(depth - 1);
      return object;
    }
  }
}

bool is_ascii_without_blanks_outside_text(std::string_view text) {
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
    if (in_text && text[i] == '\\') ++i;
    else if (text[i] == '"') in_text = !in_text;
    else if (!in_text && text[i] == ' ') return false;
  }
  return true;
}

RC_GTEST_PROP(Layout, JsonIsReadAsItWasWritten, ()) {
  const json::value value = a_value(4);
  const std::string text = model::write_json(value);
  RC_ASSERT(is_ascii_without_blanks_outside_text(text));
  RC_ASSERT(model::read_json(text) == value);
}

RC_GTEST_PROP(Layout, ConfigIsReadAsItWasWritten, ()) {
  const json::object document{{"ttl", a_value(3)}, {*a_text(), a_value(3)}};
  const auto config = read_config(a_record(write_config(document)));
  RC_ASSERT(config.valid);
  RC_ASSERT(config.document == document);
}

RC_GTEST_PROP(Layout, StatusIsReadAsItWasWritten, ()) {
  model::StatusKey status{.optime = an_lsn()};
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) status.slots[*a_text()] = an_lsn();
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) status.retain_slots.push_back(*a_text());
  std::sort(status.retain_slots.begin(), status.retain_slots.end());
  RC_ASSERT(read_status(write_status(status)) == status);
}

RC_GTEST_PROP(Layout, SyncIsReadAsItWasWritten, ()) {
  model::SyncKey sync{.leader = *a_name(), .quorum = *rc::gen::inRange(0, 100), .revision = {7}};
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) sync.voters.insert(*a_name());
  RC_ASSERT(read_sync(a_record(write_sync(sync.leader, sync.voters, sync.quorum))) == sync);
}

RC_GTEST_PROP(Layout, HistoryIsReadAsItWasWritten, ()) {
  model::HistoryKey history{.revision = {7}};
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    history.lines.push_back({.timeline = {*rc::gen::inRange<std::uint32_t>(1, UINT32_MAX)}, .lsn = an_lsn(), .reason = *a_text(), .timestamp = *a_text(), .new_leader = *a_text()});
  }
  history.is_empty_list = history.lines.empty();
  RC_ASSERT(read_history(a_record(write_history(history.lines))) == history);
}

RC_GTEST_PROP(Layout, FailsafeIsReadAsItWasWritten, ()) {
  std::map<MemberName, std::string> members;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) members[MemberName(*a_text())] = *a_text();
  RC_ASSERT(read_failsafe(write_failsafe(members)) == members);
}

RC_GTEST_PROP(Layout, FailoverIsReadAsItWasWritten, ()) {
  model::FailoverKey request{.leader = MemberName(*a_text()), .candidate = *a_name(), .revision = {7}};
  json::object document{{"member", request.candidate.text}, {"leader", request.leader.text}};
  RC_ASSERT(read_failover(a_record(write_failover(document))) == request);
}

RC_GTEST_PROP(Layout, MemberIsReadAsItWasWritten, ()) {
  json::object document{{"conn_url", *a_text()}, {"state", *a_text()}, {"xlog_location", an_lsn().value}, {"anything", *a_text()}};
  const auto member = read_member(MemberName("pg1"), a_record(write_member(document)));
  RC_ASSERT(member.data == document);
  RC_ASSERT(member.lsn.value == document.at("xlog_location").to_number<std::uint64_t>());
}

// Bytes that look a little like what belongs there reach further than plain noise.
std::string some_bytes() {
  std::string bytes;
  const std::vector<std::string> pieces = {"{", "}", "[", "]", "\"", ":", ",", "1", "-", "1e999", "null", "true", "leader", "\"leader\":", "\"optime\":", "\"slots\":", "\"sync_standby\":",
                                           "\"quorum\":", "\"scheduled_at\":", "\"tags\":", "postgres://", "?application_name=", "%zz", "\\ud800", "\xFF", "\xC3", std::string(1, '\0'), "99999999999999999999"};
  const int count = *rc::gen::inRange(0, 24);
  for (int i = 0; i < count; ++i) bytes += *rc::gen::inRange(0, 4) == 0 ? std::string(1, *rc::gen::arbitrary<char>()) : *rc::gen::elementOf(pieces);
  return bytes;
}

RC_GTEST_PROP(Layout, AnyBytesMakeAView, ()) {
  Records records;
  for (const std::string_view name : {kInitialize, kConfig, kLeader, kStatus, kLegacyOptime, kFailover, kHistory, kSync, kFailsafe}) {
    if (*rc::gen::arbitrary<bool>()) records[std::string(name)] = a_record(some_bytes());
  }
  records["members/" + some_bytes()] = a_record(some_bytes());
  const model::Cluster cluster = read_cluster(records, {3});
  RC_ASSERT(cluster.revision.value == 3);
  RC_ASSERT(cluster.sync.revision.value == (records.contains("sync") ? 7 : 0));
}

// A view that is parsed from what changed is the view that is parsed whole.
RC_GTEST_PROP(Layout, WhatIsCopiedFromTheViewBeforeIsWhatWouldBeParsed, ()) {
  const std::vector<std::string> names{"initialize", "config", "leader", "status", "failover", "history", "sync", "failsafe", "members/a", "members/b"};
  const std::vector<std::string> values{"", "{}", "[]", "a", R"({"ttl":30})", R"({"ttl":20})", R"({"leader":"a","sync_standby":"b"})", R"([[1,2,"x"]])",
                                        R"({"state":"running","xlog_location":5})", R"({"state":"stopped","tags":{"nosync":true}})"};
  Records records;
  std::int64_t revision = 1;
  model::Cluster incremental;
  const int steps = *rc::gen::inRange(1, 30);
  for (int step = 0; step < steps; ++step) {
    const int changes = *rc::gen::inRange(0, 3);
    for (int i = 0; i < changes; ++i) {
      const std::string name = *rc::gen::elementOf(names);
      ++revision;
      if (*rc::gen::inRange(0, 4) == 0) records.erase(name);
      else records[name] = {.value = *rc::gen::elementOf(values), .mod_revision = revision, .session = *rc::gen::inRange(0, 2)};
    }
    incremental = read_cluster(records, {revision}, &incremental);
    RC_ASSERT(incremental == read_cluster(records, {revision}));
  }
}

}  // namespace
}  // namespace matriarch::store::layout
