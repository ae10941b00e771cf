#include "ctl/judgement.hpp"

#include <gmock/gmock.h>

#include "ctl/status_report.hpp"
#include "model/timestamp.hpp"
#include "unit/ctl/desk.hpp"

namespace matriarch::ctl {
namespace {

using testing::HasSubstr;

Facts healthy() {
  Facts facts{.cluster_name = "orders", .at = *model::parse_timestamp("2030-03-04T10:52:27Z"), .store_kind = "embedded", .store_milliseconds = 1};
  facts.cluster = sample_cluster();
  facts.cluster.members.erase(model::MemberName("pg-d"));
  for (const auto& view : model::describe_members(facts.cluster)) {
    const bool leads = view.holds_leader_key;
    const auto patroni = object(leads ? R"({"state":"running","role":"primary","server_version":150004,"xlog":{"location":7012876328},"timeline":8,"database_system_identifier":"7405219873312204410","patroni":{"version":"4.1.4"},"matriarch":{}})"
                                      : R"({"state":"running","role":"replica","server_version":150004,"xlog":{"received_location":7012876328,"replayed_location":7012876328,"paused":false},"timeline":8,"replication_state":"streaming","database_system_identifier":"7405219873312204410","patroni":{"version":"4.1.4"},"matriarch":{}})");
    facts.members.push_back({view.member->name.text, *view.member, view, read_answer(patroni, object(leads ? R"({"lease":{"margin_seconds":1.6}})" : "{}"))});
  }
  return facts;
}

MemberFacts& member(Facts& facts, const char* name) { return const_cast<MemberFacts&>(*facts.find(name)); }

std::string verdict(const Facts& facts) {
  const auto judgement = judge(facts, "matriarch");
  return std::string(to_text(judgement.verdict)) + (judgement.causes.empty() ? "" : " " + judgement.causes.front().code);
}

TEST(Judgement, NamesTheWorstFirst) {
  struct {
    const char* expected;
    std::function<void(Facts&)> break_it;
  } const rows[] = {
      {"OK", [](Facts&) {}},
      {"SPLIT two_primaries", [](Facts& f) { member(f, "pg-b").live = member(f, "pg-a").live; }},
      {"DOWN no_leader_key", [](Facts& f) { f.cluster.leader.reset(); }},
      {"DOWN leader_unreachable", [](Facts& f) { member(f, "pg-a").live = {.error = "connection refused"}; }},
      {"DOWN leader_not_running", [](Facts& f) { member(f, "pg-a").live.state = "starting"; }},
      {"DOWN leader_in_recovery", [](Facts& f) { member(f, "pg-a").live.in_recovery = true; }},
      {"RISK no_candidate", [](Facts& f) { for (const char* name : {"pg-b", "pg-c"}) member(f, name).stored.tags.custom["nofailover"] = true; }},
      {"RISK store_unreachable", [](Facts& f) { f.store_error = "refused"; }},
      {"RISK system_identifiers_differ", [](Facts& f) { member(f, "pg-b").live.system_id = "1"; }},
      {"RISK store_voter_silent", [](Facts& f) { f.store_members = StoreMembers{.answered = true, .has_leader = true, .voters = 3, .silent_voters = {"pg-c (h:7400)"}}; }},
      {"WARN store_member_silent", [](Facts& f) { f.store_members = StoreMembers{.answered = true, .has_leader = true, .voters = 3, .silent_others = {"pg-c (h:7400)"}}; }},
      {"RISK configuration_refused", [](Facts& f) { f.cluster.config->document["ttl"] = "abc"; }},
      {"WARN configuration_doubtful", [](Facts& f) { f.cluster.config->document["synchronous_node_count"] = "abc"; }},
      {"RISK failsafe_active", [](Facts& f) { member(f, "pg-a").live.failsafe = true; }},
      {"WARN member_unreachable", [](Facts& f) { member(f, "pg-c").live = {.error = "timed out"}; }},
      {"WARN not_streaming", [](Facts& f) { member(f, "pg-c").live.replication_state = ""; }},
      {"WARN timeline_differs", [](Facts& f) { member(f, "pg-c").live.timeline = 7; }},
      {"WARN pending_restart", [](Facts& f) { member(f, "pg-c").live.pending_restart = true; }},
      {"WARN paused", [](Facts& f) { f.cluster.config->document["pause"] = true; }},
      {"WARN no_sync_standby", [](Facts& f) { f.cluster.config->document["synchronous_mode"] = true; }},
      {"WARN mixed_versions", [](Facts& f) { member(f, "pg-c").live.server_version = 160001; }},
      {"UNKNOWN store_unreachable", [](Facts& f) { f.store_error = "refused"; for (auto& m : f.members) m.live = {}; }},
  };
  for (const auto& row : rows) {
    auto facts = healthy();
    row.break_it(facts);
    EXPECT_EQ(verdict(facts), row.expected);
  }
}

TEST(Judgement, WeighsCandidates) {
  auto facts = healthy();
  member(facts, "pg-b").live.received = member(facts, "pg-b").live.replayed = model::Lsn{7012876328 - 2 * 1048576};
  auto judgement = judge(facts, "matriarch");
  ASSERT_EQ(judgement.candidates.size(), 2u);
  EXPECT_EQ(judgement.candidates[0].name, "pg-c");
  EXPECT_EQ(judgement.candidates[0].loss_bytes, 0u);
  EXPECT_FALSE(judgement.candidates[1].eligible());
  EXPECT_EQ(judgement.candidates[1].gates.back().says, "2 MB behind the last known position of the primary (limit 1 MB, maximum_lag_on_failover)");
  facts.cluster.config->document["synchronous_mode"] = true;
  facts.cluster.sync = {.leader = model::MemberName("pg-a"), .voters = {model::MemberName("pg-b")}};
  judgement = judge(facts, "matriarch");
  EXPECT_FALSE(judgement.candidates[0].eligible()) << "not in sync, or too far behind";
  EXPECT_EQ(judgement.guarantee, "one standby may be lost without losing a commit: every commit is on the primary and on pg-b");
}

TEST(StatusReport, OfAHealthyClusterIsShort) {
  auto facts = healthy();
  facts.cluster.history = model::HistoryKey{.lines = {{model::Timeline{7}, model::Lsn{1}, "", "2030-02-20T23:41:57+00:00", "pg-a"}}};
  EXPECT_EQ(status_text(facts, judge(facts, "matriarch"), {{"10:00:00", "pg-a", "promoted", "term=5"}}),
            "orders  OK       primary pg-a since 2030-02-20 23:41 UTC (11 d)   PostgreSQL 15.4   TL 8   embedded ok 1 ms\n"
            "  writes   possible on pg-a (lease valid for 1.6 s more)\n"
            "  commits  asynchronous: a failover may lose what the new primary has not received, at most 1 MB\n"
            "  failover ready: pg-b (0 B behind), then pg-c (0 B behind)\n"
            "  MEMBER  ROLE     STATE      BEHIND  NOTES\n"
            "  pg-a    primary  running    -\n"
            "  pg-b    replica  streaming  0 B\n"
            "  pg-c    replica  streaming  0 B\n"
            "  events   10:00:00  pg-a  promoted  term=5\n");
}

TEST(StatusReport, OfAnOutageSaysWhatToDo) {
  auto facts = healthy();
  facts.cluster.leader.reset();
  member(facts, "pg-a").live = {.error = "connection refused"};
  const auto text = status_text(facts, judge(facts, "matriarch"), {});
  EXPECT_THAT(text, HasSubstr("orders  DOWN     no leader "));
  EXPECT_THAT(text, HasSubstr("  because  nobody holds the leader key\n           pg-a does not answer: connection refused\n"));
  EXPECT_THAT(text, HasSubstr("  writes   not possible\n"));
  EXPECT_THAT(text, HasSubstr("  next     1. matriarch why-no-leader orders\n           2. matriarch failover orders --candidate pg-b        (may lose up to 0 B)\n"));
}

TEST(StatusReport, NamesTheVoterThatDoesNotAnswer) {
  auto facts = healthy();
  facts.store_members = StoreMembers{.answered = true, .has_leader = true, .voters = 3, .silent_voters = {"pg-c (h:7400)"}};
  const auto judgement = judge(facts, "matriarch");
  EXPECT_EQ(exit_code(judgement.verdict), 1);
  const auto text = status_text(facts, judgement, {});
  EXPECT_THAT(text, HasSubstr("  because  1 of 3 voters of the store does not answer: pg-c (h:7400)\n"));
  EXPECT_THAT(text, HasSubstr("matriarch store status\n"));
  EXPECT_EQ(model::write_json(status_json(facts, judgement).at("store").at("silent_voters")), R"x(["pg-c (h:7400)"])x");
}

TEST(StatusReport, WhatCannotBeSeenIsNotDenied) {
  auto facts = healthy();
  facts.store_error = "connection refused";
  facts.cluster.leader.reset();
  for (auto& one : facts.members) one.live = {.error = "connection refused"};
  EXPECT_THAT(status_text(facts, judge(facts, "matriarch"), {}), HasSubstr("  writes   not known from here: the store does not answer\n"));
  facts = healthy();
  member(facts, "pg-a").live = {.error = "timed out"};
  EXPECT_THAT(status_text(facts, judge(facts, "matriarch"), {}), HasSubstr("  writes   not known from here: pg-a holds the leader key and does not answer\n"));
}

TEST(StatusReport, ForMachinesHasEveryField) {
  auto facts = healthy();
  const auto document = status_json(facts, judge(facts, "matriarch"));
  for (const char* key : {"schema", "generated_at", "cluster", "group", "verdict", "because", "next", "system_identifier", "timeline", "leader", "pause",
                          "scheduled_switchover", "synchronous_mode", "guarantee", "store", "failover", "members"}) {
    EXPECT_TRUE(document.contains(key)) << key;
  }
  EXPECT_EQ(document.at("verdict").as_string(), "ok");
  EXPECT_EQ(document.at("members").as_array().size(), 3u);
  EXPECT_TRUE(document.at("members").as_array()[0].at("receive_lag_bytes").is_null());
  EXPECT_EQ(document.at("members").as_array()[1].at("agent").as_string(), "matriarch");
}

TEST(BytesText, IsShort) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(7759462), "7.4 MB");
  EXPECT_EQ(bytes_text(1048576), "1 MB");
  EXPECT_EQ(bytes_text(671088640), "640 MB");
}

}  // namespace
}  // namespace matriarch::ctl
