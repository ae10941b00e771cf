// The API over real HTTP on loopback, with an agent made of answers.
#include "rest/api.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <filesystem>

#include "net/basic_auth.hpp"
#include "net/http_client.hpp"
#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

struct FakeBoard : ports::Board {
  std::shared_ptr<const ports::Snapshot> snapshot;
  model::LeaseState state;
  void publish(std::shared_ptr<const ports::Snapshot> published) override { snapshot = std::move(published); }
  std::shared_ptr<const ports::Snapshot> latest() const override { return snapshot; }
  void publish_lease(model::LeaseState lease) override { state = lease; }
  model::LeaseState lease() const override { return state; }
};

struct FakeJournal : ports::Journal {
  std::vector<std::string> lines, events;
  void log(ports::Level level, std::string text) override {
    if (level != ports::Level::kDebug) lines.push_back(std::move(text));
  }
  void event(std::string kind, boost::json::object details) override { events.push_back(kind + " " + model::write_json(details)); }
};

struct FakePeers : ports::Peers {
  model::PeerStatus answer{.reachable = true};
  std::vector<std::string> asked;
  asio::awaitable<void> poll(std::vector<ports::PeerAddress> members, model::Milliseconds,
                             std::function<void(model::MemberName, model::PeerStatus)> on_answer) override {
    for (const auto& member : members) {
      asked.push_back(member.name.text);
      on_answer(member.name, answer);
    }
    co_return;
  }
  asio::awaitable<model::FailsafeRound> ask_failsafe(std::vector<ports::PeerAddress>, std::string, model::Milliseconds) override { co_return model::FailsafeRound{}; }
  asio::awaitable<bool> answers(ports::PeerAddress, model::Milliseconds) override { co_return false; }
};

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    situation_.settings.restapi.listen = {"127.0.0.1", 0};
    model::Member member;
    member.name = model::MemberName("pg-b");
    member.api_url = "http://127.0.0.1:1/patroni";
    situation_.cluster.members[member.name] = member;
  }
  ~ApiTest() override {
    api_.reset();
    context_.restart();
    context_.poll();
  }

  void start() {
    World world{.board = board_, .journal = journal_, .peers = peers_, .clocks = {[this] { return situation_.now; }, [] { return model::WallTime{1772439314s}; }}};
    world.post = [this](ports::Request request, std::function<void(ports::Reply)> reply) {
      posted_.push_back(request);
      if (on_request_) on_request_(std::move(request), std::move(reply));
    };
    world.fresh_status = fresh_status_;
    world.refuse_config = refuse_config_;
    world.events_after = [this](std::uint64_t after) {
      std::vector<EventRecord> newer;
      for (const auto& event : events_) {
        if (event.id > after) newer.push_back(event);
      }
      return newer;
    };
    publish();
    api_ = std::make_unique<Api>(context_.get_executor(), std::move(world), board_.snapshot->seen.settings);
    const auto started = api_->start(socket_);
    ASSERT_TRUE(started) << started.error().what;
    client_ = std::make_unique<net::HttpClient>(context_.get_executor(), net::TcpEndpoint{"127.0.0.1", api_->port()});
  }

  void publish() {
    board_.snapshot = situation_.reading().snapshot;
    board_.state = situation_.lease;
    if (api_) api_->snapshot_published();
  }

  // Runs until `done`; a test that waits for what never comes fails instead of hanging.
  void run_until(const std::function<bool()>& done) {
    context_.restart();
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < deadline) context_.run_one_for(100ms);
    ASSERT_TRUE(done()) << "not within 10 s";
  }

  struct Pending {
    std::optional<net::NetResult<net::HttpResponse>> result;
    bool is_there() const { return result.has_value(); }
    const net::HttpResponse& response() const { return result->value(); }
  };

  std::shared_ptr<Pending> send(std::string method, std::string target, std::string body = {}, std::vector<net::Header> headers = {}) {
    auto pending = std::make_shared<Pending>();
    net::HttpRequest request{.method = std::move(method), .target = std::move(target), .headers = std::move(headers), .body = std::move(body)};
    asio::co_spawn(context_, client_->request(std::move(request), 8s), [pending](std::exception_ptr failure, net::NetResult<net::HttpResponse> result) {
      ASSERT_FALSE(failure);
      pending->result = std::move(result);
    });
    return pending;
  }

  net::HttpResponse ask(std::string method, std::string target, std::string body = {}, std::vector<net::Header> headers = {}) {
    const auto pending = send(std::move(method), std::move(target), std::move(body), std::move(headers));
    run_until([&] { return pending->is_there(); });
    if (!pending->is_there() || !*pending->result) {
      ADD_FAILURE() << (pending->is_there() ? pending->result->error().what : "no answer");
      return {};
    }
    return pending->response();
  }

  void answer_requests(int status, std::string text) {
    on_request_ = [=](ports::Request, std::function<void(ports::Reply)> reply) { reply({.status = status, .text = text}); };
  }

  Situation situation_;
  asio::io_context context_;
  FakeBoard board_;
  FakeJournal journal_;
  FakePeers peers_;
  FreshStatus fresh_status_;
  RefuseConfig refuse_config_;
  std::vector<EventRecord> events_;
  std::deque<ports::Request> posted_;
  std::function<void(ports::Request, std::function<void(ports::Reply)>)> on_request_;
  std::string socket_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpClient> client_;
};

