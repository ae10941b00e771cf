// What all operations on the local server share. One per agent, on one executor; held by shared_ptr because coroutines
// under way outlive the Instance that began them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/settings.hpp"
#include "ports/journal.hpp"
#include "ports/postgres.hpp"
#include "postgres/callbacks.hpp"
#include "postgres/child.hpp"
#include "postgres/config_files.hpp"
#include "postgres/connection.hpp"
#include "postgres/launcher.hpp"
#include "postgres/node_board.hpp"
#include "postgres/postmaster_file.hpp"
#include "postgres/recovery_settings.hpp"
#include "postgres/session.hpp"
#include "postgres/slot_row.hpp"
#include "postgres/status_query.hpp"
#include "postgres/waiting.hpp"
#include "postgres/watching.hpp"

namespace matriarch::postgres {

using Outcome = ports::PostgresResult<void>;

inline tl::unexpected<ports::PostgresError> failure(std::string what) {
  return tl::unexpected(ports::PostgresError{.what = std::move(what)});
}
inline tl::unexpected<ports::PostgresError> impossible(std::string what) {
  return tl::unexpected(ports::PostgresError{.what = std::move(what), .impossible = true});
}

// The process that is our server now.
struct Postmaster {
  std::optional<ProcessId> process;  // nothing: none runs
  system::Fd pidfd;
  PostmasterFile file;               // as last read
  Watching end;                      // of the process
  bool end_expected = false;         // we are stopping it
  Event stirred;                     // it ended, or one of its files changed
  bool is(const ProcessId& other) const { return process == other; }
};

// What the configuration files were written from, beside the settings.
struct Configuration {
  std::optional<std::string> sync_names;            // by the synchronous replication logic; wins over the user's
  bool hot_standby_feedback = false;                // forced: permanent logical slots are here or below
  bool is_standby = false;                          // a recovery section is in force
  std::optional<model::Upstream> upstream;          // of it
  std::map<std::string, std::string> recovery;      // of a custom bootstrap: instead of what an upstream would give
  std::map<std::string, std::string> parameters;    // as last written
  bool custom_bootstrap = false;                    // trust for our users, hot_standby perhaps off, auto.conf perhaps kept
  bool keeps_recovery_settings = false;
  bool hot_standby_off = false;
  std::vector<std::string> custom_hba;
};

// What the server said about the settings of a standby, and when it had loaded them.
struct RecoveryKnown {
  std::string loaded_at, started_at;
  RecoveryInEffect in_effect;
};

struct Site : std::enable_shared_from_this<Site> {
  Site(asio::any_io_executor executor, std::shared_ptr<const model::Settings> settings, ports::Journal& journal, PostmasterLauncher& launcher);

  asio::any_io_executor executor;
  std::shared_ptr<const model::Settings> settings;
  ports::Journal& journal;
  PostmasterLauncher& launcher;
  FileThreads files{2};
  NodeBoard board;
  Session session;
  Postmaster postmaster;
  Configuration configuration;
  std::vector<std::string> complaints;              // about settings, as last logged
  std::vector<std::string> slot_complaints;
  Callbacks callbacks;
  Event state_changed;                              // the server became ready, or ended, or is starting anew
  std::string pending_callback;                     // to run once it accepts connections; empty: on_start
  bool blocks_callbacks = false;                    // restart: one callback for both halves
  std::uint64_t fences = 0;                         // a start that finds this changed kills what it started
  bool closed = false;                              // the Instance is gone: background coroutines end

  DirectoryLook directory;                          // as last looked at
  int binary_version = 0;                           // of `postgres --version`
  std::optional<std::set<std::string>> known_settings;  // of `postgres --describe-config`
  std::optional<Status> status;                     // the last answer of the running server
  RecoveryKnown recovery;
  std::map<int, Watching> walsender_ends;           // pid -> its end
  std::pair<int, Watching> receiver_end;
  Event replication_ended;                          // a WAL sender, or the receiver
  std::optional<Deadline> sync_names_seen_at;       // first seen after there were none; nothing: commits wait for them
  std::string archive_mode;                         // as the server last told; empty: never asked
  std::optional<Deadline> timeline_asked_at;        // IDENTIFY_SYSTEM

  const model::PostgresSettings& postgresql() const { return settings->postgresql; }
  const std::string& data_directory() const { return settings->postgresql.data_dir; }
  ConfigPaths paths() const;
  std::string program(const std::string& name) const;
  int major_version() const { return directory.major_version; }
  // Of the running server, else of the program if it fits the data, else the data's.
  int version() const;
  bool is_running() const { return postmaster.process.has_value(); }
  // For one short run of a tool.
  Deadline tool_deadline() const;

  void log(ports::Level level, std::string text) { journal.log(level, std::move(text)); }
  void info(std::string text) { journal.log(ports::Level::kInfo, std::move(text)); }
  void warn(std::string text) { journal.log(ports::Level::kWarning, std::move(text)); }
  void set_state(model::PostgresState state) {
    board.set_state(state);
    state_changed.notify_all();
  }
};

// Runs one of PostgreSQL's programs and returns what it wrote; the error names the program.
asio::awaitable<model::Result<ChildOutcome, std::string>> run_tool(Site& site, std::string name, std::vector<std::string> arguments,
                                                                   std::vector<std::string> environment, Deadline deadline);
// Looks at the data directory and keeps what it saw, in node() too.
asio::awaitable<void> look_at_directory(Site& site);
// pg_controldata into node().
asio::awaitable<Outcome> read_control_data(Site& site);

}  // namespace matriarch::postgres
