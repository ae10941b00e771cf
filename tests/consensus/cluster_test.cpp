// Three to five real store processes, and what they must survive.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "consensus/admin.hpp"
#include "linearizable.hpp"
#include "store_cluster.hpp"

namespace matriarch::consensus::test {
namespace {

constexpr int kCannotStart = 78;  // what stands against a start stands against the next one too (sysexits.h EX_CONFIG)

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

admin::Target local(const StoreCluster& cluster, std::size_t node) {
  return {.endpoint = net::UnixEndpoint{.path = cluster.socket(node)}, .patience = 30'000ms};
}

// Writes numbered values through all running nodes for as long as it lives; knows what was acknowledged.
class Writer {
 public:
  explicit Writer(const StoreCluster& cluster) : cluster_(cluster), thread_([this] { run(); }) {}
  ~Writer() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<std::string> acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_;
  }

 private:
  void run() {
    for (std::size_t i = 0; !stopping_; ++i) {
      Client client(cluster_.port(i % cluster_.size()));
      client.timeout = 2000ms;
      const auto key = "w/" + std::to_string(i);
      if (client.put(key, "x").status != 200) continue;
      const std::lock_guard lock(mutex_);
      acknowledged_.push_back(key);
    }
  }
  const StoreCluster& cluster_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> acknowledged_;
  std::thread thread_;
};

void expect_all_there(const StoreCluster& cluster, std::size_t node, const std::vector<std::string>& keys) {
  Client client(cluster.port(node));
  std::optional<std::set<std::string>> there;
  ASSERT_TRUE(StoreCluster::eventually([&] { return (there = client.keys_below("w/")).has_value(); }));
  const auto lost = std::count_if(keys.begin(), keys.end(), [&](const auto& key) { return !there->contains(key); });
  EXPECT_EQ(lost, 0) << "of " << keys.size() << " acknowledged writes";
}

TEST(StoreCluster, FormsServesThroughEveryNodeAndWatches) {
  StoreCluster cluster(3);
  cluster.start_all();
  cluster.await_leader();
  for (std::size_t i = 0; i < 3; ++i) {
    Client client(cluster.port(i));
    ASSERT_EQ(client.put("k" + std::to_string(i), "v").status, 200u);
    EXPECT_EQ(Client::value_of(client.get("k" + std::to_string(i))), "v");
    EXPECT_TRUE(StoreCluster::eventually([&] { return Client::value_of(client.get("k0", true)) == "v"; }));
  }
  EXPECT_THAT(cluster.voters(), UnorderedElementsAre("n1", "n2", "n3"));
}

TEST(StoreCluster, KillingTheLeaderAgainAndAgainLosesNoAcknowledgedWrite) {
  StoreCluster cluster(3);
  cluster.start_all();
  cluster.await_leader();
  Writer writer(cluster);
  for (int round = 0; round < 8; ++round) {
    const auto victim = cluster.await_leader();
    const auto before = writer.acknowledged().size();
    EXPECT_TRUE(StoreCluster::eventually([&] { return writer.acknowledged().size() > before + 20; }));
    cluster.signal(victim, SIGKILL);
    cluster.await_leader();
    cluster.start(victim);
  }
  writer.stop();
  const auto leader = cluster.await_leader();
  EXPECT_GT(writer.acknowledged().size(), 160u);
  expect_all_there(cluster, leader, writer.acknowledged());
}

// An entry in between puts the next heartbeat off: followers must not take that for the leader's silence.
TEST(StoreCluster, ATrickleOfWritesIsNoReasonForElections) {
  StoreCluster cluster(3);
  cluster.start_all();
  const auto leader = cluster.await_leader();
  Client client(cluster.port(leader));
  const auto lease = client.grant(2'000);
  for (std::size_t node = 0; node < 3; ++node) {
    ASSERT_TRUE(StoreCluster::eventually([&] { return cluster.status(node).at("heartbeat_ms") == 200; })) << cluster.statuses();
    ASSERT_TRUE(client.keep_alive(lease));
  }
  const auto term = cluster.status(leader).at("term");
  std::minstd_rand random(1);
  for (int i = 0; i < 120; ++i) {
    ASSERT_TRUE(client.keep_alive(lease));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 180));
  }
  EXPECT_EQ(cluster.status(leader).at("term"), term);
  EXPECT_EQ(cluster.leader(), leader);
}

TEST(StoreCluster, ALeaseRunsOutAlsoWhenItsJudgeDies) {
  StoreCluster cluster(3);
  cluster.start_all();
  auto judge = cluster.await_leader();
  const auto other = (judge + 1) % 3;
  Client client(cluster.port(other));
  const auto lease = client.grant(1500);
  ASSERT_EQ(client.put("leader", "n1", lease).status, 200u);
  const auto renewed = Clock::now();
  ASSERT_TRUE(client.keep_alive(lease));
  cluster.signal(judge, SIGKILL);
  EXPECT_TRUE(StoreCluster::eventually([&] {
    const auto reply = client.get("leader");
    return reply.status == 200 && !Client::value_of(reply);
  }));
  EXPECT_GE(Clock::now() - renewed, 1500ms);
  EXPECT_LT(Clock::now() - renewed, 6000ms);
  EXPECT_FALSE(client.keep_alive(lease));
}

// Its followers had the last keep-alive before it was acknowledged, and learn that it is committed only by their election.
TEST(StoreCluster, ANewJudgeCountsFromWhenItReceivedTheKeepAlive) {
  StoreCluster cluster(3);
  cluster.start_all();
  const auto judge = cluster.await_leader();
  Client client(cluster.port((judge + 1) % 3));
  const auto lease = client.grant(60'000);
  ASSERT_TRUE(client.keep_alive(lease));
  const auto renewed = Clock::now();
  cluster.signal(judge, SIGKILL);
  const auto successor = cluster.await_leader();
  const auto asked = Clock::now();
  const auto left = Client(cluster.port(successor)).remaining(lease);
  ASSERT_TRUE(left);
  EXPECT_LE(*left, 60'000ms - (asked - renewed));
  EXPECT_GE(*left, 40'000ms);
}

TEST(StoreCluster, ALeaseThatIsKeptAliveOutlivesLeaders) {
  StoreCluster cluster(3);
  cluster.start_all();
  cluster.await_leader();
  const auto lease = Client(cluster.port(0)).grant(3000);
  ASSERT_EQ(Client(cluster.port(0)).put("leader", "x", lease).status, 200u);
  std::atomic<bool> stop = false;
  std::thread keeper([&] {
    for (std::size_t i = 0; !stop; ++i) {
      Client client(cluster.port(i % 3));
      client.timeout = 700ms;
      client.keep_alive(lease);
      std::this_thread::sleep_for(100ms);
    }
  });
  for (int round = 0; round < 4; ++round) {
    const auto victim = cluster.await_leader();
    cluster.signal(victim, SIGKILL);
    cluster.await_leader();
    cluster.start(victim);
  }
  EXPECT_EQ(Client::value_of(Client(cluster.port(cluster.await_leader())).get("leader")), "x");
  stop = true;
  keeper.join();
}

TEST(StoreCluster, AWrongSecretIsRefusedAndNamed) {
  StoreCluster cluster(3);
  cluster.start(0);
  cluster.start(1);
  cluster.start(2, {.secret = "hash"});
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.log_of(0).find("calls itself n3") != std::string::npos; }));
  EXPECT_THAT(cluster.log_of(2), HasSubstr("embedded.secret"));
  EXPECT_EQ(cluster.leader(), std::nullopt);
  cluster.signal(2, SIGKILL);
  cluster.start(2);
  cluster.await_leader();
}

TEST(StoreCluster, DifferentListsFormNothingAndEndWithTheReason) {
  StoreCluster cluster(3);
  cluster.start(0);
  cluster.start(1);
  cluster.start(2, {.peers = {cluster.raft_address(0)}});
  EXPECT_EQ(cluster.wait_for_exit(2, 15'000ms), kCannotStart);
  EXPECT_THAT(cluster.log_of(2), HasSubstr("lists of nodes differ"));
}

TEST(StoreCluster, AWipedNodeComesBackAsANewMember) {
  StoreCluster cluster(3);
  cluster.start_all();
  cluster.await_leader();
  ASSERT_EQ(Client(cluster.port(0)).put("a", "1").status, 200u);
  cluster.signal(2, SIGKILL);
  cluster.wipe(2);
  cluster.start(2);
  EXPECT_TRUE(StoreCluster::eventually([&] { return Client::value_of(Client(cluster.port(2)).get("a", true)) == "1"; }));
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.has_settled_with(3); }));
  const auto leader = cluster.await_leader();
  EXPECT_EQ(cluster.status(leader).at("members").as_array().size(), 3u);
  cluster.signal(0, SIGKILL);
  cluster.await_leader();  // with the newcomer's vote
}