TEST_F(ApiTest, AnswersChecksInTheThreeShapes) {
  situation_.as_primary().with_lease();
  start();
  auto response = ask("GET", "/primary");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(net::find_header(response.headers, "Content-Type"), "application/json");
  EXPECT_THAT(response.body, HasSubstr(R"("role": "primary")"));
  response = ask("OPTIONS", "/");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "");
  EXPECT_FALSE(net::find_header(response.headers, "Server"));
  EXPECT_EQ(ask("HEAD", "/replica").status, 503u);
  EXPECT_EQ(ask("HEAD", "/cluster").status, 200u);
  EXPECT_EQ(ask("GET", "/nothing").status, 503u);
  EXPECT_EQ(ask("GET", "/liveness").body, "");
  response = ask("POST", "/patroni", "{}");
  EXPECT_EQ(response.status, 501u);
  EXPECT_THAT(response.body, HasSubstr("Server does not support this operation"));
  EXPECT_THAT(ask("GET", "/metrics").body, HasSubstr("matriarch_api_answers_total"));
}

TEST_F(ApiTest, APrimaryWhoseLeaseRanOutSaysSoWithoutANewSnapshot) {
  situation_.as_primary().with_lease();
  start();
  EXPECT_EQ(ask("GET", "/primary").status, 200u);
  situation_.now = situation_.lease.valid_until;
  EXPECT_EQ(ask("GET", "/primary").status, 503u);
  EXPECT_EQ(ask("GET", "/leader").status, 503u);
  EXPECT_EQ(ask("OPTIONS", "/read-write").status, 503u);
  EXPECT_THAT(ask("GET", "/patroni").body, HasSubstr(R"("role": "demoted")"));
}

