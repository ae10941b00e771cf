#include "settings/dynamic.hpp"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using model::SynchronousMode;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

Accepted accepted(std::string_view yaml, TimingLimits limits = TimingLimits::kPatroni) {
  auto result = accept_dynamic(object_of(yaml), limits);
  EXPECT_TRUE(result) << yaml << "\n" << (result ? "" : all_text(result.error()));
  return result ? *result : Accepted{};
}

Complaints rejected(std::string_view yaml) {
  const auto result = accept_dynamic(object_of(yaml), TimingLimits::kPatroni);
  EXPECT_FALSE(result) << yaml;
  return result ? Complaints{} : result.error();
}

TEST(Dynamic, AnEmptyDocumentIsAllDefaults) {
  const auto result = accepted("{}");
  EXPECT_EQ(result.settings, model::DynamicSettings{});
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_THAT(result.fallbacks, IsEmpty());
}

TEST(Dynamic, EveryKeyOfItsOwn) {
  const auto settings = accepted(R"({ttl: 60, loop_wait: 5, retry_timeout: 5, maximum_lag_on_failover: 0, maximum_lag_on_syncnode: 1000, check_timeline: on,
    max_timelines_history: 5, primary_start_timeout: 0, primary_stop_timeout: 60, primary_race_backoff: 3, synchronous_mode: Quorum,
    synchronous_mode_strict: true, synchronous_node_count: 2, failsafe_mode: 'yes', pause: true, member_slots_ttl: 1h, slots: {a: {type: physical}},
    ignore_slots: [{name: x}], postgresql: {use_slots: false}})").settings;
  EXPECT_EQ(settings.timing, (model::Timing{60s, 5s, 5s}));
  EXPECT_EQ(settings.maximum_lag_on_failover, 0);
  EXPECT_EQ(settings.maximum_lag_on_syncnode, 1000);
  EXPECT_TRUE(settings.check_timeline);
  EXPECT_EQ(settings.max_timelines_history, 5);
  EXPECT_EQ(settings.primary_start_timeout, 0s);
  EXPECT_EQ(settings.primary_stop_timeout, 60s);
  EXPECT_EQ(settings.primary_race_backoff, 3s);
  EXPECT_EQ(settings.synchronous_mode, SynchronousMode::kQuorum);
  EXPECT_TRUE(settings.synchronous_mode_strict);
  EXPECT_EQ(settings.synchronous_node_count, 2);
  EXPECT_TRUE(settings.failsafe_mode);
  EXPECT_TRUE(settings.pause);
  EXPECT_EQ(settings.member_slots_ttl, 1h);
  EXPECT_TRUE(settings.slots.contains("a"));
  EXPECT_EQ(settings.ignore_slots.size(), 1u);
  EXPECT_FALSE(settings.use_slots);
}

TEST(Dynamic, OldNamesCountWhereTheNewOneIsAbsent) {
  EXPECT_EQ(accepted("{master_start_timeout: 7}").settings.primary_start_timeout, 7s);
  EXPECT_EQ(accepted("{master_start_timeout: 7, primary_start_timeout: 8}").settings.primary_start_timeout, 8s);
  EXPECT_EQ(accepted("{master_start_timeout: 7, primary_start_timeout: null}").settings.primary_start_timeout, 300s);
  EXPECT_EQ(accepted("{master_stop_timeout: 9}").settings.primary_stop_timeout, 9s);
  EXPECT_TRUE(accepted("{permanent_slots: {a: {}}, slots: {b: {}}}").settings.slots.contains("a"));
  EXPECT_TRUE(accepted("{permanent_slots: {}, slots: {b: {}}}").settings.slots.contains("b"));
}

