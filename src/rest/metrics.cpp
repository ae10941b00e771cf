#include "rest/metrics.hpp"

#include <array>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "model/timestamp.hpp"
#include "model/version.hpp"

namespace matriarch::rest {
namespace {

std::string escape_label(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return escaped;
}

class Page {
 public:
  explicit Page(const model::Settings& settings)
      : labels_(fmt::format("scope=\"{}\",name=\"{}\"", escape_label(settings.scope), escape_label(settings.name.text))) {}

  void describe(std::string_view name, std::string_view type, std::string_view help, std::string_view comment = {}) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n", name, help);
    if (!comment.empty()) fmt::format_to(std::back_inserter(text_), "# {}\n", comment);
    fmt::format_to(std::back_inserter(text_), "# TYPE {} {}\n", name, type);
  }
  void sample(std::string_view value, std::string_view more_labels = {}) {
    fmt::format_to(std::back_inserter(text_), "{}{{{}{}{}}} {}\n", name_, labels_, more_labels.empty() ? "" : ",", more_labels, value);
  }
  template <typename Number>
  void add(std::string_view name, std::string_view type, std::string_view help, Number value) {
    describe(name, type, help);
    if constexpr (std::is_same_v<Number, bool>) {
      sample(value ? "1" : "0");
    } else {
      sample(fmt::format("{}", value));
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string labels_, name_, text_;
};

// Seconds since the epoch; 0 when the text is not a time.
double epoch_seconds(const std::string& text) {
  const auto at = model::parse_timestamp(text);
  if (!at) return 0;
  return std::chrono::duration<double>(at->time_since_epoch()).count();
}

// "4.1.4" -> "040104".
std::string digits_of(std::string_view version) {
  std::string digits;
  while (!version.empty()) {
    const auto dot = version.find('.');
    digits += fmt::format("{:0>2}", version.substr(0, dot));
    version = dot == std::string_view::npos ? std::string_view{} : version.substr(dot + 1);
  }
  return digits;
}

constexpr std::string_view kStateComment =
    "Values: 0=initdb, 1=initdb_failed, 2=custom_bootstrap, 3=custom_bootstrap_failed, 4=creating_replica, 5=running, 6=starting, "
    "7=bootstrap_starting, 8=start_failed, 9=restarting, 10=restart_failed, 11=stopping, 12=stopped, 13=stop_failed, 14=crashed";

void add_postgres(const Reading& reading, const NodeStatus& status, Page& page) {
  const auto& node = *reading.postgres;
  const bool known = status.has_positions;
  const auto of_standby = [&](model::Lsn lsn) { return known && !status.is_primary ? lsn.value : 0; };
  page.add("patroni_postgres_running", "gauge", "Value is 1 if Postgres is running, 0 otherwise.", status.state == "running");
  page.add("patroni_postmaster_start_time", "gauge", "Epoch seconds since Postgres started.", known ? epoch_seconds(node.postmaster_start_time) : 0.0);
  page.add("patroni_primary", "gauge", "Value is 1 if this node is the leader, 0 otherwise.", status.role == "primary");
  page.add("patroni_xlog_location", "counter", "Current location of the Postgres transaction log, 0 if this node is not the leader.", status.location.value);
  page.add("patroni_standby_leader", "gauge", "Value is 1 if this node is the standby_leader, 0 otherwise.", status.role == "standby_leader");
  page.add("patroni_replica", "gauge", "Value is 1 if this node is a replica, 0 otherwise.", status.role == "replica");
  page.add("patroni_sync_standby", "gauge", "Value is 1 if this node is a sync standby, 0 otherwise.", status.is_sync_standby);
  page.add("patroni_quorum_standby", "gauge", "Value is 1 if this node is a quorum standby, 0 otherwise.", status.is_quorum_standby);
  page.add("patroni_xlog_received_location", "counter", "Current location of the received Postgres transaction log, 0 if this node is not a replica.", of_standby(status.received));
  page.add("patroni_xlog_replayed_location", "counter", "Current location of the replayed Postgres transaction log, 0 if this node is not a replica.", of_standby(status.replayed));
  page.add("patroni_xlog_replayed_timestamp", "gauge", "Current timestamp of the replayed Postgres transaction log, 0 if null.", known ? epoch_seconds(node.replayed_timestamp) : 0.0);
  page.add("patroni_xlog_paused", "gauge", "Value is 1 if the replay of the Postgres transaction log is paused, 0 otherwise.", known && node.replay_paused);
  if (known) {
    page.add("patroni_postgres_streaming", "gauge", "Value is 1 if Postgres is streaming, 0 otherwise.", status.replication_state == "streaming");
    page.add("patroni_postgres_in_archive_recovery", "gauge", "Value is 1 if Postgres is replicating from archive, 0 otherwise.", status.replication_state == "in archive recovery");
  }
  page.add("patroni_postgres_server_version", "gauge", "Version of Postgres (if running), 0 otherwise.", known ? node.server_version : 0);
}

bool is_failsafe_member(const Reading& reading) {
  const auto* cluster = reading.last_known_cluster();
  return cluster && cluster->failsafe && cluster->failsafe->contains(reading.settings->name);
}

std::int64_t last_contact(const Reading& reading) {
  if (reading.lease.last_contact == model::Instant{}) return 0;
  return std::chrono::floor<std::chrono::seconds>(reading.to_wall(reading.lease.last_contact)).time_since_epoch().count();
}

void add_cluster(const Reading& reading, const NodeStatus& status, Page& page) {
  page.add("patroni_cluster_unlocked", "gauge", "Value is 1 if the cluster is unlocked, 0 if locked.", status.cluster_unlocked);
  page.add("patroni_failsafe_mode_is_active", "gauge", "Value is 1 if failsafe mode is active, 0 if inactive.", status.failsafe_active);
  page.add("patroni_failsafe_mode_enabled", "gauge", "Value is 1 if failsafe mode is enabled, 0 otherwise.", reading.dynamic().failsafe_mode);
  page.add("patroni_failsafe_member", "gauge", "Value is 1 if this node is a member of failsafe topology, 0 otherwise.", is_failsafe_member(reading));
  page.add("patroni_postgres_timeline", "gauge", "Postgres timeline of this node (if running), 0 otherwise.", status.timeline.value);
  page.add("patroni_dcs_last_seen", "gauge", "Epoch timestamp when the store was last contacted successfully.", last_contact(reading));
  page.add("patroni_pending_restart", "gauge", "Value is 1 if the node needs a restart, 0 otherwise.", !reading.postgres->pending_restart.empty());
  page.add("patroni_is_paused", "gauge", "Value is 1 if auto failover is disabled, 0 otherwise.", status.paused);
  page.describe("patroni_postgres_state", "gauge", "Numeric representation of Postgres state.", kStateComment);
  page.sample(status.state == "unknown" ? "-1" : fmt::format("{}", static_cast<int>(reading.postgres->state)));
  page.add("patroni_failover_priority", "gauge", "Failover priority of this node.", reading.settings->tags.failover_priority());
}

void add_own(const Reading& reading, const NodeStatus& status, const ApiCounters& counters, Page& page) {
  const double margin = status.holds_lease ? std::chrono::duration<double>(reading.lease.valid_until - reading.now).count() : 0.0;
  page.add("matriarch_lease_held", "gauge", "Value is 1 while this node holds a valid leader lease.", status.holds_lease);
  page.add("matriarch_lease_margin_seconds", "gauge", "Time until the leader lease runs out, 0 without one.", margin);
  page.add("matriarch_lease_term", "gauge", "Term of the last lease acquired by this node.", reading.lease.term);
  page.add("matriarch_store_reachable", "gauge", "Value is 1 while the view of the store is current.", status.store_available);
  if (reading.snapshot) {
    const auto age = std::chrono::duration<double>(reading.now - reading.snapshot->decided_at).count();
    page.add("matriarch_decision_age_seconds", "gauge", "Time since the agent's last decision.", age);
    page.describe("matriarch_rule", "gauge", "The rule that fired last.");
    page.sample("1", fmt::format("table=\"{}\",rule=\"{}\"", escape_label(reading.snapshot->decision.table), escape_label(reading.snapshot->decision.rule)));
    page.add("matriarch_task_running", "gauge", "Value is 1 while a long operation on PostgreSQL runs.", reading.snapshot->seen.task.has_value());
  }
  page.describe("matriarch_api_answers_total", "counter", "Answers of the REST API by status.");
  for (const auto& [code, count] : counters.answers) page.sample(fmt::format("{}", count), fmt::format("code=\"{}\"", code));
  if (counters.certificate_end) {
    const auto left = std::chrono::duration<double>(*counters.certificate_end - reading.wall_now).count();
    page.add("matriarch_api_certificate_seconds_left", "gauge", "Time until the API's certificate ends.", left);
  }
  page.add("matriarch_api_seconds_total", "counter", "Time spent answering requests.", counters.seconds);
}

}  // namespace

std::string metrics_text(const Reading& reading, const NodeStatus& status, const ApiCounters& counters) {
  Page page(*reading.settings);
  page.describe("patroni_version", "gauge", "Patroni semver without periods.");
  page.sample(digits_of(model::kPatroniVersion));
  add_postgres(reading, status, page);
  add_cluster(reading, status, page);
  add_own(reading, status, counters, page);
  return page.take();
}

}  // namespace matriarch::rest