TEST_F(ApiTest, ServesTheStoresDocuments) {
  situation_.as_replica();
  situation_.cluster.config = model::ConfigKey{object(R"({"ttl":30,"a":{"z":1,"b":2}})"), true, {}};
  start();
  EXPECT_EQ(ask("GET", "/config").body, R"({"ttl": 30, "a": {"z": 1, "b": 2}})");
  EXPECT_THAT(ask("GET", "/cluster").body, HasSubstr(R"("scope": "orders")"));
  EXPECT_EQ(ask("GET", "/history").body, "[]");
  EXPECT_EQ(ask("GET", "/failsafe").status, 502u);
  situation_.cluster.config.reset();
  situation_.cluster.failsafe = {{model::MemberName("pg-a"), "http://x"}};
  publish();
  EXPECT_EQ(ask("GET", "/config").status, 502u);
  EXPECT_EQ(ask("GET", "/failsafe").body, R"({"pg-a": "http://x"})");
  situation_.without_store();
  publish();
  for (const char* path : {"/config", "/cluster", "/history"}) EXPECT_EQ(ask("GET", path).status, 503u) << path;
  EXPECT_EQ(ask("GET", "/failsafe").status, 200u) << "outlives the store";
}

TEST_F(ApiTest, ConcurrentPollsShareOneQuery) {
  situation_.as_replica();
  int queries = 0;
  asio::steady_timer gate(context_, asio::steady_timer::time_point::max());
  fresh_status_ = [&](model::Milliseconds) -> asio::awaitable<std::optional<model::PostgresNode>> {
    ++queries;
    boost::system::error_code opened;
    co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, opened));
    model::PostgresNode node = situation_.node();
    node.received = node.replayed = model::Lsn{5000};
    co_return node;
  };
  start();
  const auto first = send("GET", "/patroni"), second = send("GET", "/patroni");
  run_until([&] { return queries > 0; });
  asio::post(context_, [&] { gate.cancel(); });
  run_until([&] { return first->is_there() && second->is_there(); });
  EXPECT_EQ(queries, 1);
  for (const auto& pending : {first, second}) EXPECT_THAT(pending->response().body, HasSubstr(R"("replayed_location": 5000)"));
}

TEST_F(ApiTest, AFailedQueryFallsBackToWhatTheAgentSawRecently) {
  situation_.as_replica();
  fresh_status_ = [](model::Milliseconds) -> asio::awaitable<std::optional<model::PostgresNode>> { co_return std::nullopt; };
  start();
  EXPECT_THAT(ask("GET", "/patroni").body, HasSubstr(R"("replayed_location": 1000)"));
  situation_.now += 21s;
  const auto body = ask("GET", "/patroni").body;
  EXPECT_THAT(body, HasSubstr(R"("state": "unknown")"));
  EXPECT_THAT(body, testing::Not(HasSubstr("xlog")));
}

TEST_F(ApiTest, GuardsWhatChangesSomething) {
  situation_.settings.restapi.username = "adm";
  situation_.settings.restapi.password = "secret";
  answer_requests(202, "reload scheduled");
  start();
  EXPECT_EQ(ask("GET", "/patroni").status, 200u);
  auto response = ask("POST", "/reload");
  EXPECT_EQ(response.status, 401u);
  EXPECT_EQ(response.body, "no auth header received");
  EXPECT_TRUE(posted_.empty());
  response = ask("POST", "/reload", {}, {{"Authorization", net::make_basic_auth({"adm", "secret"})}});
  EXPECT_EQ(response.status, 202u);
  EXPECT_EQ(posted_.size(), 1u);
  ASSERT_EQ(journal_.events.size(), 2u) << "both are remembered";
  EXPECT_EQ(journal_.events.back(), R"(api_request {"request":"POST /reload","from":"127.0.0.1","status":202,"answer":"reload scheduled"})");
}

TEST_F(ApiTest, RefusalsDoNotWashAwayTheEvents) {
  situation_.settings.restapi.username = "adm";
  situation_.settings.restapi.password = "secret";
  start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("POST", "/reload").status, 401u);
  ASSERT_EQ(journal_.events.size(), 1u);
  EXPECT_EQ(journal_.events.back(), R"(api_request {"request":"POST /reload","from":"127.0.0.1","status":401,"answer":"no auth header received"})");
  situation_.now += 61s;
  EXPECT_EQ(ask("POST", "/restart").status, 401u);
  ASSERT_EQ(journal_.events.size(), 2u);
  EXPECT_EQ(journal_.events.back(), R"(api_request {"request":"POST /restart","from":"127.0.0.1","status":401,"answer":"no auth header received","times":5})");
}

