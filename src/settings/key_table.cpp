// The rows. An operator's manual stands in docs/configuration.md; here a row says only what code must know.
#include <array>

#include "settings/support.hpp"

namespace matriarch::settings {
namespace {

constexpr auto R = Apply::kReload;
constexpr auto P = Apply::kPostgresRestart;
constexpr auto S = Apply::kAgentRestart;
constexpr auto B = Apply::kBootstrap;
constexpr auto D = Apply::kDynamicOnly;
constexpr auto kYes = Support::kSupported;
constexpr auto kDiffers = Support::kDiffers;
constexpr auto kNoEffect = Support::kNoEffect;
constexpr auto kRefused = Support::kRefused;

constexpr std::string_view kThreads = "the threads are few and fixed; nothing waits for a free one";
constexpr std::string_view kIsDynamic = "belongs to the dynamic configuration: bootstrap.dcs, or edit-config";
constexpr std::string_view kNotYet = "not supported yet";
constexpr std::string_view kLegacy = "old name, understood";
constexpr std::string_view kNotRun = "this program is never run: postgres is started, stopped and asked directly";
constexpr std::string_view kCallbacks = "one after another; ended after twice loop_wait, at least 10 s";
constexpr std::string_view kOwnTimes = "the embedded store has its own times: embedded.election_timeout, embedded.heartbeat";

// What may stand below `postgresql`, locally and in the dynamic configuration alike.
#define MATRIARCH_SHARED_POSTGRESQL_KEYS                                                                            \
  {"postgresql.config_base_name", "string", "postgresql", S}, {"postgresql.bin_dir", "path", "the PATH", S},        \
  {"postgresql.bin_name.pg_ctl", "string", "pg_ctl", R, kNoEffect, kNotRun},                                        \
  {"postgresql.bin_name.initdb", "string", "initdb", R},                                                            \
  {"postgresql.bin_name.pg_controldata", "string", "pg_controldata", R},                                            \
  {"postgresql.bin_name.pg_basebackup", "string", "pg_basebackup", R},                                              \
  {"postgresql.bin_name.postgres", "string", "postgres", R},                                                        \
  {"postgresql.bin_name.pg_isready", "string", "pg_isready", R, kNoEffect, kNotRun},                                \
  {"postgresql.bin_name.pg_rewind", "string", "pg_rewind", R},                                                      \
  {"postgresql.database", "string", "postgres", S}, {"postgresql.use_unix_socket", "boolean", "false", R},          \
  {"postgresql.use_unix_socket_repl", "boolean", "false", R},                                                       \
  {"postgresql.krbsrvname", "string", "", R, kDiffers, "PGKRBSRVNAME of scripts stays as at the start"},                 \
  {"postgresql.parameters.*", "setting", "", P}, {"postgresql.parameters_primary.*", "setting", "", P},             \
  {"postgresql.parameters_replica.*", "setting", "", P}, {"postgresql.parameters_standby_leader.*", "setting", "", P}, \
  {"postgresql.pg_hba", "list of lines", "", R}, {"postgresql.pg_hba_primary", "list of lines", "", R},             \
  {"postgresql.pg_hba_replica", "list of lines", "", R}, {"postgresql.pg_hba_standby_leader", "list of lines", "", R}, \
  {"postgresql.pg_ident", "list of lines", "", R}, {"postgresql.pg_ident_primary", "list of lines", "", R},         \
  {"postgresql.pg_ident_replica", "list of lines", "", R}, {"postgresql.pg_ident_standby_leader", "list of lines", "", R}, \
  {"postgresql.custom_conf", "path", "", R}, {"postgresql.recovery_conf.*", "setting", "", R},                      \
  {"postgresql.use_pg_rewind", "boolean", "false", R}, {"postgresql.rewind", "options", "", R},                     \
  {"postgresql.rewind.**", "options", "", R},                                                                       \
  {"postgresql.remove_data_directory_on_rewind_failure", "boolean", "false", R},                                    \
  {"postgresql.remove_data_directory_on_diverged_timelines", "boolean", "false", R},                                \
  {"postgresql.create_replica_methods", "list of names", "[basebackup]", R},                                        \
  {"postgresql.create_replica_method", "list of names", "", R, kYes, kLegacy},                                      \
  {"postgresql.basebackup", "options", "", R}, {"postgresql.basebackup.**", "options", "", R},                      \
  {"postgresql.callbacks.on_start", "command", "", R, kDiffers, kCallbacks},                                        \
  {"postgresql.callbacks.on_stop", "command", "", R, kDiffers, kCallbacks},                                         \
  {"postgresql.callbacks.on_restart", "command", "", R, kDiffers, kCallbacks},                                      \
  {"postgresql.callbacks.on_reload", "command", "", R, kDiffers, kCallbacks},                                       \
  {"postgresql.callbacks.on_role_change", "command", "", R, kDiffers, kCallbacks},                                  \
  {"postgresql.pre_promote", "command", "", R},                                                                     \
  {"postgresql.before_stop", "command", "", R},                                                                     \
  {"postgresql.pg_ctl_timeout", "seconds", "60", R, kDiffers, "0 and less mean 60, instead of failing at once"}

#define MATRIARCH_CREDENTIAL_KEYS(user)                                                                             \
  {"postgresql.authentication." user ".username", "string", "", R}, {"postgresql.authentication." user ".password", "string", "", R}, \
  {"postgresql.authentication." user ".sslmode", "string", "", R}, {"postgresql.authentication." user ".sslcert", "path", "", R},     \
  {"postgresql.authentication." user ".sslkey", "path", "", R}, {"postgresql.authentication." user ".sslpassword", "string", "", R},  \
  {"postgresql.authentication." user ".sslrootcert", "path", "", R}, {"postgresql.authentication." user ".sslcrl", "path", "", R},    \
  {"postgresql.authentication." user ".sslcrldir", "path", "", R}, {"postgresql.authentication." user ".gssencmode", "string", "", R}, \
  {"postgresql.authentication." user ".channel_binding", "string", "", R},                                          \
  {"postgresql.authentication." user ".sslnegotiation", "string", "", R}

#define MATRIARCH_ETCD_KEYS(section, support)                                                                       \
  {section ".host", "host:port", "", S, support}, {section ".hosts", "list or comma list of host:port", "", S, support}, \
  {section ".port", "integer", "2379", S, support}, {section ".url", "url", "", S, support}, {section ".proxy", "url", "", S, support}, \
  {section ".srv", "domain", "", S, support}, {section ".discovery_srv", "domain", "", S, support},                 \
  {section ".srv_domain", "domain", "", S, support}, {section ".srv_suffix", "string", "", S, support},       \
  {section ".use_proxies", "boolean", "false", S, support}, {section ".protocol", "http or https", "http", S, support}, \
  {section ".username", "string", "", R, support}, {section ".password", "string", "", R, support},                 \
  {section ".cacert", "path", "", S, support}, {section ".cert", "path", "", S, support}, {section ".key", "path", "", S, support}

constexpr std::array kLocalKeys = std::to_array<Key>({
    {"scope", "string", "", S},
    {"name", "string", "", S},
    {"namespace", "string", "service", S},
    {"thread_pool_size", "integer", "", S, kNoEffect, kThreads},
    {"thread_stack_size", "size", "", S, kNoEffect, kThreads},
    {"ttl", "seconds", "", D, kNoEffect, kIsDynamic},
    {"loop_wait", "seconds", "", D, kNoEffect, kIsDynamic},
    {"retry_timeout", "seconds", "", D, kNoEffect, kIsDynamic},
    {"standby_cluster", "mapping", "", D, kNoEffect, kIsDynamic},

    {"log.type", "plain or json", "plain", R},
    {"log.level", "level", "INFO", R},
    {"log.traceback_level", "DEBUG or ERROR", "ERROR", R, kDiffers, "changes nothing: there are no tracebacks"},
    {"log.format", "string or list", "%(asctime)s %(levelname)s: %(message)s", R, kDiffers,
     "names of modules, files and threads are all 'matriarch'"},
    {"log.format.**", "list", "", R},
    {"log.dateformat", "strftime", "", R},
    {"log.static_fields.*", "scalar", "", R},
    {"log.max_queue_size", "integer", "1000", S, kDiffers, "64 to 65536, never unbounded; the oldest line is dropped"},
    {"log.dir", "path", "", R},
    {"log.file_size", "bytes", "25000000", R},
    {"log.file_num", "integer", "4", R},
    {"log.mode", "octal integer", "", R},
    {"log.loggers.*", "level", "", R, kNoEffect, "they are Python's; log.level holds for everything"},
    {"log.deduplicate_heartbeat_logs", "boolean", "false", R, kNoEffect, "a line is written when something changes, never for a heartbeat"},

    {"restapi.listen", "host:port", "", R},
    {"restapi.connect_address", "host:port", "restapi.listen", R},
    {"restapi.authentication.username", "string", "", R},
    {"restapi.authentication.password", "string", "", R},
    {"restapi.certfile", "path", "", R},
    {"restapi.keyfile", "path", "", R},
    {"restapi.keyfile_password", "string", "", R},
    {"restapi.cafile", "path", "", R},
    {"restapi.ciphers", "string", "", R},
    {"restapi.verify_client", "none, optional or required", "none", R, kDiffers, "an unknown word is an error, not none"},
    {"restapi.allowlist", "list of hosts", "", R, kDiffers, "a comma list is understood; anything else than a list is an error"},
    {"restapi.allowlist_include_members", "boolean", "false", R},
    {"restapi.http_extra_headers.*", "string", "", R},
    {"restapi.https_extra_headers.*", "string", "", R},
    {"restapi.request_queue_size", "integer", "5", S, kNoEffect, "the queue is as long as the system allows"},
    {"restapi.thread_pool_size", "integer", "", S, kNoEffect, kThreads},
    {"restapi.server_tokens", "original, minimal or productonly", "original", R},

    {"ctl.authentication.username", "string", "restapi.authentication.username", R},
    {"ctl.authentication.password", "string", "restapi.authentication.password", R},
    {"ctl.insecure", "boolean", "false", R},
    {"ctl.cacert", "path", "restapi.cafile", R},
    {"ctl.certfile", "path", "", R},
    {"ctl.keyfile", "path", "", R},
    {"ctl.keyfile_password", "string", "", R},

    {"bootstrap.dcs.**", "mapping", "{}", B},
    {"bootstrap.method", "string", "initdb", B, kDiffers, "a method without a command is an error, not initdb"},
    {"bootstrap.initdb", "options", "", B},
    {"bootstrap.initdb.**", "options", "", B},
    {"bootstrap.pg_hba", "list of lines", "", B},
    {"bootstrap.post_bootstrap", "command", "", B},
    {"bootstrap.post_init", "command", "", B, kYes, kLegacy},
    {"bootstrap.users.**", "mapping", "", B, kNoEffect, "gone since Patroni 4: create roles in post_bootstrap"},

    {"postgresql.listen", "hosts:port", "", P},
    {"postgresql.connect_address", "host:port", "", R},
    {"postgresql.proxy_address", "host:port", "", R},
    {"postgresql.data_dir", "path", "", S},
    {"postgresql.config_dir", "path", "postgresql.data_dir", S},
    {"postgresql.pgpass", "path", "~/pgpass", S},
    {"postgresql.use_slots", "boolean", "", D, kNoEffect, kIsDynamic},
    MATRIARCH_CREDENTIAL_KEYS("superuser"),
    MATRIARCH_CREDENTIAL_KEYS("replication"),
    MATRIARCH_CREDENTIAL_KEYS("rewind"),
    MATRIARCH_SHARED_POSTGRESQL_KEYS,
    {"postgresql.name", "string", "", S, kYes, kLegacy},
    {"postgresql.replication.**", "mapping", "", R, kYes, kLegacy},
    {"postgresql.superuser.**", "mapping", "", R, kYes, kLegacy},
    {"postgresql.pg_rewind.**", "mapping", "", R, kYes, kLegacy},

    {"watchdog.mode", "off, automatic or required", "automatic", R},
    {"watchdog.device", "path", "/dev/watchdog", R},
    {"watchdog.safety_margin", "seconds", "5", R},
    {"watchdog.driver", "string", "default", R, kNoEffect, "every device is used in the same way"},

    {"tags.nofailover", "boolean", "false", R, kDiffers, "the text \"false\" is false"},
    {"tags.failover_priority", "integer", "1", R},
    {"tags.noloadbalance", "boolean", "false", R, kDiffers, "the text \"false\" is false"},
    {"tags.clonefrom", "boolean", "false", R, kDiffers, "the text \"false\" is false"},
    {"tags.nosync", "boolean", "false", R, kDiffers, "the text \"false\" is false"},
    {"tags.sync_priority", "integer", "1", R},
    {"tags.replicatefrom", "member", "", R},
    {"tags.nostream", "boolean", "false", R},
    {"tags.**", "any", "", R},

    {"embedded.data_dir", "path", "<postgresql.data_dir>.consensus", S},
    {"embedded.listen", "host:port", "embedded.advertise", S},
    {"embedded.advertise", "host:port", "host of restapi.connect_address, port 7400", S},
    {"embedded.client_listen", "host:port", "127.0.0.1:7401", S},
    {"embedded.peers", "list or comma list of host:port", "", S},
    {"embedded.secret", "string", "", S},
    {"embedded.certfile", "path", "", S},
    {"embedded.keyfile", "path", "", S},
    {"embedded.keyfile_password", "string", "", S},
    {"embedded.cafile", "path", "", S},
    {"embedded.two_voters_without_witness", "boolean", "false", S},
    {"embedded.election_timeout", "time", "150ms", S},
    {"embedded.heartbeat", "time", "50ms", S},

    {"raft.self_addr", "host:port", "", S, kDiffers, "the embedded store; Patroni's own Raft nodes cannot join"},
    {"raft.bind_addr", "host:port", "raft.self_addr", S},
    {"raft.partner_addrs", "list of host:port", "", S},
    {"raft.data_dir", "path", "", S, kDiffers, "default: beside PGDATA; Patroni's journal is not read"},
    {"raft.password", "string", "", S, kDiffers, "required when there are partners: traffic is never in clear"},
    {"raft.append_entries_period", "seconds", "", S, kNoEffect, kOwnTimes},
    {"raft.min_timeout", "seconds", "", S, kNoEffect, kOwnTimes},
    {"raft.max_timeout", "seconds", "", S, kNoEffect, kOwnTimes},
    {"raft.connection_timeout", "seconds", "", S, kNoEffect, kOwnTimes},
    {"raft.connection_retry_time", "seconds", "", S, kNoEffect, kOwnTimes},
    {"raft.leader_fallback_timeout", "seconds", "", S, kNoEffect, kOwnTimes},

    MATRIARCH_ETCD_KEYS("etcd3", kYes),
    MATRIARCH_ETCD_KEYS("etcd", kRefused),

    {"consul.**", "mapping", "", S, kRefused, kNotYet},
    {"zookeeper.**", "mapping", "", S, kRefused, kNotYet},
    {"kubernetes.**", "mapping", "", S, kRefused, kNotYet},
    {"exhibitor.**", "mapping", "", S, kRefused, "Exhibitor is no longer maintained: name the ZooKeeper hosts"},
    {"citus.**", "mapping", "", S, kRefused, kNotYet},

    {"matriarch.run_dir", "path", "/run/matriarch/SCOPE-NAME, else beside PGDATA", S},
    {"matriarch.failover.**", "mapping", "", R, kRefused, kNotYet},
    {"matriarch.health.**", "mapping", "", R, kRefused, kNotYet},
    {"matriarch.slot_wal_budget", "size", "", R, kRefused, kNotYet},
    {"matriarch.keep_diverged", "boolean", "", R, kRefused, kNotYet},
    {"matriarch.keep_diverged_max", "size", "", R, kRefused, kNotYet},
    {"matriarch.users.**", "list", "", R, kRefused, kNotYet},
    {"matriarch.insecure_api", "boolean", "", R, kRefused, kNotYet},
    {"matriarch.lock_commands", "boolean", "", R, kRefused, kNotYet},
    {"matriarch.pgbouncer.**", "mapping", "", R, kRefused, kNotYet},
});

constexpr std::array kDynamicKeys = std::to_array<Key>({
    {"ttl", "seconds", "30; embedded: 2", D, kDiffers, "fractions where no Python Patroni takes part"},
    {"loop_wait", "seconds", "10; embedded: 1", D, kDiffers, "fractions where no Python Patroni takes part"},
    {"retry_timeout", "seconds", "10; embedded: 0.5", D, kDiffers, "fractions where no Python Patroni takes part"},
    {"maximum_lag_on_failover", "bytes", "1048576", D},
    {"maximum_lag_on_syncnode", "bytes", "-1", D},
    {"check_timeline", "boolean", "false", D},
    {"max_timelines_history", "integer", "0", D},
    {"primary_start_timeout", "seconds", "300", D},
    {"master_start_timeout", "seconds", "", D, kYes, kLegacy},
    {"primary_stop_timeout", "seconds", "0", D},
    {"master_stop_timeout", "seconds", "", D, kYes, kLegacy},
    {"primary_race_backoff", "seconds", "0", D},
    {"synchronous_mode", "boolean or quorum", "false", D},
    {"synchronous_mode_strict", "boolean", "false", D},
    {"synchronous_node_count", "integer", "1", D},
    {"failsafe_mode", "boolean", "false", D},
    {"pause", "boolean", "false", D},
    {"member_slots_ttl", "seconds or time", "30min", D},
    {"slots.**", "mapping", "{}", D},
    {"permanent_slots.**", "mapping", "", D, kYes, kLegacy},
    {"permanent_replication_slots.**", "mapping", "", D, kYes, kLegacy},
    {"ignore_slots.**", "list of mappings", "[]", D},
    {"standby_cluster.host", "hosts", "", D},
    {"standby_cluster.port", "port", "", D},
    {"standby_cluster.primary_slot_name", "string", "", D},
    {"standby_cluster.create_replica_methods", "list of names", "", D},
    {"standby_cluster.restore_command", "command", "", D},
    {"standby_cluster.archive_cleanup_command", "command", "", D},
    {"standby_cluster.recovery_min_apply_delay", "time", "", D},
    {"postgresql.use_slots", "boolean", "true", D},
    MATRIARCH_SHARED_POSTGRESQL_KEYS,
    {"postgresql.listen", "hosts:port", "", D, kNoEffect, "local only"},
    {"postgresql.connect_address", "host:port", "", D, kNoEffect, "local only"},
    {"postgresql.proxy_address", "host:port", "", D, kNoEffect, "local only"},
    {"postgresql.data_dir", "path", "", D, kNoEffect, "local only"},
    {"postgresql.config_dir", "path", "", D, kNoEffect, "local only"},
    {"postgresql.pgpass", "path", "", D, kNoEffect, "local only"},
    {"postgresql.authentication.**", "mapping", "", D, kNoEffect, "local only"},
    {"matriarch.**", "mapping", "", D, kRefused, kNotYet},
});

#undef MATRIARCH_SHARED_POSTGRESQL_KEYS
#undef MATRIARCH_CREDENTIAL_KEYS
#undef MATRIARCH_ETCD_KEYS

}  // namespace

std::span<const Key> local_keys() { return kLocalKeys; }
std::span<const Key> dynamic_keys() { return kDynamicKeys; }

}  // namespace matriarch::settings
