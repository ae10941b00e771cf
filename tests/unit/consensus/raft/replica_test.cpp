// One member alone on real files.
#include "consensus/raft/replica.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "consensus/raft/entry.hpp"

namespace matriarch::consensus::raft {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
namespace asio = boost::asio;

class ReplicaTest : public ::testing::Test {
 protected:
  ReplicaTest() {
    char pattern[] = "/tmp/matriarch-replica-XXXXXX";
    settings_.directory = ::mkdtemp(pattern);
    settings_.id = 5;
    settings_.address = "127.0.0.1:1";
  }
  ~ReplicaTest() override {
    replica_.reset();
    std::filesystem::remove_all(settings_.directory);
  }

  void bootstrap() {
    const auto done = Replica::bootstrap(settings_, {{.id = 5, .address = "127.0.0.1:1", .role = Role::kVoter}});
    ASSERT_TRUE(done) << done.error();
  }
  tl::expected<void, std::string> open() {
    Replica::Hooks hooks{.log = [](LogLevel, std::string) {}, .applied = [this](bool keys_changed) { rung_ += keys_changed ? 1 : 0; }};
    auto opened = Replica::open(loop_.get_executor(), settings_, std::move(hooks));
    if (!opened) return tl::unexpected(opened.error());
    replica_ = std::move(*opened);
    return {};
  }
  void run_until(const std::function<bool()>& reached) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!reached()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      loop_.run_one_for(100ms);
    }
  }
  void put(const std::string& key, const std::string& value) {
    bool done = false;
    replica_->submit(machine::put({.key = key, .value = value}), 0ns, [&](auto outcome) {
      EXPECT_TRUE(outcome.has_value());
      done = true;
    });
    run_until([&] { return done; });
  }
  std::string value_of(const std::string& key) {
    bool reached = false;
    replica_->read_barrier([&](auto) { reached = true; });
    run_until([&] { return reached; });
    const auto kv = replica_->machine().find(key);
    return kv ? kv->value : "(absent)";
  }

  asio::io_context loop_{1};
  ReplicaSettings settings_;
  std::unique_ptr<Replica> replica_;
  int rung_ = 0;  // how often watchers were told to look
};

TEST_F(ReplicaTest, WhatWasAcknowledgedIsThereAfterARestart) {
  bootstrap();
  ASSERT_TRUE(open());
  put("a", "1");
  replica_.reset();
  ASSERT_TRUE(open());
  EXPECT_EQ(value_of("a"), "1");
}

TEST_F(ReplicaTest, SnapshotsShortenTheLog) {
  settings_.snapshot_threshold = 20;
  settings_.snapshot_trailing = 5;
  bootstrap();
  ASSERT_TRUE(open());
  for (int i = 0; i < 100; ++i) put("a", std::to_string(i));
  replica_.reset();
  ASSERT_TRUE(open());
  EXPECT_EQ(value_of("a"), "99");
  EXPECT_EQ(replica_->machine().revision(), 101);
}

TEST_F(ReplicaTest, WatchersLearnOfARestore) {
  bootstrap();
  ASSERT_TRUE(open());
  put("a", "1");
  const auto saved = replica_->machine().snapshot();
  put("a", "2");
  const int before = rung_;
  bool restored = false;
  replica_->submit({.body = machine::RestoreKeys{.snapshot = saved}}, 0ns, [&](auto outcome) { restored = outcome.has_value(); });
  run_until([&] { return restored; });
  EXPECT_EQ(value_of("a"), "1");
  EXPECT_GT(rung_, before);
}

TEST_F(ReplicaTest, ALeaseRunsOutByItself) {
  bootstrap();
  ASSERT_TRUE(open());
  bool granted = false;
  replica_->submit({.body = machine::GrantLease{.id = 9, .ttl_ms = 200}}, 0ns, [&](auto) { granted = true; });
  run_until([&] { return granted; });
  put("plain", "1");
  bool attached = false;
  const auto before = Replica::now();
  replica_->submit(machine::put({.key = "a", .value = "1", .lease = 9}), 0ns, [&](auto) { attached = true; });
  run_until([&] { return attached; });
  run_until([&] { return !replica_->machine().find("a"); });
  EXPECT_GE(Replica::now() - before, 150ms);
  EXPECT_TRUE(replica_->machine().find("plain"));
}

TEST_F(ReplicaTest, ThePaceFollowsTheShortestLease) {
  bootstrap();
  ASSERT_TRUE(open());
  EXPECT_EQ(replica_->pace(), settings_.pace);
  put("a", "1");
  const auto carry_out = [&](machine::Body body) {
    bool done = false;
    replica_->submit({.body = std::move(body)}, 0ns, [&](auto) { done = true; });
    run_until([&] { return done; });
  };
  carry_out(machine::GrantLease{.id = 7, .ttl_ms = 30'000});
  run_until([&] { return replica_->pace() == stretched(settings_.pace, 30'000ms); });
  carry_out(machine::GrantLease{.id = 8, .ttl_ms = 2'000});
  run_until([&] { return replica_->pace() == stretched(settings_.pace, 2'000ms); });
  carry_out(machine::RevokeLease{.id = 7});
  carry_out(machine::RevokeLease{.id = 8});
  run_until([&] { return replica_->pace() == settings_.pace; });
  put("a", "2");  // and it leads on
  EXPECT_EQ(value_of("a"), "2");
}

TEST_F(ReplicaTest, ADamagedLogIsNamedAndNothingIsChanged) {
  bootstrap();
  ASSERT_TRUE(open());
  for (int i = 0; i < 10; ++i) put("a", std::to_string(i));
  replica_.reset();
  std::string damaged;
  for (const auto& entry : std::filesystem::directory_iterator(settings_.directory)) {
    if (entry.path().filename().string().starts_with("0000000000000002-")) damaged = entry.path();
  }
  ASSERT_FALSE(damaged.empty());
  {
    std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("\xff\xff\xff\xff", 4);
  }
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), HasSubstr(std::filesystem::path(damaged).filename().string()));
  EXPECT_THAT(opened.error(), HasSubstr("Nothing was changed"));
  EXPECT_TRUE(std::filesystem::exists(damaged));
}

TEST_F(ReplicaTest, ADirectoryIsBootstrappedOnce) {
  bootstrap();
  EXPECT_FALSE(Replica::bootstrap(settings_, {{.id = 5, .address = "127.0.0.1:1", .role = Role::kVoter}}));
}

TEST(Entry, SurvivesItsEncodingAndLibraftsPadding) {
  const Entry entry{.ticket = {.session = 3, .number = 4}, .commands = {"one", "", "three"}};
  const auto decoded = decode_entry(encode(entry) + std::string(7, '\0'));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->ticket, entry.ticket);
  EXPECT_EQ(decoded->commands, entry.commands);
  EXPECT_EQ(decode_entry(encode(entry) + "x").error(), machine::DecodeError::kMalformed);
  EXPECT_EQ(decode_entry("\x09").error(), machine::DecodeError::kTooNew);
  EXPECT_EQ(decode_entry("").error(), machine::DecodeError::kMalformed);
}

}  // namespace
}  // namespace matriarch::consensus::raft