TEST(StoreCluster, GrowsToFiveAndShrinksToThreeUnderLoad) {
  StoreCluster cluster(5);
  const std::vector<std::string> first = {cluster.raft_address(0), cluster.raft_address(1), cluster.raft_address(2)};
  for (std::size_t i = 0; i < 3; ++i) cluster.start(i, {.peers = first});
  cluster.await_leader();
  Writer writer(cluster);
  for (std::size_t i = 3; i < 5; ++i) cluster.start(i, {.peers = {cluster.raft_address(0)}});
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.has_settled_with(5); }, 40'000ms));
  // Five survive the loss of two.
  cluster.signal(0, SIGKILL);
  cluster.signal(1, SIGKILL);
  auto leader = cluster.await_leader();
  const auto before = writer.acknowledged().size();
  EXPECT_TRUE(StoreCluster::eventually([&] { return writer.acknowledged().size() > before + 20; }));
  cluster.start(0, {.peers = first});
  cluster.start(1, {.peers = first});
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.has_settled_with(5); }, 30'000ms));
  for (const auto* name : {"n4", "n5"}) {
    leader = cluster.await_leader();
    const auto removed = admin::remove(local(cluster, leader), name);
    EXPECT_TRUE(removed) << removed.error();
  }
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.has_settled_with(3); }, 30'000ms));
  EXPECT_THAT(cluster.voters(), UnorderedElementsAre("n1", "n2", "n3"));
  EXPECT_TRUE(StoreCluster::eventually([&] { return writer.acknowledged().size() > 200; }, 60'000ms)) << "too little load";
  writer.stop();
  expect_all_there(cluster, 0, writer.acknowledged());
  EXPECT_EQ(cluster.wait_for_exit(3, 20'000ms), kCannotStart);
  EXPECT_THAT(cluster.log_of(3), HasSubstr("taken out of the cluster"));
}

TEST(StoreCluster, ARemovalThatWouldLoseTheQuorumIsRefused) {
  StoreCluster cluster(3);
  cluster.start_all();
  const auto leader = cluster.await_leader();
  cluster.signal((leader + 1) % 3, SIGKILL);
  // At once: a leader that still took the dead one for alive would agree, and the cluster would stand still for ever.
  const auto name = "n" + std::to_string((leader + 2) % 3 + 1);
  const auto removed = admin::remove(local(cluster, leader), name);
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error(), HasSubstr("no majority"));
  EXPECT_EQ(Client(cluster.port(leader)).put("a", "1").status, 200u);
}

TEST(StoreCluster, LeadershipFollowsTheHolderOfTheLease) {
  StoreCluster cluster(3);
  for (std::size_t i = 0; i < 3; ++i) cluster.start(i, {.flags = {"--leader-key", "/service/demo/leader"}});
  for (int round = 0; round < 2; ++round) {
    const auto leader = cluster.await_leader();
    const auto holder = (leader + 1) % 3;
    Client client(cluster.port(holder));
    const auto lease = client.grant(60'000);
    ASSERT_EQ(client.put("/service/demo/leader", "n" + std::to_string(holder + 1), lease).status, 200u);
    EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.leader() == holder; }));
  }
}

