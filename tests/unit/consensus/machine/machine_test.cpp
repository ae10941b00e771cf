#include "consensus/machine/machine.hpp"

#include <gmock/gmock.h>

#include "words.hpp"

namespace matriarch::consensus::machine {
namespace {

using namespace test;
using ::testing::ElementsAre;

const TransactionOutcome& transaction_of(const Applied& applied) {
  return std::get<TransactionOutcome>(*applied.outcome.answer);
}
Refusal refusal_of(const Applied& applied) {
  EXPECT_FALSE(applied.outcome.answer.has_value());
  return applied.outcome.answer ? Refusal{} : applied.outcome.answer.error();
}

TEST(Machine, StartsAtRevisionOneAndCountsEachWrite) {
  Machine machine;
  EXPECT_EQ(machine.revision(), 1);
  EXPECT_EQ(machine.apply(put_key("a", "1")).outcome.revision, 2);
  EXPECT_EQ(machine.apply(put_key("a", "2")).outcome.revision, 3);
  const auto kv = machine.find("a");
  EXPECT_EQ(*kv, (KeyValue{.key = "a", .value = "2", .create_revision = 2, .mod_revision = 3, .version = 2}));
}

TEST(Machine, ADeletionOfNothingIsNoWrite) {
  Machine machine;
  const auto applied = machine.apply(delete_key("a"));
  EXPECT_EQ(applied.outcome.revision, 1);
  EXPECT_TRUE(applied.events.empty());
}

TEST(Machine, ADeletedKeyStartsItsVersionAnew) {
  Machine machine;
  machine.apply(put_key("a", "1"));
  machine.apply(delete_key("a"));
  machine.apply(put_key("a", "2"));
  EXPECT_EQ(machine.find("a")->version, 1);
  EXPECT_EQ(machine.find("a")->create_revision, 4);
}

TEST(Machine, RangesAsEtcdNamesThem) {
  Machine machine;
  for (const auto* key : {"a", "b/1", "b/2", "b0", "c"}) machine.apply(put_key(key, key));
  const auto keys = [&](KeyRange range) {
    std::vector<std::string> found;
    RangeRequest request{.keys = std::move(range)};
    const auto outcome = machine.range(request);
    for (const auto& kv : outcome->kvs) found.push_back(kv->key);
    return found;
  };
  EXPECT_THAT(keys({.key = "b/1"}), ElementsAre("b/1"));
  EXPECT_THAT(keys({.key = "b/", .end = "b0"}), ElementsAre("b/1", "b/2"));
  EXPECT_THAT(keys({.key = "b", .end = std::string(1, '\0')}), ElementsAre("b/1", "b/2", "b0", "c"));
  EXPECT_THAT(keys({.key = "c", .end = "a"}), ElementsAre());
}

TEST(Machine, ALimitedRangeCountsAllAndSaysThatThereIsMore) {
  Machine machine;
  for (const auto* key : {"a", "b", "c"}) machine.apply(put_key(key, key));
  RangeRequest request{.keys = {.key = "a", .end = std::string(1, '\0')}, .limit = 2};
  const auto outcome = machine.range(request);
  EXPECT_EQ(outcome->kvs.size(), 2u);
  EXPECT_EQ(outcome->count, 3);
  EXPECT_TRUE(outcome->more);
  request.order = RangeRequest::Order::kDescending;
  EXPECT_EQ(machine.range(request)->kvs[0]->key, "c");
}

TEST(Machine, TheLeaderRaceIsWonByOne) {
  Machine machine;
  machine.apply({.body = GrantLease{.id = 7, .ttl_ms = 2000}});
  machine.apply({.body = GrantLease{.id = 8, .ttl_ms = 2000}});
  const auto race = [&](std::string name, LeaseId lease) {
    Transaction transaction;
    transaction.compare.push_back(created("leader", 0));
    transaction.success.push_back(writes("leader", std::move(name), lease));
    transaction.failure.push_back(reads("leader"));
    return machine.apply({.body = std::move(transaction)});
  };
  EXPECT_TRUE(transaction_of(race("pg1", 7)).succeeded);
  const auto lost = race("pg2", 8);
  EXPECT_FALSE(transaction_of(lost).succeeded);
  const auto& seen = std::get<RangeOutcome>(transaction_of(lost).responses[0].what);
  EXPECT_EQ(seen.kvs[0]->value, "pg1");
}

// Patroni's renewal after a restart: rebind to the new lease if the key is ours or gone.
TEST(Machine, NestedTransactionsTakeOneBranchEach) {
  Machine machine;
  machine.apply({.body = GrantLease{.id = 9, .ttl_ms = 2000}});
  const auto rebind = [&] {
    Transaction inner;
    inner.compare.push_back(created("leader", 0));
    inner.success.push_back(writes("leader", "pg1", 9));
    Transaction outer;
    outer.compare.push_back(has_value("leader", "pg1"));
    outer.success.push_back(writes("leader", "pg1", 9));
    outer.failure.push_back({std::move(inner)});
    return machine.apply({.body = std::move(outer)});
  };
  auto first = rebind();
  EXPECT_FALSE(transaction_of(first).succeeded);
  EXPECT_TRUE(std::get<TransactionOutcome>(transaction_of(first).responses[0].what).succeeded);
  EXPECT_TRUE(transaction_of(rebind()).succeeded);
  machine.apply(put_key("leader", "pg2"));
  auto lost = rebind();
  EXPECT_FALSE(transaction_of(lost).succeeded);
  EXPECT_FALSE(std::get<TransactionOutcome>(transaction_of(lost).responses[0].what).succeeded);
  EXPECT_EQ(value_of(machine, "leader"), "pg2");
}

TEST(Machine, AnAbsentKeyHasNoValueToCompare) {
  Machine machine;
  Transaction transaction;
  transaction.compare.push_back(has_value("a", ""));
  EXPECT_FALSE(transaction_of(machine.apply({.body = transaction})).succeeded);
  transaction.compare[0].result = Compare::Result::kNotEqual;
  EXPECT_FALSE(transaction_of(machine.apply({.body = transaction})).succeeded);
}

TEST(Machine, ARefusedTransactionChangesNothing) {
  Machine machine;
  Transaction transaction;
  transaction.success.push_back(writes("a", "1"));
  transaction.success.push_back(writes("b", "1", 77));
  EXPECT_EQ(refusal_of(machine.apply({.body = transaction})), Refusal::kLeaseNotFound);
  EXPECT_EQ(machine.find("a"), nullptr);
  EXPECT_EQ(machine.revision(), 1);
}

TEST(Machine, OneTransactionWritesAKeyOnce) {
  Machine machine;
  Transaction twice;
  twice.success = {writes("a", "1"), writes("a", "2")};
  EXPECT_EQ(refusal_of(machine.apply({.body = twice})), Refusal::kDuplicateKey);
  Transaction put_and_delete;
  put_and_delete.success = {deletes("a"), writes("a", "2")};
  EXPECT_EQ(refusal_of(machine.apply({.body = put_and_delete})), Refusal::kDuplicateKey);
  Transaction either;
  either.success = {writes("a", "1")};
  either.failure = {writes("a", "2")};
  Transaction outer;
  outer.success.push_back({either});
  EXPECT_TRUE(machine.apply({.body = outer}).outcome.answer.has_value());
}

// The keys that the answer to a keep-alive names; nothing when it names none.
std::optional<std::vector<std::string>> keys_kept(Machine& machine, LeaseId id) {
  const auto applied = machine.apply({.body = KeepAlive{.id = id}});
  const auto* kept = std::get_if<KeptAlive>(&*applied.outcome.answer);
  return kept ? std::optional(kept->keys) : std::nullopt;
}

TEST(Machine, AKeepAliveSaysWhichKeysItKeeps) {
  Machine machine;
  machine.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  machine.apply({.body = GrantLease{.id = 6, .ttl_ms = 2000}});
  EXPECT_EQ(keys_kept(machine, 5), std::nullopt) << "not before every member understands it";
  machine.apply({.body = SetFeatureLevel{.level = kFeatureLevel}});
  EXPECT_THAT(keys_kept(machine, 5), testing::Optional(testing::IsEmpty()));
  machine.apply(put_key("leader", "pg1", 5));
  machine.apply(put_key("members/pg1", "{}", 5));
  EXPECT_THAT(keys_kept(machine, 5), testing::Optional(testing::ElementsAre("leader", "members/pg1")));
  const auto copy = Machine::from_snapshot(machine.snapshot());
  ASSERT_TRUE(copy);
  auto restarted = *copy;
  EXPECT_THAT(keys_kept(restarted, 5), testing::Optional(testing::ElementsAre("leader", "members/pg1")));
  machine.apply(put_key("leader", "pg1", 6));  // bound to another
  EXPECT_THAT(keys_kept(machine, 5), testing::Optional(testing::ElementsAre("members/pg1")));
  machine.apply(put_key("leader", "pg1"));  // bound to none
  EXPECT_THAT(keys_kept(machine, 6), testing::Optional(testing::IsEmpty()));
  for (int i = 0; i < 20; ++i) machine.apply(put_key("many/" + std::to_string(i), "", 6));
  EXPECT_EQ(keys_kept(machine, 6), std::nullopt);
}

TEST(Machine, IgnoredValueAndLeaseStay) {
  Machine machine;
  machine.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  machine.apply(put_key("a", "1", 5));
  PutRequest keep_value{.key = "a", .ignore_value = true};
  machine.apply(put(keep_value));
  EXPECT_EQ(value_of(machine, "a"), "1");
  EXPECT_EQ(machine.find("a")->lease, 0);
  machine.apply(put_key("a", "1", 5));
  PutRequest keep_lease{.key = "a", .value = "2", .ignore_lease = true};
  machine.apply(put(keep_lease));
  EXPECT_EQ(machine.find("a")->lease, 5);
  PutRequest absent{.key = "b", .ignore_value = true};
  EXPECT_EQ(refusal_of(machine.apply(put(absent))), Refusal::kKeyNotFound);
}

TEST(Machine, ALeaseTakesItsKeysWithItAtOneRevision) {
  Machine machine;
  machine.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  machine.apply(put_key("leader", "pg1", 5));
  machine.apply(put_key("members/pg1", "{}", 5));
  machine.apply(put_key("status", "1"));
  const auto before = machine.revision();
  const auto applied = machine.apply({.body = RevokeLease{.id = 5}});
  EXPECT_EQ(machine.revision(), before + 1);
  EXPECT_EQ(applied.events.size(), 2u);
  EXPECT_EQ(applied.events[0].now->key, "leader");
  EXPECT_EQ(applied.events[0].previous->value, "pg1");
  EXPECT_THAT(applied.leases_gone, ElementsAre(5));
  EXPECT_EQ(value_of(machine, "status"), "1");
}

TEST(Machine, AnExpiryThatCameTooLateDoesNothing) {
  Machine machine;
  const auto granted = machine.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  machine.apply(put_key("leader", "pg1", 5));
  machine.apply({.body = KeepAlive{.id = 5}});
  machine.apply({.body = ExpireLease{.id = 5, .kept_alive_at = granted.step}});
  EXPECT_EQ(value_of(machine, "leader"), "pg1");
  machine.apply({.body = ExpireLease{.id = 5, .kept_alive_at = machine.find_lease(5)->kept_alive_at}});
  EXPECT_EQ(value_of(machine, "leader"), "(absent)");
  EXPECT_EQ(refusal_of(machine.apply({.body = KeepAlive{.id = 5}})), Refusal::kLeaseNotFound);
}

TEST(Machine, AKeyMovesBetweenLeases) {
  Machine machine;
  machine.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  machine.apply({.body = GrantLease{.id = 6, .ttl_ms = 2000}});
  machine.apply(put_key("a", "1", 5));
  machine.apply(put_key("a", "1", 6));
  machine.apply({.body = RevokeLease{.id = 5}});
  EXPECT_EQ(value_of(machine, "a"), "1");
  machine.apply(put_key("a", "1"));
  machine.apply({.body = RevokeLease{.id = 6}});
  EXPECT_EQ(value_of(machine, "a"), "1");
}

TEST(Machine, ARepeatedCommandGetsItsFirstAnswer) {
  Machine machine;
  Transaction race;
  race.compare.push_back(created("a", 0));
  race.success.push_back(writes("a", "1"));
  const Command command{.origin = {.client = 3, .sequence = 1}, .body = race};
  const auto first = machine.apply(command);
  const auto again = machine.apply(command);
  EXPECT_TRUE(transaction_of(again).succeeded);
  EXPECT_TRUE(again.repeated);
  EXPECT_TRUE(equal(first.outcome, again.outcome));
  EXPECT_EQ(machine.find("a")->version, 1);
}

TEST(Machine, AnAnswerTooOldToRememberIsNeverCarriedOutAgain) {
  Limits limits;
  limits.max_dedup_outcomes = 2;
  Machine machine(limits);
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) {
    auto command = put_key("a", std::to_string(sequence));
    command.origin = {.client = 3, .sequence = sequence};
    machine.apply(command);
  }
  auto repeated = put_key("a", "1");
  repeated.origin = {.client = 3, .sequence = 1};
  EXPECT_EQ(refusal_of(machine.apply(repeated)), Refusal::kAlreadyAnswered);
  EXPECT_EQ(value_of(machine, "a"), "4");
}

TEST(Machine, TheBoundsHold) {
  Limits limits;
  limits.max_keys = 2;
  limits.max_value_bytes = 10;
  limits.max_bytes = 16;
  limits.max_leases = 1;
  Machine machine(limits);
  EXPECT_EQ(refusal_of(machine.apply(put_key("a", "12345678901"))), Refusal::kTooLarge);
  machine.apply(put_key("a", "1"));
  machine.apply(put_key("b", "1"));
  EXPECT_EQ(refusal_of(machine.apply(put_key("c", "1"))), Refusal::kNoSpace);
  machine.apply(delete_key("b"));
  machine.apply(put_key("a", "1234567890"));
  EXPECT_EQ(refusal_of(machine.apply(put_key("b", "12345"))), Refusal::kNoSpace);
  EXPECT_EQ(machine.bytes(), 11u);
  machine.apply({.body = GrantLease{.id = 1, .ttl_ms = 1000}});
  EXPECT_EQ(refusal_of(machine.apply({.body = GrantLease{.id = 2, .ttl_ms = 1000}})), Refusal::kNoSpace);
  EXPECT_EQ(refusal_of(machine.apply({.body = GrantLease{.id = 3, .ttl_ms = 1}})), Refusal::kTtlOutOfBounds);
}

TEST(Machine, AWatcherWhoIsTooFarBehindIsTold) {
  Limits limits;
  limits.max_events = 3;
  Machine machine(limits);
  for (int i = 0; i < 5; ++i) machine.apply(put_key("a", std::to_string(i)));
  EXPECT_EQ(machine.changes_since(2).error(), Refusal::kCompacted);
  EXPECT_EQ(machine.changes_since(4)->size(), 3u);
  EXPECT_TRUE(machine.changes_since(99)->empty());
}

TEST(Machine, RestoringKeysLeavesOutWhatLivedByALease) {
  Machine old;
  old.apply({.body = GrantLease{.id = 5, .ttl_ms = 2000}});
  old.apply(put_key("leader", "pg1", 5));
  old.apply(put_key("config", "{}"));
  Machine machine;
  machine.apply({.body = SetClusterId{.id = 42}});
  machine.apply(put_key("history", "[]"));
  machine.apply({.body = RestoreKeys{.snapshot = old.snapshot()}});
  EXPECT_EQ(value_of(machine, "config"), "{}");
  EXPECT_EQ(value_of(machine, "leader"), "(absent)");
  EXPECT_EQ(value_of(machine, "history"), "(absent)");
  EXPECT_EQ(machine.cluster_id(), 42u);
  EXPECT_GT(machine.revision(), old.revision());
  EXPECT_EQ(machine.changes_since(machine.revision() - 1).error(), Refusal::kCompacted);
  EXPECT_TRUE(machine.changes_since(machine.revision())->empty());
  EXPECT_EQ(refusal_of(machine.apply({.body = RestoreKeys{.snapshot = "nonsense"}})), Refusal::kBadSnapshot);
}

TEST(Machine, RefusesAnotherClusterAndANewerLevel) {
  Machine machine;
  machine.apply({.body = SetClusterId{.id = 42}});
  EXPECT_EQ(refusal_of(machine.apply({.body = SetClusterId{.id = 43}})), Refusal::kOtherCluster);
  EXPECT_EQ(refusal_of(machine.apply({.body = SetFeatureLevel{.level = kFeatureLevel + 1}})), Refusal::kUnsupported);
}

}  // namespace
}  // namespace matriarch::consensus::machine
