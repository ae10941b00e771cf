// The local PostgreSQL instance.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster.hpp"
#include "model/observation.hpp"
#include "model/postgres.hpp"
#include "model/settings.hpp"
#include "model/task.hpp"

namespace matriarch::ports {

struct PostgresError {
  std::string what;             // one line for the operator
  bool impossible = false;      // trying again cannot help (rewind: the data directory is unusable; clone: bad option)
  bool still_starting = false;  // start, restart: the timeout passed, the postmaster lives on
};
template <typename T>
using PostgresResult = model::Result<T, PostgresError>;

enum class StopMode { kSmart, kFast, kImmediate };

// Positions of a finished shutdown (docs/postgres.md, "shutdown positions").
struct ShutdownPositions {
  model::Lsn checkpoint;  // of the shutdown checkpoint
  model::Lsn last;        // end of WAL as standbys see it: a preceding WAL switch, else the checkpoint
};

struct StopRequest {
  StopMode mode = StopMode::kFast;
  bool checkpoint_first = false;
  std::optional<model::Milliseconds> limit;  // then immediate, then kill; nothing: wait
  // Called once when the control file says "shut down" though the postmaster may still be archiving.
  std::function<void(ShutdownPositions)> on_shutdown_checkpoint;
  std::function<void()> on_no_clients;       // no client backend is left
};

// A member to clone from or to rewind to. Empty conn_url: from a method that needs no leader.
struct Source {
  model::MemberName name;
  std::string conn_url;      // postgres://host:port/db
  std::string replication_slot;
  bool is_leader = true;
  bool remote = false;
  bool basebackup_only = false;  // clone: no other replica method
};

enum class FollowChange { kNothing, kReload, kRestart };

class Postgres {
 public:
  virtual ~Postgres() = default;

  // What is known now, without I/O. Kept current by the adapter: process events at once, positions by the status
  // query at each beat (loop_wait, or on refresh()).
  virtual std::shared_ptr<const model::PostgresNode> node() const = 0;
  // Called on the agent's executor when something changed that a rule may care about: the postmaster exited, accepts
  // connections, left recovery; a WAL sender came or went; the WAL receiver changed state. One subscriber.
  virtual void on_change(std::function<void(std::string event)> callback) = 0;
  virtual void apply_settings(std::shared_ptr<const model::Settings> settings) = 0;

  // Looks at the data directory and a running postmaster once, at start; adopts what runs.
  virtual boost::asio::awaitable<PostgresResult<void>> attach() = 0;
  // Runs the status query (bounded by `timeout`) and refreshes node().
  virtual boost::asio::awaitable<PostgresResult<void>> refresh(model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> read_control_data() = 0;                 // result in node().control
  virtual boost::asio::awaitable<PostgresResult<void>> read_history(model::Timeline timeline) = 0;  // in node().history
  virtual boost::asio::awaitable<model::DivergenceReport> check_divergence(Source leader, model::Milliseconds timeout) = 0;

  // Long operations. The agent runs one at a time; each is cancelled through its coroutine's cancellation slot, kills
  // its children then, and leaves node() truthful. They set state and role in node() as they go.
  virtual boost::asio::awaitable<PostgresResult<void>> bootstrap(model::BootstrapSettings how) = 0;        // up to a started server
  virtual boost::asio::awaitable<PostgresResult<void>> post_bootstrap() = 0;                                // users, script
  virtual boost::asio::awaitable<PostgresResult<void>> clone(std::vector<Source> sources, std::function<void(std::string)> progress) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> start(model::PostgresRole role, std::optional<model::Upstream> upstream, std::optional<model::Milliseconds> timeout) = 0;
  virtual boost::asio::awaitable<PostgresResult<ShutdownPositions>> stop(StopRequest request) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> restart(std::optional<model::Milliseconds> timeout) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> pre_promote() = 0;                                   // the user's script; none: success
  // Sends the signal and returns when the server left recovery.
  virtual boost::asio::awaitable<PostgresResult<void>> promote(model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> rewind(Source source) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> crash_recovery() = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> checkpoint() = 0;                                    // runs beside everything else
  virtual boost::asio::awaitable<PostgresResult<void>> copy_logical_slots(Source leader, std::vector<std::string> slots) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> discard_data(std::string why) = 0;                   // remove, or keep aside as configured
  virtual boost::asio::awaitable<PostgresResult<void>> set_data_aside(std::string suffix) = 0;              // ".failed"

  // Quick operations.
  virtual FollowChange follow_change(const std::optional<model::Upstream>& wanted) const = 0;               // from what was observed last
  virtual boost::asio::awaitable<PostgresResult<void>> follow_by_reload(model::Upstream upstream) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> set_sync_names(std::string text) = 0;                // configuration + reload
  virtual boost::asio::awaitable<PostgresResult<void>> sync_slots(std::shared_ptr<const model::Cluster> view) = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> resume_replay() = 0;
  virtual boost::asio::awaitable<PostgresResult<void>> reload() = 0;                                        // settings -> files -> SIGHUP
  virtual void set_role(model::PostgresRole role) = 0;
  virtual void set_state(model::PostgresState state) = 0;
  virtual void run_callback(std::string event) = 0;  // in order, bound to a deadline; never waited for
  // SIGKILL the postmaster and every process below it, now. Returns when all are gone, or after `limit` (then the error
  // says who is left with SIGKILL pending).
  virtual boost::asio::awaitable<PostgresResult<void>> fence(std::string reason, model::Milliseconds limit) = 0;
};

}  // namespace matriarch::ports
