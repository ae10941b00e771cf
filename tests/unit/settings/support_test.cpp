#include "settings/support.hpp"

#include <gmock/gmock.h>

#include <set>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

using testing::HasSubstr;

std::string told(std::string_view yaml, bool strict = false) {
  Complaints complaints;
  check_keys(object_of(yaml), {.keys = local_keys(), .strict = strict}, complaints);
  return all_text(complaints);
}

TEST(Support, FindsTheNearestName) {
  EXPECT_EQ(nearest("lisen", {"listen", "certfile"}), "listen");
  EXPECT_EQ(nearest("conect_adress", {"connect_address", "proxy_address"}), "connect_address");
  EXPECT_EQ(nearest("xyz", {"listen"}), std::nullopt);
  EXPECT_EQ(nearest("", {"a"}), "a");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), {"a"}), std::nullopt);
}

TEST(Support, UnknownKeysAreNamedWithTheNearestKnown) {
  EXPECT_EQ(told("{restapi: {lisen: 'a:1'}}"), "warning: restapi.lisen is not a known key and is ignored; did you mean restapi.listen?\n");
  EXPECT_EQ(told("{synchronous_mode: true}"), "warning: synchronous_mode is not a known key and is ignored; did you mean bootstrap.dcs.synchronous_mode?\n");
  EXPECT_EQ(told("{data_dir: /x}"), "warning: data_dir is not a known key and is ignored; did you mean postgresql.data_dir?\n");
  EXPECT_EQ(told("{postgresl: {}}"), "warning: postgresl is not a known key and is ignored; did you mean postgresql?\n");
  EXPECT_EQ(told("{qqqqqq: 1}"), "warning: qqqqqq is not a known key and is ignored\n");
  EXPECT_EQ(told("{qqqqqq: 1}", true), "error: qqqqqq is not a known key\n");
}

TEST(Support, OpenMappingsTakeAnyName) {
  EXPECT_EQ(told("{postgresql: {parameters: {pg_stat_statements.max: 1, x: 2}}, log: {static_fields: {any: 1}}, tags: {mine: 1}}"), "");
}

TEST(Support, WhatHasNoEffectIsSaid) {
  EXPECT_EQ(told("{log: {loggers: {patroni.ha: DEBUG}}}"), "warning: log.loggers.patroni.ha has no effect; they are Python's; log.level holds for everything\n");
  for (const char* text : {"{log: {deduplicate_heartbeat_logs: true}}", "{restapi: {request_queue_size: 5}}"}) {
    EXPECT_THAT(told(text), HasSubstr("has no effect")) << text;
  }
}

TEST(Support, RefusedSectionsAreNamedOnce) {
  EXPECT_EQ(told("{kubernetes: {labels: {a: b}, use_endpoints: true}}"), "error: kubernetes is not supported yet\n");
  EXPECT_EQ(told("{etcd: {host: h, port: 1}}"), "error: etcd is not supported yet\n");
  EXPECT_EQ(told("{consul: {host: h}}"), "error: consul is not supported yet\n");
  EXPECT_EQ(told("{zookeeper: {}}"), "error: zookeeper is not supported yet\n");
  EXPECT_THAT(told("{exhibitor: {hosts: [a]}}"), HasSubstr("error: exhibitor is Exhibitor"));
  EXPECT_EQ(told("{citus: {group: 0}}"), "error: citus is not supported yet\n");
  EXPECT_EQ(told("{matriarch: {health: {command: x}, slot_wal_budget: 1GB}}"),
            "error: matriarch.health is not supported yet\nerror: matriarch.slot_wal_budget is not supported yet\n");
}

TEST(Support, KeysWithoutEffectSayWhy) {
  EXPECT_THAT(told("{thread_pool_size: 8}"), HasSubstr("warning: thread_pool_size has no effect; the threads are few"));
  EXPECT_THAT(told("{ttl: 20}"), HasSubstr("warning: ttl has no effect; belongs to the dynamic configuration"));
}

TEST(Support, TheTableHasEachKeyOnce) {
  for (const auto keys : {local_keys(), dynamic_keys()}) {
    std::set<std::string_view> seen;
    for (const Key& key : keys) {
      EXPECT_TRUE(seen.insert(key.path).second) << key.path;
      EXPECT_FALSE(key.type.empty()) << key.path;
      const bool needs_a_note = key.support == Support::kDiffers || key.support == Support::kNoEffect;
      EXPECT_TRUE(!needs_a_note || !key.note.empty()) << key.path;
    }
  }
}

TEST(Support, TheTableAsMarkdown) {
  const std::string table = compatibility_table();
  EXPECT_THAT(table, HasSubstr("| `restapi.listen` | host:port |  | reload | supported |  |\n"));
  EXPECT_THAT(table, HasSubstr("| `kubernetes.**` | mapping |  | restart of the agent | refused | not supported yet |\n"));
}

}  // namespace
}  // namespace matriarch::settings