TEST(Dynamic, ValuesThatDoNotParseFallBackAndAreNamed) {
  const auto result = accepted("{maximum_lag_on_failover: 1MB, synchronous_mode: quorom, pause: maybe, member_slots_ttl: 1 week, slots: [a], ignore_slots: {}, "
                               "check_timeline: [], primary_start_timeout: soon, postgresql: {use_slots: perhaps}, standby_cluster: text}");
  EXPECT_EQ(result.settings.maximum_lag_on_failover, 1048576);
  EXPECT_EQ(result.settings.synchronous_mode, SynchronousMode::kOff);
  EXPECT_EQ(result.settings.member_slots_ttl, 1800s);
  EXPECT_EQ(result.settings.primary_start_timeout, 300s);
  EXPECT_TRUE(result.settings.use_slots);
  EXPECT_EQ(result.fallbacks.size(), 10u) << all_text(result.fallbacks);
  EXPECT_THAT(all_text(result.fallbacks), HasSubstr("maximum_lag_on_failover 1MB is not an integer; 1048576 is used"));
}

TEST(Dynamic, NodeCountIsAtLeastOneWhenStrict) {
  EXPECT_EQ(accepted("{synchronous_node_count: 0}").settings.synchronous_node_count, 0);
  EXPECT_EQ(accepted("{synchronous_node_count: -3}").settings.synchronous_node_count, 0);
  EXPECT_EQ(accepted("{synchronous_node_count: 0, synchronous_mode_strict: true}").settings.synchronous_node_count, 1);
}

TEST(Dynamic, StandbyClusterNeedsASource) {
  EXPECT_FALSE(accepted("{standby_cluster: null}").settings.standby_cluster);
  EXPECT_FALSE(accepted("{standby_cluster: {create_replica_methods: [x]}}").settings.standby_cluster);
  EXPECT_FALSE(accepted("{standby_cluster: {host: ''}}").settings.standby_cluster);
  const auto standby = accepted("{standby_cluster: {host: 'a,b', port: 5432, primary_slot_name: s, create_replica_methods: [x]}}").settings.standby_cluster;
  ASSERT_TRUE(standby);
  EXPECT_EQ(standby->host, "a,b");
  EXPECT_EQ(standby->port, "5432");
  EXPECT_EQ(standby->primary_slot_name, "s");
  EXPECT_FALSE(accepted("{standby_cluster: {restore_command: cp}}").settings.standby_cluster->primary_slot_name);
  EXPECT_THAT(rejected("{standby_cluster: {host: h, primary_slot_name: null}}"), ElementsAre(Complains("standby_cluster.primary_slot_name", "is null")));
}

TEST(Dynamic, NamesOfSlotsAreChecked) {
  const auto result = accepted("{slots: {good_1: {}, Bad: {}, '': {}, a-b: {}}}");
  EXPECT_EQ(result.settings.slots.size(), 1u);
  EXPECT_EQ(result.fallbacks.size(), 3u);
}

TEST(Dynamic, ADocumentIsRejectedAsAWhole) {
  EXPECT_THAT(rejected("{ttl: null}"), ElementsAre(Complains("ttl", "is not an integer")));
  EXPECT_THAT(rejected("{loop_wait: '5.5', pause: true}"), ElementsAre(Complains("loop_wait", "is not an integer")));
  EXPECT_THAT(rejected("{postgresql: text}"), ElementsAre(Complains("postgresql", "is not a dictionary")));
  EXPECT_THAT(rejected("{postgresql: {parameters: [a]}}"), ElementsAre(Complains("postgresql.parameters", "is not a dictionary")));
  EXPECT_THAT(rejected("{postgresql: {parameters: {x: [a]}}}"), ElementsAre(Complains("postgresql.parameters.x", "is a list")));
  EXPECT_THAT(rejected("{x: .inf}"), ElementsAre(Complains("x", "is not a finite number")));
}

TEST(Dynamic, NullSectionsAreEmpty) {
  EXPECT_EQ(accepted("{postgresql: null, standby_cluster: null}").settings.use_slots, true);
  accepted("{postgresql: {parameters: null}}");
}

