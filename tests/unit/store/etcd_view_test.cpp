#include "store/etcd/view.hpp"

#include <gtest/gtest.h>

namespace matriarch::store::etcd {
namespace {

KeyValue leader(std::string name, std::int64_t revision) { return {.key = "/s/leader", .value = std::move(name), .mod_revision = revision, .lease = 1}; }
WatchEvent set(KeyValue kv) { return {.kv = std::move(kv)}; }
WatchEvent deleted(std::string key, std::int64_t revision) { return {.is_delete = true, .kv = {.key = std::move(key), .mod_revision = revision}}; }

std::string leader_in(const View& view) {
  const auto cluster = view.snapshot();
  return cluster->leader ? cluster->leader->name.text : "";
}

struct LoadedView : View {
  LoadedView() : View("/s/") { load({leader("a", 5)}, 10, 0); }
};

TEST(View, HasNoSnapshotBeforeItsFirstLoad) {
  View view("/s/");
  EXPECT_EQ(view.snapshot(), nullptr);
  view.saw(leader("a", 1));
  EXPECT_EQ(view.snapshot(), nullptr);
}

TEST(View, TakesEventsAndKeepsOneSnapshotForEachState) {
  LoadedView view;
  const auto before = view.snapshot();
  EXPECT_EQ(view.snapshot(), before);
  view.apply(set(leader("b", 11)));
  view.advance(11);
  EXPECT_EQ(leader_in(view), "b");
  EXPECT_EQ(view.snapshot()->revision.value, 11);
  EXPECT_EQ(before->leader->name.text, "a");
  view.apply(deleted("/s/leader", 12));
  EXPECT_EQ(leader_in(view), "");
}

TEST(View, IgnoresEventsThatItKnowsAndKeysOfOthers) {
  LoadedView view;
  const auto before = view.snapshot();
  view.apply(set(leader("old", 10)));
  view.apply(set({.key = "/t/leader", .value = "x", .mod_revision = 11}));
  view.apply(set({.key = "/s/", .value = "x", .mod_revision = 11}));
  EXPECT_EQ(view.snapshot(), before);
}

TEST(View, OurOwnWriteIsSeenAtOnceAndNotUndoneByOlderEvents) {
  LoadedView view;
  view.saw(leader("mine", 15));
  EXPECT_EQ(leader_in(view), "mine");
  view.apply(set(leader("older", 12)));
  view.apply(deleted("/s/leader", 13));
  view.advance(13);
  EXPECT_EQ(leader_in(view), "mine");
  view.apply(set(leader("mine", 15)));
  view.apply(deleted("/s/leader", 16));
  EXPECT_EQ(leader_in(view), "");
}

TEST(View, OurOwnDeletionIsNotUndoneByOlderEvents) {
  LoadedView view;
  view.saw_absent("/s/leader", 15);
  EXPECT_EQ(leader_in(view), "");
  view.apply(set(leader("older", 12)));
  EXPECT_EQ(leader_in(view), "");
  view.advance(15);
  view.apply(set(leader("newer", 16)));
  EXPECT_EQ(leader_in(view), "newer");
}

TEST(View, ASlowReadDoesNotReplaceAnewerView) {
  LoadedView view;
  view.apply(set(leader("b", 12)));
  view.advance(12);
  view.load({leader("a", 5)}, 11, 10);
  EXPECT_EQ(leader_in(view), "b");
}

TEST(View, AReadKeepsWhatWeWroteAfterIt) {
  LoadedView view;
  view.saw(leader("mine", 15));
  view.load({leader("a", 5)}, 14, 10);
  EXPECT_EQ(leader_in(view), "mine");
  view.saw_absent("/s/leader", 16);
  view.load({leader("mine", 15)}, 15, 10);
  EXPECT_EQ(leader_in(view), "");
  view.load({leader("other", 17)}, 17, 10);
  EXPECT_EQ(leader_in(view), "other");
}

TEST(View, AReadTellsOfDeletionsToo) {
  LoadedView view;
  view.load({}, 20, 10);
  EXPECT_EQ(leader_in(view), "");
  EXPECT_EQ(view.complete_to(), 20);
}

// A backup restored without new revisions may hold another value under a version that is known.
TEST(View, AReadIsParsedWhole) {
  const auto sync = [](std::string value) { return KeyValue{.key = "/s/sync", .value = std::move(value), .mod_revision = 7}; };
  View view("/s/");
  view.load({sync(R"({"leader":"a"})")}, 10, 0);
  EXPECT_EQ(view.snapshot()->sync.leader.text, "a");
  view.load({sync(R"({"leader":"b"})")}, 11, 10);
  EXPECT_EQ(view.snapshot()->sync.leader.text, "b");
}

TEST(View, AStoreThatWentBackInTimeReplacesEverything) {
  LoadedView view;
  view.saw(leader("mine", 15));
  view.load({leader("restored", 3)}, 4, 10);
  EXPECT_EQ(leader_in(view), "restored");
  EXPECT_EQ(view.snapshot()->revision.value, 4);
  view.apply(set(leader("next", 5)));
  EXPECT_EQ(leader_in(view), "next");
}

}  // namespace
}  // namespace matriarch::store::etcd
