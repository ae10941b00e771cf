#include "consensus/membership/founding.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

namespace matriarch::consensus::membership {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kThree = {"a:1", "b:1", "c:1"};

Answer fresh(const std::string& address, std::uint64_t id, std::vector<std::string> list = kThree) {
  return {.address = address,
          .condition = Condition{.raft_id = id, .address = address, .name = "node-" + address, .list = std::move(list)}};
}

Situation of_a() {
  return {.self = {.raft_id = 1},
          .address = "a:1",
          .name = "node-a:1",
          .list = kThree,
          .answers = {fresh("b:1", 2), fresh("c:1", 3)},
          .fresh_cluster_id = 77};
}

Founding agreed() {
  return {.cluster_id = 77,
          .list_hash = hash_of(kThree),
          .founders = {{1, "a:1", "node-a:1"}, {2, "b:1", "node-b:1"}, {3, "c:1", "node-c:1"}}};
}

TEST(Founding, TheFirstOfTheListProposesWhenAllAreFreshAndAgree) {
  const auto step = next_step(of_a());
  ASSERT_TRUE(std::holds_alternative<Propose>(step));
  EXPECT_EQ(std::get<Propose>(step).founding, agreed());
}

TEST(Founding, TheOthersWaitForTheFirst) {
  auto now = of_a();
  now.self.raft_id = 2;
  now.address = "b:1";
  now.name = "node-b:1";
  now.answers = {fresh("a:1", 1), fresh("c:1", 3)};
  EXPECT_TRUE(std::holds_alternative<KeepAsking>(next_step(now)));
}

TEST(Founding, NobodyProposesWhileOneIsSilent) {
  auto now = of_a();
  now.answers[1].condition.reset();
  const auto step = next_step(now);
  ASSERT_TRUE(std::holds_alternative<KeepAsking>(step));
  EXPECT_THAT(std::get<KeepAsking>(step).why, HasSubstr("c:1"));
}

TEST(Founding, DifferentListsAreNamed) {
  auto now = of_a();
  now.answers[1] = fresh("c:1", 3, {"a:1", "c:1"});
  const auto step = next_step(now);
  ASSERT_TRUE(std::holds_alternative<Complain>(step));
  EXPECT_THAT(std::get<Complain>(step).why, HasSubstr("[a:1, c:1]"));
}

TEST(Founding, ACopiedDirectoryAndADoubleNameAreNoticed) {
  auto copied = of_a();
  copied.answers[1] = fresh("c:1", 2);
  EXPECT_TRUE(std::holds_alternative<Complain>(next_step(copied)));
  auto doubled = of_a();
  doubled.answers[1].condition->name = "node-a:1";
  EXPECT_TRUE(std::holds_alternative<Complain>(next_step(doubled)));
}

TEST(Founding, AnExistingClusterIsJoined) {
  auto now = of_a();
  now.answers[0].condition->standing = Standing::kMember;
  now.answers[0].condition->cluster_id = 5;
  now.answers[1].condition.reset();
  const auto step = next_step(now);
  ASSERT_TRUE(std::holds_alternative<Join>(step));
  EXPECT_EQ(std::get<Join>(step).through, "b:1");
}

TEST(Founding, TwoClustersToChooseFromIsAComplaint) {
  auto now = of_a();
  for (auto& answer : now.answers) answer.condition->standing = Standing::kMember;
  now.answers[0].condition->cluster_id = 5;
  now.answers[1].condition->cluster_id = 6;
  EXPECT_TRUE(std::holds_alternative<Complain>(next_step(now)));
}

TEST(Founding, AloneOnlyWhenThatIsMeant) {
  auto now = of_a();
  now.list = {"a:1"};
  now.answers.clear();
  EXPECT_TRUE(std::holds_alternative<Complain>(next_step(now)));
  now.may_form_alone = true;
  EXPECT_TRUE(std::holds_alternative<Propose>(next_step(now)));
}

TEST(Founding, TwoVotersOnlyWhenAllowed) {
  auto now = of_a();
  now.list = {"a:1", "b:1"};
  now.answers = {fresh("b:1", 2, now.list)};
  EXPECT_TRUE(std::holds_alternative<Complain>(next_step(now)));
  now.two_voters_allowed = true;
  ASSERT_TRUE(std::holds_alternative<Propose>(next_step(now)));
}

TEST(Founding, AnEvenNumberLeavesOneWithoutVote) {
  auto now = of_a();
  now.list = {"a:1", "b:1", "c:1", "d:1"};
  now.answers = {fresh("b:1", 2, now.list), fresh("c:1", 3, now.list), fresh("d:1", 4, now.list)};
  const auto founding = std::get<Propose>(next_step(now)).founding;
  EXPECT_TRUE(founding.founders[2].votes);
  EXPECT_FALSE(founding.founders[3].votes);
}

TEST(Founding, APromiseBindsToOneFounding) {
  Identity self{.raft_id = 2};
  EXPECT_TRUE(may_promise(self, kThree, agreed()).has_value());
  auto other = agreed();
  other.cluster_id = 78;
  self.standing = Standing::kPromised;
  self.founding = agreed();
  EXPECT_TRUE(may_promise(self, kThree, agreed()).has_value());
  EXPECT_FALSE(may_promise(self, kThree, other).has_value());
  EXPECT_TRUE(may_commit(self, agreed()).has_value());
  EXPECT_FALSE(may_commit(self, other).has_value());
  EXPECT_FALSE(may_commit({.raft_id = 2}, agreed()).has_value());
  EXPECT_FALSE(may_promise({.raft_id = 9}, kThree, agreed()).has_value());
  EXPECT_FALSE(may_promise({.raft_id = 2}, {"a:1", "b:1"}, agreed()).has_value());
}

// The protocol as the entrance carries it out, over a network that loses what it likes, with crashes between any two
// steps, restarts with other lists and wiped directories.
class Herd {
 public:
  explicit Herd(std::size_t nodes) {
    for (std::size_t i = 0; i < nodes; ++i) {
      addresses_.push_back(std::string(1, static_cast<char>('a' + i)) + ":1");
    }
    for (const auto& address : addresses_) nodes_[address] = {.identity = {.raft_id = next_id_++}, .list = addresses_};
  }

