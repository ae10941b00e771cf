// What every command works with: the configuration, the store, the members' APIs, the operator.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ctl/configuration.hpp"
#include "ctl/ctl.hpp"
#include "ctl/prompt.hpp"
#include "ctl/store_members.hpp"

namespace matriarch::ctl {

using CallResult = net::NetResult<net::HttpResponse>;

class Context {
 public:
  Context(std::string program, const World& world, Streams streams, GlobalOptions options);
  ~Context();

  // Reads the configuration; throws Failure.
  void load();
  const model::Settings& settings() const { return settings_; }
  const std::string& program() const { return program_; }
  // "patronictl list".
  std::string command(std::string_view name) const { return program_ + " " + std::string(name); }
  // How a command that is suggested begins, so that it finds the same cluster: "matriarch -c /etc/matriarch.yml".
  std::string invocation() const;
  // A refusal by a member makes the exit code 1.
  bool strict() const { return strict_; }
  Streams& streams() { return streams_; }
  std::ostream& out() { return streams_.out; }
  Prompt& prompt() { return prompt_; }
  model::WallTime wall_now() const { return world_.wall_now(); }
  const std::map<std::string, std::string>& environment() const { return world_.environment; }
  boost::asio::io_context& io() { return io_; }

  // The name given, else the configured scope; throws Failure when there is neither.
  std::string cluster_name(const std::optional<std::string>& given) const;
  // A linearizable read of the cluster; throws Failure.
  std::shared_ptr<const model::Cluster> read(const std::string& cluster);
  ports::StoreResult<std::shared_ptr<const model::Cluster>> try_read(const std::string& cluster);
  ports::Store& store(const std::string& cluster);
  model::Milliseconds store_timeout() const;
  std::string store_kind() const;
  // Throws Failure when the configuration is of another store.
  StoreOperations embedded_store() const;
  // What it says of itself; nothing when the configuration is of another store. Never throws for what does not answer.
  std::optional<StoreMembers> store_members() const;

  CallResult call(Call call);
  // All at once; results in the order of the calls.
  std::vector<CallResult> call_all(std::vector<Call> calls);
  void sleep_for(model::Milliseconds duration);
  // With what every connection of this tool has.
  tl::expected<StatementAnswer, StatementFailure> run_statement(std::map<std::string, std::string> conninfo, const std::string& sql,
                                                                std::optional<bool> in_recovery);

  // Runs a coroutine to its end.
  template <typename T>
  T wait(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr failure;
    boost::asio::co_spawn(io_, std::move(work), [&](std::exception_ptr thrown, T value) {
      failure = thrown;
      if (!thrown) result.emplace(std::move(value));
    });
    io_.restart();
    while (!result && !failure) io_.run_one();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

 private:
  std::string program_;
  const World& world_;
  Streams streams_;
  GlobalOptions options_;
  Prompt prompt_;
  bool strict_ = true;
  model::Settings settings_;
  boost::asio::io_context io_;
  std::map<std::string, std::unique_ptr<ports::Store>> stores_;
  std::unique_ptr<MemberCalls> calls_;
};

// A member's refusal or a failed call in words: "status code=401, (no auth header received)" or "connection refused".
std::string describe(const CallResult& result);

}  // namespace matriarch::ctl