TEST(StoreCluster, SnapshotRestoreAndRecovery) {
  StoreCluster cluster(3);
  cluster.start_all();
  auto leader = cluster.await_leader();
  ASSERT_EQ(Client(cluster.port(leader)).put("config", "{}").status, 200u);
  const auto file = cluster.directory(0) + ".snapshot";
  ASSERT_TRUE(admin::snapshot(local(cluster, leader), file));
  ASSERT_EQ(Client(cluster.port(leader)).put("config", "changed").status, 200u);
  ASSERT_TRUE(admin::restore(local(cluster, leader), file));
  EXPECT_EQ(Client::value_of(Client(cluster.port(leader)).get("config")), "{}");
  {
    std::ofstream(file, std::ios::binary | std::ios::in).seekp(30).write("\xff", 1);
  }
  EXPECT_THAT(admin::restore(local(cluster, leader), file).error(), HasSubstr("damaged"));

  // Two of three are lost for good.
  for (std::size_t i = 1; i < 3; ++i) cluster.signal(i, SIGKILL);
  cluster.signal(0, SIGTERM);
  MemberSettings settings;
  settings.data_dir = cluster.directory(0);
  settings.name = "n1";
  settings.raft_advertise = cluster.raft_address(0);
  const auto recovered = admin::recover(settings);
  ASSERT_TRUE(recovered) << recovered.error();
  cluster.start(0);
  EXPECT_EQ(cluster.await_leader(), 0u);
  EXPECT_EQ(Client::value_of(Client(cluster.port(0)).get("config")), "{}");
  // A former member with its old directory is not listened to; without it, it joins.
  cluster.start(1);
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.log_of(0).find("belongs to cluster") != std::string::npos; }));
  cluster.signal(1, SIGKILL);
  for (std::size_t i = 1; i < 3; ++i) {
    cluster.wipe(i);
    cluster.start(i);
  }
  EXPECT_TRUE(StoreCluster::eventually([&] { return cluster.has_settled_with(3); }));
}

