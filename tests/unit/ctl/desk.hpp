// A store and members for tests of commands: they answer what they are told and remember what they were asked.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <sstream>

#include "ctl/ctl.hpp"
#include "model/timestamp.hpp"
#include "unit/ctl/sample.hpp"

namespace matriarch::ctl {

namespace asio = boost::asio;
using ports::StoreResult;
using Done = StoreResult<model::Revision>;

// What the fake store holds and what was written to it; shared by all stores that a command opens.
struct Shelf {
  model::Cluster cluster = sample_cluster();
  std::optional<ports::StoreError> failure;
  std::vector<std::string> written;
  // Called before each read, so that a cluster can change while a command waits.
  std::function<void()> on_read;
};

class FakeStore final : public ports::Store {
 public:
  explicit FakeStore(Shelf& shelf) : shelf_(shelf) {}
  std::shared_ptr<const model::Cluster> view() const override { return nullptr; }
  bool connected() const override { return true; }
  void on_change(std::function<void()>) override {}
  asio::awaitable<StoreResult<std::shared_ptr<const model::Cluster>>> read(model::Milliseconds) override {
    if (shelf_.failure) co_return tl::unexpected(*shelf_.failure);
    if (shelf_.on_read) shelf_.on_read();
    co_return std::make_shared<const model::Cluster>(shelf_.cluster);
  }
  asio::awaitable<Done> write_config(boost::json::object document, std::optional<model::Revision> expected, model::Milliseconds) override {
    co_return note("config " + std::to_string(expected ? expected->value : -1) + " " + model::write_json(document));
  }
  asio::awaitable<Done> write_failover(boost::json::object document, std::optional<model::Revision> expected, model::Milliseconds) override {
    co_return note("failover " + std::to_string(expected ? expected->value : -1) + " " + model::write_json(document));
  }
  asio::awaitable<StoreResult<void>> delete_cluster(model::Milliseconds) override {
    shelf_.written.push_back("delete");
    co_return StoreResult<void>{};
  }
  // What no command may do.
  asio::awaitable<Done> create_initialize(std::string, model::SessionToken, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> set_initialize(std::string, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> cancel_initialize(model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> publish_member(model::MemberName, boost::json::object, model::SessionToken, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> delete_member(model::MemberName, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> write_status(model::StatusKey, model::MemberName, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> write_failsafe(std::map<model::MemberName, std::string>, model::MemberName, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> write_sync(model::WriteSync, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> delete_sync(model::Revision, model::Milliseconds) override { co_return note("?"); }
  asio::awaitable<Done> write_history(std::vector<model::HistoryLine>, model::Milliseconds) override { co_return note("?"); }

 private:
  Done note(std::string what) {
    shelf_.written.push_back(std::move(what));
    if (conflict_) return tl::unexpected(ports::StoreError{ports::StoreFailure::kConflict, "changed"});
    return model::Revision{9};
  }
  Shelf& shelf_;

 public:
  bool conflict_ = false;
};

// One command line at a time: `run` answers with the exit code, the texts are in out and err.
class Desk {
 public:
  Shelf shelf;
  bool conflict = false;
  std::vector<std::string> calls;  // "POST http://192.0.2.11:8008/patroni switchover {...}"
  net::NetError failure{.failure = net::NetFailure::kRefused, .what = "connection refused"};
  // The answer to a call; nothing: `failure`.
  std::function<std::optional<net::HttpResponse>(const Call&)> answer = [](const Call&) { return net::HttpResponse{.status = 200, .body = "ok"}; };
  std::map<std::string, std::string> environment{{"PATRONI_SCOPE", "orders"}, {"PATRONI_ETCD3_HOSTS", "127.0.0.1:2379"}, {"HOME", "/nonexistent"}};
  std::string program = "patronictl";
  StoreOperations embedded;  // of `store`
  RunStatement statement;    // of `query`
  std::string out, err;

  int run(std::vector<std::string> arguments, const std::string& input = {}) {
    std::istringstream in(input);
    std::ostringstream to_out, to_err;
    World world{.open_store = [this](asio::any_io_executor, const model::Settings& settings) -> tl::expected<std::unique_ptr<ports::Store>, std::string> {
                  opened = settings.scope;
                  auto store = std::make_unique<FakeStore>(shelf);
                  store->conflict_ = conflict;
                  return store;
                },
                .environment = environment,
                .wall_now = [] { return *model::parse_timestamp("2030-03-04T10:52:27.509785Z"); },
                .make_calls = [this](asio::any_io_executor, const model::Settings&) { return std::make_unique<Calls>(*this); },
                .open_embedded = [this](const model::Settings&) { return embedded; },
                .run_statement = statement};
    const int code = ctl::run(program, std::move(arguments), world, {in, to_out, to_err});
    out = to_out.str();
    err = to_err.str();
    return code;
  }
  std::string opened;

 private:
  class Calls final : public MemberCalls {
   public:
    explicit Calls(Desk& desk) : desk_(desk) {}
    asio::awaitable<net::NetResult<net::HttpResponse>> call(Call call) override {
      desk_.calls.push_back(call.method + " " + call.api_url + " " + call.endpoint + (call.body.empty() ? "" : " " + call.body));
      auto response = desk_.answer(call);
      if (!response) co_return tl::unexpected(desk_.failure);
      co_return std::move(*response);
    }

   private:
    Desk& desk_;
  };
};

}  // namespace matriarch::ctl
