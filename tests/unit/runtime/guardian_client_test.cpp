#include "runtime/guardian_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <thread>

#include "guardian/control_server.hpp"
#include "guardian/job.hpp"
#include "guardian/run_directory.hpp"
#include "guardian/marks.hpp"
#include "runtime/guarded_postmaster.hpp"
#include "system/clock.hpp"
#include "system/process.hpp"

namespace matriarch::runtime {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using guardian::ControlMessage;
using guardian::MessageKind;

// A guardian that answers what the test wants. Its process is a sleeper that can be killed.
class FakeGuardian {
 public:
  explicit FakeGuardian(const std::string& run_directory)
      : page_(guardian::make_page(run_directory).value()),
        server_(guardian::ControlServer::listen(guardian::control_path(run_directory)).value()),
        process_(system::spawn({.argv = {"sleep", "1000"}}).value()),
        stop_(system::seqpacket_pair().value()) {
    told_.guardian = guardian::identify(process_.pid).value();
    page_.acknowledgement().write(told_);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeGuardian() {
    (void)system::send_message(stop_.first, std::string_view("stop"));
    thread_.join();
    kill();
    (void)system::wait_for_end(process_.pidfd, 5s);
    (void)system::try_reap(process_.pidfd);
    page_.remove();
  }

  void kill() { (void)system::send_signal(process_.pidfd, SIGKILL); }
  guardian::Page& page() { return page_; }

  std::atomic<bool> arms{true};
  std::atomic<int> refusals{0};        // of the next forks, as "something is left"
  std::atomic<bool> answers{true};
  std::atomic<int> looks{0};
  std::string launched;                // the first argument of the last launch; read it after its answer

 private:
  void serve() {
    while (true) {
      std::vector<pollfd> watched{{.fd = stop_.second.get(), .events = POLLIN, .revents = 0}};
      server_.watch(watched);
      ::poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      while (auto request = server_.next(watched)) answer(*request);
    }
  }

  void answer(guardian::ControlServer::Request& request) {
    const ControlMessage& asked = request.received.message;
    if (asked.kind == MessageKind::kLook) {
      ++looks;
      told_.armed_term = arms ? page_.lease().read().value.armed_term : 0;
      page_.acknowledgement().write(told_);
    }
    if (asked.kind == MessageKind::kSubscribe) server_.subscribe(request.connection);
    if (asked.request == 0 || !answers) return;
    ControlMessage reply{.kind = MessageKind::kDone, .request = asked.request};
    if (asked.kind == MessageKind::kFork) fork(request, reply);
    if (asked.kind == MessageKind::kFence) {
      told_.postmaster = {};
      told_.last_exit_pid = 77;
      told_.last_exit_status = SIGKILL;
      page_.acknowledgement().write(told_);
    }
    server_.answer(request.connection, reply);
    if (asked.kind == MessageKind::kFence) {
      server_.tell(::getpid(), {.kind = MessageKind::kPostmasterEnded, .process = {.pid = 77, .start_ticks = 5}});
    }
  }

  void fork(guardian::ControlServer::Request& request, ControlMessage& reply) {
    if (refusals > 0) {
      --refusals;
      reply.kind = MessageKind::kRefused;
      reply.status = EAGAIN;
      guardian::set_text(reply, "something is left");
      return;
    }
    std::array<char, 65536> text{};
    const ssize_t size = ::pread(request.received.fds.at(0).get(), text.data(), text.size(), 0);
    launched = guardian::parse_launch({text.data(), static_cast<std::size_t>(size)}).value().argv.at(1);
    reply.process = {.pid = 77, .start_ticks = 5};
    told_.postmaster = reply.process;
    page_.acknowledgement().write(told_);
  }

  guardian::Page page_;
  guardian::ControlServer server_;
  system::Child process_;
  std::pair<system::Fd, system::Fd> stop_;
  guardian::Acknowledgement told_;
  std::thread thread_;
};

class GuardianClientTest : public testing::Test {
 protected:
  GuardianClientTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "matriarch-client-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    guardian_ = std::make_unique<FakeGuardian>(directory_);
  }
  ~GuardianClientTest() override {
    guardian_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<GuardianClient> open() {
    GuardianPlace place{.run_directory = directory_, .data_directory = directory_ + "/data", .member = "n1"};
    return GuardianClient::open(context_.get_executor(), place).value();
  }

  template <typename T>
  T run(asio::awaitable<T> task) {
    std::optional<T> result;
    auto keep = [](asio::awaitable<T> inner, std::optional<T>* target) -> asio::awaitable<void> { *target = co_await std::move(inner); };
    asio::co_spawn(context_, keep(std::move(task), &result), asio::detached);
    context_.restart();
    while (!result) {
      if (context_.run_one_for(10s) == 0) throw std::runtime_error("nothing happened");
    }
    return std::move(*result);
  }

  std::string directory_;
  std::unique_ptr<FakeGuardian> guardian_;
  asio::io_context context_;
};

model::Instant in(std::chrono::nanoseconds time) {
  return model::Instant(system::boot_time() + time);
}

TEST_F(GuardianClientTest, TheLeaseStandsOnThePage) {
  auto client = open();
  const auto until = in(2s);
  client->publish_lease(model::SessionToken{7}, 3, until);
  const auto lease = guardian_->page().lease().read();
  ASSERT_EQ(lease.status, guardian::ReadStatus::kGood);
  EXPECT_EQ(lease.value.token, 7);
  EXPECT_EQ(lease.value.term, 3u);
  EXPECT_EQ(lease.value.valid_until, until.time_since_epoch().count());
  EXPECT_EQ(guardian_->page().posture().read().value.member_name(), "n1");
}

TEST_F(GuardianClientTest, ALeaseIsArmedWhenTheGuardianSaysSo) {
  auto client = open();
  client->publish_lease(model::SessionToken{7}, 3, in(2s));
  EXPECT_TRUE(run(client->arm(3, 1000ms)));
  guardian_->arms = false;
  EXPECT_THAT(run(client->arm(3, 1000ms)).error().what, testing::HasSubstr("does not watch"));
  guardian_->answers = false;
  EXPECT_THAT(run(client->arm(3, 50ms)).error().what, testing::HasSubstr("no answer in time"));
}

TEST_F(GuardianClientTest, StandingDownTakesTheTermBack) {
  auto client = open();
  client->publish_lease(model::SessionToken{7}, 3, in(2s));
  ASSERT_TRUE(run(client->arm(3, 1000ms)));
  client->stand_down("test");
  EXPECT_EQ(guardian_->page().lease().read().value.armed_term, 0u);
}

TEST_F(GuardianClientTest, ARestartedAgentResumesALeaseThatHasNotEnded) {
  const auto until = in(5s);
  {
    auto before = open();
    EXPECT_FALSE(before->resumable_lease().session.valid());
    before->publish_lease(model::SessionToken{7}, 3, until);
    ASSERT_TRUE(run(before->arm(3, 1000ms)));
    before->publish_writable(true);
  }
  auto after = open();
  const auto resumed = after->resumable_lease();
  EXPECT_EQ(resumed.session, model::SessionToken{7});
  EXPECT_EQ(resumed.term, 3u);
  EXPECT_EQ(resumed.valid_until, until);
  EXPECT_TRUE(resumed.armed);
  EXPECT_EQ(resumed.outcome, model::LeaseOutcome::kHeld);
  EXPECT_EQ(guardian_->page().posture().read().value.may_write, 1u) << "what was true stays true";

  after->publish_lease(model::SessionToken{7}, 3, in(-1ms));
  EXPECT_FALSE(open()->resumable_lease().session.valid());
}

TEST_F(GuardianClientTest, WhatCannotWaitRingsTheBell) {
  auto client = open();
  const auto rings = [this](int wanted) {
    for (int i = 0; i < 2000 && guardian_->looks < wanted; ++i) std::this_thread::sleep_for(1ms);
    return guardian_->looks.load();
  };
  client->publish_lease(model::SessionToken{7}, 3, in(2s));
  client->publish_lease(model::SessionToken{7}, 3, in(3s));
  client->publish_writable(true);
  EXPECT_EQ(rings(1), 1) << "a renewal needs no look";
  client->publish_writable(true);
  client->publish_pause(true);
  EXPECT_EQ(rings(2), 2) << "what did not change needs none";
  client->publish_lease(model::SessionToken{7}, 3, model::Instant{});
  EXPECT_EQ(rings(3), 3);
}

TEST_F(GuardianClientTest, ALostGuardianIsNoticedAndAStandbyLeftRunning) {
  auto client = open();
  guardian_->kill();
  EXPECT_EQ(run(client->guardian_lost()).what, guardian::LastResort::Outcome::kNothingRan);
}

TEST_F(GuardianClientTest, WithoutAGuardianItCannotBeOpened) {
  GuardianPlace place{.run_directory = directory_ + "/nowhere", .data_directory = directory_, .member = "n1"};
  const auto client = GuardianClient::open(context_.get_executor(), place);
  ASSERT_FALSE(client);
  EXPECT_THAT(client.error(), testing::HasSubstr("cannot find the guardian"));
}

class GuardedPostmasterTest : public GuardianClientTest {
 protected:
  std::unique_ptr<GuardedPostmaster> postmaster_ = GuardedPostmaster::open(context_.get_executor(), directory_).value();
  guardian::Launch launch_{.argv = {"/bin/postgres", "hello"}, .environment = {"A=1"}, .working_directory = "/"};
};

TEST_F(GuardedPostmasterTest, IsForkedByTheGuardian) {
  const auto started = run(postmaster_->launch(launch_, -1));
  ASSERT_TRUE(started) << started.error();
  EXPECT_EQ(started->pid, 77);
  EXPECT_EQ(guardian_->launched, "hello");
}

TEST_F(GuardedPostmasterTest, WaitsForWhatIsLeftOfTheLastOne) {
  guardian_->refusals = 3;
  EXPECT_TRUE(run(postmaster_->launch(launch_, -1)));
  EXPECT_EQ(guardian_->refusals, 0);
}

TEST_F(GuardedPostmasterTest, IsFencedAndItsEndReported) {
  const auto started = run(postmaster_->launch(launch_, -1));
  ASSERT_TRUE(started);
  std::optional<guardian::ProcessRef> ended;
  postmaster_->on_end([&ended](guardian::ProcessRef process) { ended = process; });
  EXPECT_FALSE(postmaster_->exit_of(*started));
  EXPECT_TRUE(run(postmaster_->fence(*started, 1000ms)));
  EXPECT_EQ(postmaster_->exit_of(*started), (system::ExitStatus{.by_signal = true, .value = SIGKILL}));
  while (!ended && context_.run_one_for(5s) > 0) {
  }
  EXPECT_EQ(ended, *started);
}

TEST_F(GuardedPostmasterTest, SaysWhyItCouldNot) {
  guardian_->refusals = 1 << 20;
  const auto started = run(postmaster_->launch(launch_, -1));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "the guardian refused: something is left");
  guardian_.reset();
  EXPECT_THAT(run(postmaster_->say_goodbye(0, false)).error(), testing::HasSubstr("guardian.sock"));
}

}  // namespace
}  // namespace matriarch::runtime
