// The quorum planner against its definition: at every instant and for every confirmed commit, at most q voters lack it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <random>

#include "rules/quorum_planner.hpp"

namespace matriarch::rules {
namespace {

using model::MemberName;
using NameSet = std::set<MemberName>;

NameSet names(std::initializer_list<const char*> texts) {
  NameSet result;
  for (const char* text : texts) result.insert(MemberName(text));
  return result;
}

// ---- directed ------------------------------------------------------------------------------------------------------

TEST(QuorumPlanner, BeginsByWaitingForEverybodyWhoIsThere) {
  EXPECT_EQ(next_quorum_step({}, names({"a", "b", "c"}), 1), QuorumStep(SetNames{names({"a", "b", "c"}), 1}));
}

TEST(QuorumPlanner, RecordsVotersOnlyWhenTheyHaveCaughtUp) {
  QuorumState now{.names = names({"a", "b", "c"}), .confirmations = 1};
  EXPECT_EQ(next_quorum_step(now, now.names, 1), QuorumStep());
  now.caught_up = names({"b"});
  EXPECT_EQ(next_quorum_step(now, now.names, 1), QuorumStep(RecordVoters{names({"a", "b", "c"}), 2}));
}

TEST(QuorumPlanner, ALostStandbyLeavesTheNamesFirstWhenTheRecordAllowsIt) {
  const QuorumState now{.voters = names({"a", "b", "c"}), .quorum = 2, .names = names({"a", "b", "c"}), .confirmations = 1, .caught_up = names({"a", "b", "c"})};
  EXPECT_EQ(next_quorum_step(now, names({"a", "b"}), 1), QuorumStep(SetNames{names({"a", "b"}), 1}));
}

TEST(QuorumPlanner, ANewStandbyIsRecordedFirst) {
  const QuorumState now{.voters = names({"a", "b"}), .quorum = 1, .names = names({"a", "b"}), .confirmations = 1, .caught_up = names({"a", "b"})};
  EXPECT_EQ(next_quorum_step(now, names({"a", "b", "c"}), 1), QuorumStep(RecordVoters{names({"a", "b", "c"}), 2}));
}

TEST(QuorumPlanner, WithoutStandbysOnlyTheLeaderMayBePromoted) {
  QuorumState now{.voters = names({"a"}), .quorum = 0, .names = names({"a"}), .confirmations = 1, .caught_up = names({"a"})};
  EXPECT_EQ(next_quorum_step(now, {}, 1), QuorumStep(RecordVoters{}));
  now.voters.clear();
  EXPECT_EQ(next_quorum_step(now, {}, 1), QuorumStep(SetNames{}));
}

// ---- a model of replication ----------------------------------------------------------------------------------------

// A primary commits; standbys receive in their own time; the plan is interrupted anywhere; standbys come and go.
class Replication {
 public:
  explicit Replication(std::uint64_t seed) : random_(seed), nodes_(2 + static_cast<int>(pick(4))) {
    for (int i = 0; i < nodes_; ++i) durable_[node(i)] = 0;
    wanted_ = 1 + static_cast<int>(pick(3));
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (pick(5)) {
        case 0: ++flush_; break;
        case 1: receive(); break;
        case 2: toggle(); break;
        default: plan(); break;
      }
      confirm();
      check();
    }
  }

  // With everybody connected and caught up the plan ends at the goal.
  bool converges() {
    down_.clear();
    for (int i = 0; i < 20; ++i) {
      for (auto& [name, lsn] : durable_) lsn = flush_;
      plan();
      confirm();
      check();
    }
    const NameSet all = active();
    const int confirmations = std::min(wanted_, static_cast<int>(all.size()));
    return state_.voters == all && state_.names == all && state_.confirmations == confirmations &&
           state_.quorum == static_cast<int>(all.size()) - confirmations;
  }
  const std::string& broken() const { return broken_; }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  static MemberName node(int i) { return MemberName("n" + std::to_string(i)); }
  NameSet active() const {
    NameSet names;
    for (const auto& [name, lsn] : durable_) {
      if (!down_.contains(name)) names.insert(name);
    }
    return names;
  }
  void receive() {
    const auto name = node(static_cast<int>(pick(static_cast<std::uint64_t>(nodes_))));
    if (!down_.contains(name)) durable_[name] = durable_[name] + pick(flush_ - durable_[name] + 1);
  }
  void toggle() {
    const auto name = node(static_cast<int>(pick(static_cast<std::uint64_t>(nodes_))));
    if (!down_.erase(name)) down_.insert(name);
  }
  void plan() {
    state_.caught_up.clear();
    for (const auto& [name, lsn] : durable_) {
      if (lsn >= flush_at_change_) state_.caught_up.insert(name);
    }
    const auto step = next_quorum_step(state_, active(), wanted_);
    if (const auto* set = std::get_if<SetNames>(&step)) {
      state_.names = set->names;
      state_.confirmations = set->confirmations;
      confirm();
      flush_at_change_ = flush_;
    }
    if (const auto* record = std::get_if<RecordVoters>(&step)) {
      state_.voters = record->voters;
      state_.quorum = record->quorum;
    }
  }
  // What the names in effect let through: everything when nobody is waited for.
  void confirm() {
    if (state_.confirmations == 0) {
      confirmed_ = flush_;
      return;
    }
    std::vector<std::uint64_t> positions;
    for (const auto& name : state_.names) positions.push_back(durable_[name]);
    std::sort(positions.rbegin(), positions.rend());
    confirmed_ = std::max(confirmed_, positions[static_cast<std::size_t>(state_.confirmations - 1)]);
  }
  void check() {
    int missing = 0;
    for (const auto& name : state_.voters) missing += durable_[name] < confirmed_;
    if (missing > state_.quorum) broken_ = "more voters lack a confirmed commit than the quorum allows";
    if (state_.quorum > 0 && state_.quorum >= static_cast<int>(state_.voters.size())) broken_ = "a quorum that other members cannot read";
  }

  std::mt19937_64 random_;
  int nodes_;
  int wanted_ = 1;
  std::uint64_t flush_ = 1, flush_at_change_ = 0, confirmed_ = 0;
  std::map<MemberName, std::uint64_t> durable_;
  NameSet down_;
  QuorumState state_;
  std::string broken_;
};

TEST(QuorumPlanner, NeverLetsMoreVotersLackACommitThanTheQuorumAllows) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Replication replication(seed);
    replication.run(120);
    ASSERT_EQ(replication.broken(), "") << "seed " << seed;
    ASSERT_TRUE(replication.converges()) << "seed " << seed;
    ASSERT_EQ(replication.broken(), "") << "seed " << seed;
  }
}

// The detector detects: a planner that trusts everybody at once is caught.
TEST(QuorumPlanner, TheModelCatchesAPlannerThatTrustsEverybody) {
  const QuorumState hasty{.names = names({"a", "b"}), .confirmations = 1, .caught_up = names({"a", "b"})};
  EXPECT_EQ(next_quorum_step(hasty, names({"a", "b"}), 1), QuorumStep(RecordVoters{names({"a", "b"}), 1}));
  EXPECT_EQ(future_misses(names({"a", "b"}), 1, names({"a", "b"})), 1);
  EXPECT_EQ(future_misses(names({"a", "b"}), 2, names({"a", "b"})), 0);
  EXPECT_EQ(future_misses(names({"a", "b"}), 1, names({"a", "c"})), 2) << "c alone may confirm";
}

}  // namespace
}  // namespace matriarch::rules