TEST_F(ApiTest, BadBodiesHaveNoEffect) {
  situation_.as_replica();
  start();
  struct {
    const char *method, *target, *body;
    unsigned status;
  } const rows[] = {{"PATCH", "/config", "", 411},           {"PATCH", "/config", "[1]", 400},      {"PUT", "/config", "{", 400},
                    {"POST", "/switchover", "{}", 400},      {"POST", "/failover", "x", 400},       {"POST", "/restart", "[]", 400},
                    {"POST", "/reinitialize", "1", 400},     {"POST", "/failsafe", "{}", 502},      {"POST", "/citus", "{\"type\":1}", 400},
                    {"POST", "/restart", "{\"x\":1}", 400}};
  for (const auto& row : rows) EXPECT_EQ(ask(row.method, row.target, row.body).status, row.status) << row.method << " " << row.target << " " << row.body;
  EXPECT_EQ(ask("PATCH", "/config", std::string((1u << 20) + 1, ' ')).status, 413u);
  EXPECT_TRUE(posted_.empty());
}

TEST_F(ApiTest, PostsWhatWasAskedAndAnswersWhatTheAgentSays) {
  situation_.as_replica();
  start();
  struct {
    const char *method, *target, *body;
    ports::Request::Kind kind;
    const char* posted;
  } const rows[] = {
      {"POST", "/restart", "", ports::Request::Kind::kRestart, "{}"},
      {"POST", "/restart", R"({"role":"replica","timeout":"1min"})", ports::Request::Kind::kRestart, R"({"role":"replica","timeout":60})"},
      {"POST", "/restart", R"({"schedule":"2030-01-01T00:00:00Z","restart_pending":true})", ports::Request::Kind::kScheduleRestart, R"({"restart_pending":true,"schedule":"2030-01-01T00:00:00+00:00","schedule_us":1893456000000000})"},
      {"DELETE", "/restart", "", ports::Request::Kind::kUnscheduleRestart, "{}"},
      {"POST", "/reinitialize", R"({"force":true,"from_leader":true})", ports::Request::Kind::kReinitialize, R"({"force":true,"from-leader":true})"},
      {"POST", "/reload", "", ports::Request::Kind::kReload, "{}"},
  };
  for (const auto& row : rows) {
    answer_requests(409, "Another restart is already scheduled");
    const auto response = ask(row.method, row.target, row.body);
    EXPECT_EQ(response.status, 409u);
    EXPECT_EQ(response.body, "Another restart is already scheduled");
    ASSERT_FALSE(posted_.empty());
    EXPECT_EQ(posted_.back().kind, row.kind) << row.target << row.body;
    EXPECT_EQ(model::write_json(posted_.back().body), row.posted);
  }
  EXPECT_EQ(ask("POST", "/sigterm").status, 202u);
}

TEST_F(ApiTest, ChangesTheConfigurationThroughTheAgent) {
  situation_.as_replica();
  situation_.cluster.config = model::ConfigKey{object(R"({"ttl":30})"), true, {}};
  start();
  on_request_ = [](ports::Request, std::function<void(ports::Reply)> reply) { reply({.status = 200, .document = object(R"({"ttl":30,"pause":true})")}); };
  EXPECT_EQ(ask("PATCH", "/config", R"({"pause":true})").body, R"({"ttl": 30, "pause": true})");
  answer_requests(409, "changed meanwhile");
  const auto conflict = ask("PATCH", "/config", R"({"pause":true})");
  EXPECT_EQ(conflict.status, 409u);
  EXPECT_THAT(conflict.body, HasSubstr("changed meanwhile"));
  posted_.clear();
  EXPECT_EQ(ask("PUT", "/config", R"({"ttl":"30"})").body, R"({"ttl": "30"})");
  EXPECT_TRUE(posted_.empty()) << "equal by text: nothing to write";
  answer_requests(200, "");
  EXPECT_EQ(ask("PUT", "/config", R"({"ttl":20})").body, R"({"ttl": 20})");
  EXPECT_EQ(posted_.size(), 1u);
}

