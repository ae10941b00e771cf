#include <gtest/gtest.h>

#include "model/postgres.hpp"
#include "model/settings.hpp"

namespace matriarch::model {
namespace {

TEST(SlotName, FollowsPatroni) {
  EXPECT_EQ(slot_name_of(MemberName("Node-1.example@x")), "node_1_exampleu0064x");
  EXPECT_EQ(slot_name_of(MemberName(std::string(80, 'a'))).size(), 63u);
}

TEST(KeyPrefix, CollapsesSlashes) {
  Settings settings;
  settings.scope = "demo";
  for (const char* name : {"service", "/service", "/service/", "service//"}) {
    settings.name_space = name;
    EXPECT_EQ(settings.key_prefix(), "/service/demo/") << name;
  }
  settings.name_space = "";
  EXPECT_EQ(settings.key_prefix(), "/demo/");
}

TEST(SystemId, NeedsTenDigits) {
  EXPECT_TRUE(SystemId{"7412345678901234567"}.valid());
  EXPECT_FALSE(SystemId{"741234567"}.valid());
  EXPECT_FALSE(SystemId{"74123456789x"}.valid());
  EXPECT_FALSE(SystemId{""}.valid());
}

TEST(Tags, BooleanWinsOverPriority) {
  EXPECT_TRUE((Tags{{{"nofailover", true}, {"failover_priority", 3}}}.nofailover()));
  EXPECT_FALSE((Tags{{{"nofailover", false}, {"failover_priority", 0}}}.nofailover()));
  EXPECT_TRUE((Tags{{{"failover_priority", 0}}}.nofailover()));
  EXPECT_EQ((Tags{{{"failover_priority", "7"}}}.failover_priority()), 7);
  EXPECT_FALSE((Tags{{{"nosync", "false"}}}.nosync()));
  EXPECT_FALSE((Tags{{{"clonefrom", nullptr}}}.clonefrom()));
}

TEST(SyncNames, ReadsEveryForm) {
  const auto plain = parse_sync_names("n1");
  EXPECT_EQ(plain.kind, SyncNames::Kind::kPriority);
  EXPECT_EQ(plain.num, 1);
  const auto counted = parse_sync_names("2 (a,\"n-1\")");
  EXPECT_EQ(counted.kind, SyncNames::Kind::kPriority);
  EXPECT_EQ(counted.num, 2);
  EXPECT_EQ(counted.members, (std::set<MemberName>{MemberName("a"), MemberName("n-1")}));
  const auto any = parse_sync_names("any 1 ( a , b )");
  EXPECT_EQ(any.kind, SyncNames::Kind::kQuorum);
  EXPECT_EQ(any.members.size(), 2u);
  EXPECT_TRUE(parse_sync_names("*").star);
  EXPECT_EQ(parse_sync_names("\"a\"\"b\"").members.begin()->text, "a\"b");
}

TEST(SyncNames, WhatPostgresWouldRefuseIsOff) {
  for (const char* text : {"", "2 (a", "ANY x (a)", "a b", "\"a", "2 (a) b", ","}) {
    EXPECT_EQ(parse_sync_names(text).kind, SyncNames::Kind::kOff) << text;
  }
}

}  // namespace
}  // namespace matriarch::model
