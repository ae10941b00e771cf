// Real instances in a private directory: what every test of this folder works with.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/settings.hpp"
#include "ports/journal.hpp"
#include "postgres/connection.hpp"
#include "postgres/direct_launcher.hpp"
#include "postgres/instance.hpp"

namespace matriarch::postgres::real {

using namespace std::chrono_literals;

// Keeps what was logged.
class MemoryJournal final : public ports::Journal {
 public:
  void log(ports::Level, std::string text) override { lines.push_back(std::move(text)); }
  void event(std::string, boost::json::object) override {}
  bool has(const std::string& text) const;
  std::vector<std::string> lines;
};

// One loop for all instances of a test.
class Loop {
 public:
  boost::asio::io_context io{1};
  // Runs the coroutine to its end; a test that hangs fails with an exception.
  template <typename T>
  T run(boost::asio::awaitable<T> work, std::chrono::milliseconds limit = 120s) {
    // Shared: work that is given up goes on until the loop ends.
    struct End {
      std::optional<T> result;
      std::exception_ptr failure;
    };
    const auto end = std::make_shared<End>();
    boost::asio::co_spawn(io, std::move(work), [end](std::exception_ptr error, T value) {
      end->failure = error;
      end->result = std::move(value);
    });
    until([&] { return end->result.has_value(); }, limit);
    if (end->failure) std::rethrow_exception(end->failure);
    return std::move(*end->result);
  }
  // Runs the loop until the condition holds; throws when it does not in time.
  void until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 30s);
};

class Member {
 public:
  Member(Loop& loop, std::string directory, std::string name, std::function<void(model::Settings&)> adjust = {});
  ~Member();

  Instance& instance() { return *instance_; }
  const model::PostgresNode& node() { return *instance_->node(); }
  const model::Settings& settings() const { return *settings_; }
  void change_settings(const std::function<void(model::Settings&)>& adjust);
  // Another agent takes over; PostgreSQL runs on.
  void restart_agent();
  std::vector<std::string> events;
  MemoryJournal journal;

  ports::Source as_source() const;
  model::Upstream as_upstream(const Member& standby) const;
  std::string data() const { return settings_->postgresql.data_dir; }

  // Over a connection of the test's own.
  std::string sql(const std::string& statement);
  std::optional<std::string> try_sql(const std::string& statement, std::chrono::milliseconds limit = 2s);
  Conninfo conninfo() const;
  pid_t postmaster() const;

  // An initialised, running primary with its users.
  void become_first();
  void clone_from(Member& source);
  void follow(const Member& primary);
  void stop(ports::StopMode mode = ports::StopMode::kFast);
  Loop& loop() { return loop_; }

 private:
  Loop& loop_;
  std::shared_ptr<model::Settings> settings_;
  std::unique_ptr<DirectLauncher> launcher_;
  std::unique_ptr<Instance> instance_;
};

// Text of the error, for messages of assertions; "ok" if there is none.
template <typename T>
std::string why(const ports::PostgresResult<T>& result) {
  return result ? std::string("ok") : result.error().what;
}

// A directory of its own for the test, removed at its end.
class Directory {
 public:
  Directory();
  ~Directory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::uint16_t free_port();
std::string bin_dir();
void write_file(const std::string& path, const std::string& content, int mode = 0600);
std::string read_text(const std::string& path);

}  // namespace matriarch::postgres::real