TEST_F(ApiTest, AConfigurationThatNoNodeAcceptsIsRefusedWithTheReason) {
  situation_.as_replica();
  situation_.cluster.config = model::ConfigKey{object(R"({"ttl":30})"), true, {}};
  std::vector<std::string> judged;
  refuse_config_ = [&](const model::Settings&, const boost::json::object& before, const boost::json::object& after) {
    judged.push_back(model::write_json(before) + model::write_json(after));
    return std::optional<std::string>("ttl abc is not a number");
  };
  start();
  const auto refused = ask("PATCH", "/config", R"({"loop_wait":"zz"})");
  EXPECT_EQ(refused.status, 400u);
  EXPECT_THAT(refused.body, HasSubstr("ttl abc is not a number"));
  EXPECT_EQ(ask("PUT", "/config", R"({"ttl":"abc"})").status, 400u);
  EXPECT_EQ(ask("PUT", "/config", R"({"ttl":30})").status, 200u) << "nothing changes";
  EXPECT_THAT(judged, testing::ElementsAre(R"({"ttl":30}{"ttl":30,"loop_wait":"zz"})", R"({"ttl":30}{"ttl":"abc"})"));
  EXPECT_TRUE(posted_.empty());
}

TEST_F(ApiTest, ASwitchoverIsAnsweredByTheEventThatEndsIt) {
  situation_.as_replica();
  situation_.cluster.leader = model::LeaderKey{model::MemberName("pg-c")};
  start();
  on_request_ = [this](ports::Request request, std::function<void(ports::Reply)> reply) {
    EXPECT_EQ(model::write_json(request.body), R"({"leader":"pg-c","member":"pg-b"})");
    situation_.cluster.failover = model::FailoverKey{.leader = model::MemberName("pg-c"), .candidate = model::MemberName("pg-b")};
    situation_.cluster.failover_revision = model::Revision{7};
    reply({});
  };
  const auto pending = send("POST", "/switchover", R"({"leader":"pg-c","candidate":"pg-b"})");
  run_until([&] { return !posted_.empty(); });
  publish();
  situation_.cluster.leader.reset();
  publish();
  situation_.cluster.leader = model::LeaderKey{model::MemberName("pg-b")};
  publish();
  run_until([&] { return pending->is_there(); });
  EXPECT_EQ(pending->response().status, 200u);
  EXPECT_EQ(pending->response().body, "Successfully switched over to \"pg-b\"");
  EXPECT_THAT(peers_.asked, testing::ElementsAre("pg-b"));
}

TEST_F(ApiTest, ASwitchoverThatIsRejectedOrForgottenIsSaidToBe) {
  situation_.as_replica();
  situation_.cluster.leader = model::LeaderKey{model::MemberName("pg-c")};
  start();
  on_request_ = [this](ports::Request, std::function<void(ports::Reply)> reply) {
    situation_.cluster.failover_revision = model::Revision{situation_.cluster.failover_revision.value + 1};
    reply({});
    publish();
  };
  EXPECT_EQ(ask("POST", "/switchover", R"({"leader":"pg-c"})").body, "Switchover failed");
  posted_.clear();
  answer_requests(200, "");  // and the view never shows it
  const auto forgotten = send("POST", "/failover", R"({"candidate":"pg-b"})");
  run_until([&] { return !posted_.empty(); });
  context_.poll();
  situation_.now += 21s;
  publish();
  run_until([&] { return forgotten->is_there(); });
  EXPECT_EQ(forgotten->response().body, "Failover status unknown after 20 seconds; operation may still be in progress");
  answer_requests(503, "unreachable");
  EXPECT_EQ(ask("POST", "/failover", R"({"candidate":"pg-b"})").body, "failed to write failover key into DCS");
  peers_.answer.reachable = false;
  const auto refused = ask("POST", "/failover", R"({"candidate":"pg-b"})");
  EXPECT_EQ(refused.status, 412u);
  EXPECT_EQ(refused.body, "failover is not possible: no good candidates have been found");
}

