// The effective configuration of a node: file, environment and dynamic configuration merged, checked and typed.
//
// Names, defaults and ranges are Patroni's (docs/configuration.md). Produced by settings/, read everywhere.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/cluster.hpp"
#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::model {

struct HostPort {
  std::string host;  // IPv6 without brackets; may be a comma list where the key allows it
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

struct Timing {
  Milliseconds ttl{30'000};
  Milliseconds loop_wait{10'000};
  Milliseconds retry_timeout{10'000};
  bool operator==(const Timing&) const = default;
};

enum class SynchronousMode { kOff, kOn, kQuorum };

struct StandbyClusterSettings {
  std::string host, port;
  std::optional<std::string> primary_slot_name;
  std::string restore_command, archive_cleanup_command, recovery_min_apply_delay;
  std::vector<std::string> create_replica_methods;
  bool operator==(const StandbyClusterSettings&) const = default;
};

// Read from the dynamic configuration alone.
struct DynamicSettings {
  Timing timing;  // as configured; the agent may use a longer effective ttl
  std::int64_t maximum_lag_on_failover = 1048576;  // bytes
  std::int64_t maximum_lag_on_syncnode = -1;       // bytes, <= 0 off
  bool check_timeline = false;
  Milliseconds primary_start_timeout{300'000};
  Milliseconds primary_stop_timeout{0};            // 0 = off; only with a synchronous mode
  Milliseconds primary_race_backoff{0};
  SynchronousMode synchronous_mode = SynchronousMode::kOff;
  bool synchronous_mode_strict = false;
  int synchronous_node_count = 1;
  bool failsafe_mode = false;
  bool pause = false;
  std::optional<StandbyClusterSettings> standby_cluster;
  int max_timelines_history = 0;
  Milliseconds member_slots_ttl{1'800'000};
  boost::json::object slots;
  boost::json::array ignore_slots;
  bool use_slots = true;
  boost::json::object document;                    // the accepted document, as in the store
  bool synchronous() const { return synchronous_mode != SynchronousMode::kOff && !standby_cluster; }
  bool operator==(const DynamicSettings&) const = default;
};

struct Credentials {
  std::string username, password;
  std::map<std::string, std::string> other;  // sslmode, sslcert, ... as libpq keywords
  bool operator==(const Credentials&) const = default;
};

// A program with its arguments given as user options: "--name=value" or "--name".
using Options = std::vector<std::string>;

struct ReplicaMethod {
  std::string name;
  std::string command;
  bool no_params = false, no_leader = false, keep_data = false;
  std::vector<std::pair<std::string, std::string>> parameters;
  bool operator==(const ReplicaMethod&) const = default;
};

struct PostgresSettings {
  std::string listen_addresses;  // comma list
  std::uint16_t port = 5432;
  HostPort connect_address;
  std::optional<HostPort> proxy_address;
  std::string data_dir;
  std::string config_dir;        // default data_dir
  std::string config_base_name = "postgresql";
  std::string bin_dir;           // empty: PATH
  std::map<std::string, std::string> bin_name;
  std::string database = "postgres";
  std::string pgpass;
  Credentials superuser, replication;
  std::optional<Credentials> rewind;
  bool use_unix_socket = false, use_unix_socket_repl = false;
  std::string krbsrvname;
  std::map<std::string, std::string> parameters;  // merged: dynamic, local, per role left to postgres/
  std::map<std::string, std::map<std::string, std::string>> role_parameters;  // "primary", "replica", "standby_leader"
  std::vector<std::string> pg_hba, pg_ident;
  std::map<std::string, std::vector<std::string>> role_pg_hba, role_pg_ident;
  std::string custom_conf;
  std::map<std::string, std::string> recovery_conf;
  bool use_pg_rewind = false;
  bool remove_data_directory_on_rewind_failure = false;
  bool remove_data_directory_on_diverged_timelines = false;
  std::vector<ReplicaMethod> create_replica_methods;  // in order; "basebackup" is built in
  std::vector<ReplicaMethod> spare_replica_methods;   // have a section with a command, and are not among them
  Options basebackup, rewind_options;
  std::map<std::string, std::string> callbacks;       // on_start, on_stop, on_restart, on_reload, on_role_change
  std::string pre_promote, before_stop;
  Milliseconds pg_ctl_timeout{60'000};
  bool operator==(const PostgresSettings&) const = default;
};

struct BootstrapSettings {
  boost::json::object dcs;
  std::string method = "initdb";
  Options initdb;
  std::string command;       // of a custom method
  bool no_params = false, keep_existing_recovery_conf = false;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::map<std::string, std::string> recovery_conf;
  std::vector<std::string> pg_hba;
  std::string post_bootstrap;
  bool operator==(const BootstrapSettings&) const = default;
};

enum class VerifyClient { kNone, kOptional, kRequired };

struct TlsFiles {
  std::string certfile, keyfile, keyfile_password, cafile, ciphers;
  bool enabled() const { return !certfile.empty(); }
  bool operator==(const TlsFiles&) const = default;
};

struct RestSettings {
  HostPort listen;
  HostPort connect_address;
  std::string username, password;  // both or none
  TlsFiles tls;
  VerifyClient verify_client = VerifyClient::kNone;
  std::vector<std::string> allowlist;
  bool allowlist_include_members = false;
  std::map<std::string, std::string> http_extra_headers, https_extra_headers;
  int request_queue_size = 5;        // listen backlog
  std::string server_tokens = "original";
  std::string api_url() const;     // "http://host:port/patroni"
  bool operator==(const RestSettings&) const = default;
};

// How this node and the command line call the REST API of others.
struct CtlSettings {
  std::string username, password;  // default: restapi.authentication
  bool insecure = false;
  std::string cacert, certfile, keyfile, keyfile_password;
  bool operator==(const CtlSettings&) const = default;
};

struct EmbeddedStoreSettings {
  std::string data_dir;            // default <postgresql.data_dir>.consensus
  HostPort listen, advertise;      // Raft; port 7400
  HostPort client_listen;          // etcd's API; port 7401
  std::vector<HostPort> peers;     // seeds; empty: a cluster of one
  std::string secret;
  TlsFiles tls;
  bool two_voters_without_witness = false;
  Milliseconds election_timeout{150}, heartbeat{50};
  bool operator==(const EmbeddedStoreSettings&) const = default;
};

struct EtcdSettings {
  std::vector<HostPort> hosts;
  std::string srv;                 // DNS domain of SRV records
  std::string srv_suffix;
  bool use_proxies = false;
  bool https = false;
  std::string username, password;
  TlsFiles tls;                    // cert, key, cacert
  bool operator==(const EtcdSettings&) const = default;
};

// Exactly one store is configured.
using StoreSettings = std::variant<EmbeddedStoreSettings, EtcdSettings>;

enum class WatchdogMode { kOff, kAutomatic, kRequired };
struct WatchdogSettings {
  WatchdogMode mode = WatchdogMode::kAutomatic;
  std::string device = "/dev/watchdog";
  std::string driver = "default";
  Milliseconds safety_margin{5'000};  // negative: half of the ttl
  bool operator==(const WatchdogSettings&) const = default;
};

struct LogSettings {
  bool json = false;
  std::string level = "INFO";
  bool details_only_at_debug = false;  // traceback_level
  std::string format = "%(asctime)s %(levelname)s: %(message)s";
  std::vector<std::pair<std::string, std::string>> fields;  // json only: field and the name to print it under; wins over format
  std::string dateformat;
  std::map<std::string, std::string> static_fields;
  std::size_t max_queue_size = 1000;
  std::string dir;                   // empty: stderr
  std::int64_t file_size = 25'000'000;
  int file_num = 4;
  std::optional<unsigned> mode;
  std::map<std::string, std::string> loggers;
  bool deduplicate_heartbeat_logs = false;
  bool operator==(const LogSettings&) const = default;
};

struct Settings {
  std::string scope;
  MemberName name;
  std::string name_space = "service";
  StoreSettings store;
  PostgresSettings postgresql;
  std::optional<BootstrapSettings> bootstrap;
  RestSettings restapi;
  CtlSettings ctl;
  WatchdogSettings watchdog;
  Tags tags;
  LogSettings log;
  DynamicSettings dynamic;
  std::string run_dir;               // holds the page and the sockets; empty: chosen by runtime

  bool uses_embedded_store() const { return std::holds_alternative<EmbeddedStoreSettings>(store); }
  // "/service/scope/": the prefix of every key in the store.
  std::string key_prefix() const;
  bool operator==(const Settings&) const = default;
};

// What copies a remote primary: the methods that the standby cluster names; without one, those of the node.
std::vector<ReplicaMethod> methods_for_remote(const Settings& settings);

// "node-1.example" -> "node_1_example": the replication slot of a member (docs/configuration.md).
std::string slot_name_of(const MemberName& name);

}  // namespace matriarch::model