  void step() {
    auto& [address, node] = *std::next(nodes_.begin(), *rc::gen::inRange<long>(0, static_cast<long>(nodes_.size())));
    switch (*rc::gen::inRange(0, 12)) {
      case 0: return wipe(node);
      case 1: return change_list(node);
      default: return act(address, node);
    }
  }

  // Directories that could elect a leader of that founding by themselves.
  bool can_work(const Founding& founding) const {
    std::size_t committed = 0;
    for (const auto& [address, node] : nodes_) {
      if (node.identity.standing == Standing::kMember && node.identity.founding == founding) ++committed;
    }
    return committed > founding.founders.size() / 2;
  }
  std::set<std::uint64_t> working() const {
    std::set<std::uint64_t> clusters;
    for (const auto& [address, node] : nodes_) {
      if (node.identity.founding && can_work(*node.identity.founding)) clusters.insert(node.identity.founding->cluster_id);
    }
    return clusters;
  }

  bool any_member() const {
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [](const auto& entry) { return entry.second.identity.standing == Standing::kMember; });
  }

 private:
  struct TestNode {
    Identity identity;
    std::vector<std::string> list;
  };
  static bool arrives() { return *rc::gen::inRange(0, 4) != 0; }

  void wipe(TestNode& node) { node.identity = {.raft_id = next_id_++}; }
  void change_list(TestNode& node) {
    node.list = addresses_;
    if (*rc::gen::inRange(0, 2) == 0) node.list.pop_back();
  }

  void act(const std::string& address, TestNode& node) {
    if (node.identity.standing == Standing::kMember || !std::count(node.list.begin(), node.list.end(), address)) return;
    Situation now{.self = node.identity,
                  .address = address,
                  .name = address,
                  .list = node.list,
                  .two_voters_allowed = true,
                  .fresh_cluster_id = next_id_++};
    for (const auto& other : node.list) {
      if (other != address) now.answers.push_back(ask(other));
    }
    const auto step = next_step(now);
    if (const auto* commit = std::get_if<Commit>(&step)) become(node, commit->founding);
    if (const auto* propose = std::get_if<Propose>(&step)) found(address, node, propose->founding);
  }

  Answer ask(const std::string& address) {
    if (!arrives()) return {.address = address};
    const auto& node = nodes_.at(address);
    return {.address = address,
            .condition = Condition{.raft_id = node.identity.raft_id,
                                   .address = address,
                                   .name = address,
                                   .standing = node.identity.standing,
                                   .cluster_id = node.identity.cluster_id,
                                   .list = node.list,
                                   .founding = node.identity.founding}};
  }

  static void become(TestNode& node, const Founding& founding) {
    node.identity.standing = Standing::kMember;
    node.identity.founding = founding;
    node.identity.cluster_id = founding.cluster_id;
  }

  void found(const std::string& address, TestNode& proposer, const Founding& founding) {
    proposer.identity.standing = Standing::kPromised;
    proposer.identity.founding = founding;
    const auto own_id = proposer.identity.raft_id;
    for (const auto& founder : founding.founders) {
      if (founder.address == address) continue;
      if (!arrives()) return;  // lost, or crashed here
      auto& asked = nodes_.at(founder.address);
      if (*rc::gen::inRange(0, 10) == 0) wipe(asked);  // between its answer and the promise
      if (!may_promise(asked.identity, asked.list, founding)) return;
      if (asked.identity.standing == Standing::kFresh) {
        asked.identity.standing = Standing::kPromised;
        asked.identity.founding = founding;
      }
      if (!arrives()) return;  // the answer was lost
    }
    if (proposer.identity.raft_id != own_id) return;
    become(proposer, founding);
    for (const auto& founder : founding.founders) {
      auto& asked = nodes_.at(founder.address);
      if (arrives() && may_commit(asked.identity, founding)) become(asked, founding);
    }
  }

  std::uint64_t next_id_ = 1;
  std::vector<std::string> addresses_;
  std::map<std::string, TestNode> nodes_;
};

RC_GTEST_PROP(FoundingProperty, NeverTwoClustersThatBothWork, ()) {
  Herd herd(*rc::gen::inRange<std::size_t>(2, 6));
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    herd.step();
    RC_ASSERT(herd.working().size() <= 1u);
  }
  RC_CLASSIFY(herd.any_member());
}

}  // namespace
}  // namespace matriarch::consensus::membership