TEST(StoreCluster, ADirectoryInUseADamagedOneAndAMissingSecretAreNamed) {
  StoreCluster cluster(2);
  cluster.start(0, {.secret = ""});
  EXPECT_EQ(cluster.wait_for_exit(0, 5000ms), kCannotStart);
  EXPECT_THAT(cluster.log_of(0), HasSubstr("never talk in clear"));
  cluster.start(0, {.peers = {cluster.raft_address(0)}, .flags = {"--form-alone"}});
  cluster.await_leader();
  MemberSettings settings;
  settings.data_dir = cluster.directory(0);
  EXPECT_THAT(admin::recover(settings).error(), HasSubstr("in use"));
  cluster.signal(0, SIGKILL);
  std::ofstream(cluster.directory(0) + "/identity.json") << "{";
  cluster.start(0, {.peers = {cluster.raft_address(0)}, .flags = {"--form-alone"}});
  EXPECT_EQ(cluster.wait_for_exit(0, 5000ms), kCannotStart);
  EXPECT_THAT(cluster.log_of(0), HasSubstr("identity.json is damaged"));
}

TEST(StoreCluster, TwoNodesAndAWitnessSurviveTheLossOfAnyOne) {
  StoreCluster cluster(3);
  cluster.start(0);
  cluster.start(1);
  cluster.start(2, {.flags = {"--witness"}});
  cluster.await_leader();
  for (std::size_t victim = 0; victim < 3; ++victim) {
    cluster.signal(victim, SIGKILL);
    const auto leader = cluster.await_leader();
    EXPECT_EQ(Client(cluster.port(leader)).put("a", std::to_string(victim)).status, 200u);
    if (victim == 2) cluster.start(victim, {.flags = {"--witness"}});
    else cluster.start(victim);
    EXPECT_TRUE(StoreCluster::eventually([&] {
      return Client::value_of(Client(cluster.port(victim)).get("a", true)) == std::to_string(victim);
    }));
  }
}