TEST_F(ApiTest, ScheduledSwitchoversAreWrittenAndDeleted) {
  situation_.as_replica();
  situation_.cluster.leader = model::LeaderKey{model::MemberName("pg-c")};
  answer_requests(200, "");
  start();
  EXPECT_EQ(ask("DELETE", "/switchover").status, 404u);
  EXPECT_EQ(ask("POST", "/switchover", R"({"leader":"pg-c","scheduled_at":"2030-01-01T02:00:00+02:00"})").body, "Switchover scheduled");
  EXPECT_EQ(model::write_json(posted_.back().body), R"({"leader":"pg-c","scheduled_at":"2030-01-01T02:00:00+02:00"})");
  situation_.cluster.failover = model::FailoverKey{.leader = model::MemberName("pg-c"), .scheduled_at = model::WallTime{1893456000s}};
  situation_.cluster.failover_revision = model::Revision{9};
  publish();
  EXPECT_EQ(ask("DELETE", "/switchover").body, "scheduled switchover deleted");
  EXPECT_EQ(posted_.back().expected, model::Revision{9});
  answer_requests(409, "changed");
  EXPECT_EQ(ask("DELETE", "/switchover").status, 409u);
}

TEST_F(ApiTest, FailsafeCallsAreAnsweredInPatronisWords) {
  situation_.as_replica().settings.dynamic.failsafe_mode = true;
  on_request_ = [](ports::Request, std::function<void(ports::Reply)> reply) { reply({.status = 200, .text = "Accepted", .lsn = 42}); };
  start();
  const std::string body = R"({"name":"a","conn_url":"c","api_url":"u","slots":{}})";
  const auto accepted = ask("POST", "/failsafe", body);
  EXPECT_EQ(accepted.status, 200u);
  EXPECT_EQ(accepted.body, "Accepted");
  EXPECT_EQ(net::find_header(accepted.headers, "lsn"), "42");
  EXPECT_EQ(ask("POST", "/failsafe", R"({"name":"a"})").status, 400u);
  situation_.as_primary();
  publish();
  EXPECT_EQ(ask("POST", "/failsafe", body).body, "Running as a leader");
}

TEST_F(ApiTest, EventsAreListedAndFollowed) {
  events_ = {{1, model::WallTime{0s}, "leader", object(R"({"to":"pg-b"})")}};
  start();
  EXPECT_EQ(ask("GET", "/matriarch/events").body, R"([{"id": 1, "at": "1970-01-01T00:00:00+00:00", "kind": "leader", "details": {"to": "pg-b"}}])");
  EXPECT_EQ(ask("GET", "/matriarch/events?after=1").body, "[]");
  std::string received;
  bool ended = false;
  net::HttpRequest request{.target = "/matriarch/events?follow"};
  net::HttpClient::OnChunk on_chunk = [&](std::string_view chunk) {
    received += chunk;
    return received.find("id: 2\n") == std::string::npos;
  };
  asio::co_spawn(context_, client_->stream(std::move(request), on_chunk, 5s, 5s),
                 [&](std::exception_ptr, net::NetResult<net::HttpResponse>) { ended = true; });
  run_until([&] { return !received.empty(); });
  events_.push_back({2, model::WallTime{1s}, "demoted", {}});
  api_->event_recorded();
  run_until([&] { return ended; });
  EXPECT_THAT(received, HasSubstr("id: 1\nevent: leader\ndata: {\"id\": 1, "));
  EXPECT_THAT(received, HasSubstr("id: 2\nevent: demoted\n"));
}