TEST(Dynamic, UnknownKeysAreKeptAndNamed) {
  const auto result = accepted("{syncronous_mode: true, postgresql: {parameterz: {}, my_method: {command: x}}}");
  EXPECT_TRUE(result.settings.document.contains("syncronous_mode"));
  EXPECT_EQ(all_text(result.warnings),
            "warning: syncronous_mode is not a known key and is ignored; did you mean synchronous_mode?\n"
            "warning: postgresql.parameterz is not a known key and is ignored; did you mean postgresql.parameters?\n");
}

TEST(Dynamic, LocalOnlyKeysAreNamed) {
  EXPECT_THAT(all_text(accepted("{postgresql: {listen: 'x:1', authentication: {superuser: {password: hunter2}}}}").warnings),
              testing::AllOf(HasSubstr("postgresql.listen has no effect; local only"), testing::Not(HasSubstr("hunter2"))));
}

TEST(Dynamic, AChangeMustNotBringAMistake) {
  const auto check = [](std::string_view before, std::string_view after) {
    return all_text(refuse_change(object_of(before), object_of(after), TimingLimits::kPatroni));
  };
  EXPECT_EQ(check("{}", "{ttl: 40}"), "");
  EXPECT_THAT(check("{}", "{ttl: x}"), HasSubstr("error: ttl x is not an integer"));
  EXPECT_THAT(check("{}", "{maximum_lag_on_failover: 1MB}"), HasSubstr("error: maximum_lag_on_failover 1MB is not an integer"));
  EXPECT_EQ(check("{maximum_lag_on_failover: 1MB}", "{maximum_lag_on_failover: 1MB, pause: true}"), "");
  EXPECT_THAT(check("{}", "{synchronous_node_count: abc}"), HasSubstr("error: synchronous_node_count abc is not an integer"));
  EXPECT_THAT(check("{}", "{loop_wait: zz}"), HasSubstr("error: loop_wait zz"));
  EXPECT_THAT(check("{}", "{postgresql: hello}"), HasSubstr("error: postgresql hello is not a dictionary"));
  EXPECT_EQ(check("{}", "{ttl: 1, loop_wait: 7.9, synchronous_node_count: -1, postgresql: {parameters: {max_connections: 1}}, x: y}"), "") << "clamped or kept by Patroni";
  EXPECT_THAT(check("{maximum_lag_on_failover: 1MB}", "{maximum_lag_on_failover: 2MB}"), HasSubstr("2MB"));
}

// Whatever the store holds, reading it gives settings or complaints, and settings keep what they promise.
TEST(Dynamic, AnyDocumentIsAcceptedOrRejected) {
  const std::vector<std::string> keys{"ttl", "loop_wait", "pause", "slots", "ignore_slots", "synchronous_mode", "synchronous_node_count", "postgresql",
                                      "standby_cluster", "member_slots_ttl", "maximum_lag_on_failover", "x"};
  const std::vector<json::value> values{nullptr, true, -1, 0, 1, 1e308, "", "on", "quorum", "1h", "5.5", json::array{}, json::array{1, json::object{}},
                                        json::object{}, json::object{{"parameters", 1}}, json::object{{"parameters", json::object{{"a", json::array{}}}}},
                                        json::object{{"host", 5}, {"primary_slot_name", json::array{}}}, json::object{{"pg_hba", "x"}, {"basebackup", 7}}};
  EXPECT_TRUE(rc::check("no crash, no half", [&] {
    json::object document;
    for (const std::string& key : *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(keys))) document[key] = *rc::gen::elementOf(values);
    for (const TimingLimits limits : {TimingLimits::kEmbedded, TimingLimits::kPatroni}) {
      const auto result = accept_dynamic(document, limits);
      if (!result) {
        RC_ASSERT(has_errors(result.error()));
        continue;
      }
      RC_ASSERT(result->settings.document == document);
      RC_ASSERT(result->settings.timing.ttl >= 1s);
      RC_ASSERT(!has_errors(result->warnings) && !has_errors(result->fallbacks));
    }
  }));
}

}  // namespace
}  // namespace matriarch::settings