// Clients on all nodes, a few keys, faults all the time; every key's history must be linearizable.
TEST(StoreCluster, HistoriesUnderFaultsAreLinearizable) {
  constexpr std::size_t kClients = 6;
  constexpr std::size_t kKeys = 4;
  StoreCluster cluster(3);
  cluster.start_all();
  cluster.await_leader();
  std::mutex mutex;
  std::map<std::string, std::vector<Operation>> histories;
  const Tally planned{.answered = 1'000, .kills = 6, .freezes = 6};
  Tally tally;
  std::size_t unknown = 0;
  std::atomic<bool> stop = false;

  const auto work = [&](std::size_t number) {
    std::mt19937 random(static_cast<unsigned>(number));
    std::map<std::string, std::optional<std::string>> last_seen;
    for (int i = 0; !stop; ++i) {
      const auto key = "r" + std::to_string(random() % kKeys);
      const auto value = std::to_string(number) + "." + std::to_string(i);
      Client client(cluster.port(random() % 3));
      client.timeout = 1500ms;
      Operation operation{.kind = static_cast<Operation::Kind>(random() % 3), .begun = now_ns()};
      Reply reply;
      switch (operation.kind) {
        case Operation::Kind::kRead: reply = client.get(key); break;
        case Operation::Kind::kWrite:
          operation.value = value;
          reply = client.put(key, value);
          break;
        case Operation::Kind::kCompareAndSet:
          operation.expected = last_seen[key];
          operation.value = value;
          reply = client.compare_and_set(key, operation.expected, value);
          operation.succeeded = Client::succeeded(reply);
          break;
      }
      const bool done = reply.status == 200;
      if (done) operation.ended = now_ns();
      if (done && operation.kind == Operation::Kind::kRead) last_seen[key] = operation.value = Client::value_of(reply);
      const bool certainly_nothing = !reply.may_have_been_processed || reply.error() == "etcdserver: no leader";
      if (!done && (operation.kind == Operation::Kind::kRead || certainly_nothing)) continue;
      const std::lock_guard lock(mutex);
      ++(done ? tally.answered : unknown);
      histories[key].push_back(operation);
    }
  };
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.emplace_back(work, i);

  std::mt19937 random(7);
  const auto fell_short = [&] {
    const std::lock_guard lock(mutex);
    return shortfalls(tally, planned);
  };
  for (const auto deadline = Clock::now() + 90s; !fell_short().empty() && Clock::now() < deadline;) {
    const auto victim = random() % 2 == 0 ? cluster.leader().value_or(0) : random() % 3;
    const auto before = [&] { const std::lock_guard lock(mutex); return tally.answered; }();
    if (tally.kills <= tally.freezes) {
      cluster.signal(victim, SIGKILL);
      cluster.await_leader();
      cluster.start(victim);
      ++tally.kills;
    } else {
      cluster.signal(victim, SIGSTOP);
      StoreCluster::eventually([] { return false; }, 300ms);  // the fault lasts so long
      cluster.signal(victim, SIGCONT);
      ++tally.freezes;
    }
    cluster.await_leader();
    // Each fault hits clients at work.
    StoreCluster::eventually([&] { const std::lock_guard lock(mutex); return tally.answered > before + 50; });
  }
  stop = true;
  for (auto& client : clients) client.join();
  EXPECT_THAT(fell_short(), IsEmpty());
  EXPECT_EQ(histories.size(), kKeys);
  for (const auto& [key, history] : histories) EXPECT_TRUE(is_linearizable(history)) << key;
  std::cout << tally.answered << " answered, " << unknown << " of unknown outcome, " << tally.kills << " kills, " << tally.freezes << " freezes\n";
}

}  // namespace
}  // namespace matriarch::consensus::test