TEST_F(ApiTest, ExplainsItsDecisions) {
  situation_.as_primary().with_lease();
  situation_.snapshot.decision.table = "leader";
  situation_.snapshot.decision.rule = "serve";
  situation_.snapshot.decision.says = "no action. I am (pg-a), the leader with the lock";
  situation_.snapshot.verdict_since = situation_.now - 100s;
  using ports::PastDecision;
  situation_.snapshot.recent = std::make_shared<const ports::PastDecisions>(
      ports::PastDecisions{std::make_shared<PastDecision>(situation_.snapshot.decision, situation_.now - 100s, "lease"),
                           std::make_shared<PastDecision>(model::Decision{}, situation_.now - 200s, "store")});
  start();
  const auto decisions = object(ask("GET", "/matriarch/decisions?n=1").body);
  EXPECT_EQ(decisions.at("current").at("rule").as_string(), "serve");
  EXPECT_EQ(decisions.at("current").at("since").as_string(), "2026-03-02T08:13:34+00:00");
  EXPECT_EQ(decisions.at("recent").as_array().size(), 1u);
  const auto status = object(ask("GET", "/matriarch/status").body);
  EXPECT_EQ(status.at("lease").at("margin_seconds").as_double(), 20);
  EXPECT_EQ(status.at("postgres").at("role").as_string(), "primary");
}

TEST_F(ApiTest, TakesNewSettingsFromTheSnapshotAndMovesItsListener) {
  start();
  const auto old_port = api_->port();
  situation_.settings.restapi.server_tokens = "productonly";
  publish();
  context_.poll();
  EXPECT_EQ(net::find_header(ask("GET", "/patroni").headers, "Server"), "Patroni");
  situation_.settings.restapi.listen = {"localhost", 0};
  publish();
  run_until([&] { return api_->port() != old_port; });
  client_ = std::make_unique<net::HttpClient>(context_.get_executor(), net::TcpEndpoint{"127.0.0.1", old_port});
  const auto refused = send("GET", "/patroni");
  run_until([&] { return refused->is_there(); });
  EXPECT_FALSE(*refused->result) << "the old address is closed";
  client_ = std::make_unique<net::HttpClient>(context_.get_executor(), net::TcpEndpoint{"localhost", api_->port()});
  EXPECT_EQ(ask("GET", "/patroni").status, 200u);
}

TEST_F(ApiTest, AnAddressThatCannotBeBoundLeavesTheOldOneInUse) {
  start();
  situation_.settings.restapi.listen = {"192.0.2.1", 1};
  publish();
  run_until([&] { return !journal_.lines.empty(); });
  EXPECT_THAT(journal_.lines.back(), HasSubstr("the API goes on as before"));
  EXPECT_EQ(ask("GET", "/patroni").status, 200u);
}

TEST_F(ApiTest, AnswersOnAUnixSocket) {
  socket_ = (std::filesystem::temp_directory_path() / ("matriarch_api_test_" + std::to_string(::getpid()))).string();
  situation_.settings.restapi.allowlist = {"10.0.0.0/8"};
  answer_requests(202, "reload scheduled");
  start();
  EXPECT_EQ(ask("POST", "/reload").status, 403u);
  client_ = std::make_unique<net::HttpClient>(context_.get_executor(), net::UnixEndpoint{socket_});
  EXPECT_EQ(ask("POST", "/reload").status, 202u) << "whoever may open the socket may use it";
}

TEST_F(ApiTest, ResolvesNamesOfTheAllowlistInTheBackground) {
  situation_.settings.restapi.allowlist = {"localhost"};
  answer_requests(202, "reload scheduled");
  start();
  unsigned status = 403;
  for (int i = 0; i < 100 && status == 403; ++i) status = ask("POST", "/reload").status;
  EXPECT_EQ(status, 202u);
}

}  // namespace
}  // namespace matriarch::rest
